"""Checking recordings: what the gates measure on a consent recording or a style clip goes to accounts."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

import numpy as np
from django.conf import settings

from accounts.consent import services as consent
from accounts.consent.models import Submission
from accounts.consent.services import checks
from accounts.gates.challenge import ChallengeSpec
from accounts.gates.consent import check_consent
from accounts.gates.style import check_style
from accounts.voices import selectors
from accounts.voices.embeddings import from_bytes
from accounts.voices.models import Style
from synth.audio.decode import DecodeLimits
from synth.errors import AssentError
from watermark.codec import detect
from watermark.selectors import readable_epochs
from worker import resident
from worker.carried import gate_of
from worker.decoding import decode_stored
from worker.heartbeat import Heartbeat

logger = logging.getLogger(__name__)
_LIMITS = DecodeLimits(max_duration_s=120.0, min_sample_rate_hz=4_000)  # the gates say what is needed


def check_submission(submission: Submission) -> None:
    """Measure a claimed consent recording and hand in the report."""
    challenge = submission.challenge

    def measure() -> dict[str, Any]:
        audio = decode_stored(submission.upload.name or "", limits=_LIMITS)
        alone = challenge.language != "en"
        witness = resident.recogniser() if alone or settings.ASSENT_SECOND_WITNESS else None
        with witness or nullcontext() as listener:
            report = check_consent(
                audio.samples,
                audio.sample_rate_hz,
                challenge=ChallengeSpec.from_json(challenge.spec),
                known_fingerprints=selectors.known_fingerprints(),
                mark_detector=carries_our_mark,
                reference_embeddings=selectors.reference_embeddings(challenge.voice),
                protected_embeddings=selectors.protected_embeddings(challenge.voice),
                models_dir=settings.ASSENT_MODELS_DIR,
                recogniser=listener,
            )
        report.gates.append(gate_of(submission.upload.name or ""))
        return report.as_dict()

    result = _measured(measure, Submission, submission)
    if result is not None:
        consent.apply_consent_gates(submission_id=submission.pk, result=result)


def check_style_clip(style: Style) -> None:
    """Measure a claimed style clip against the voice's consent recording and hand in the report."""

    def measure() -> dict[str, Any]:
        audio = decode_stored(style.upload.name or "", limits=_LIMITS)
        heard = resident.recogniser() if style.language != "en" else None
        with heard or nullcontext() as listener:
            report = check_style(
                audio.samples,
                audio.sample_rate_hz,
                consent_embedding=from_bytes(style.voice.speaker_embedding),
                transcript=style.transcript,
                language=style.language,
                mark_detector=carries_our_mark,
                models_dir=settings.ASSENT_MODELS_DIR,
                recogniser=listener,
            )
        report.gates.append(gate_of(style.upload.name or ""))
        return report.as_dict()

    result = _measured(measure, Style, style)
    if result is not None:
        consent.apply_style_gates(style_id=style.pk, result=result)


def carries_our_mark(samples: np.ndarray, sample_rate_hz: int) -> bool:
    """Whether any channel carries a mark of ours: such a recording is synthetic."""
    epochs = readable_epochs()
    if not epochs:
        return False
    keys = resident.mark_keys()
    return any(
        detect(channel, sample_rate_hz, keys=keys, epochs=epochs).present
        for channel in np.atleast_2d(samples)
    )


def _measured(measure: Any, kind: Any, row: Any) -> dict[str, Any] | None:
    """The report, or that of an expected refusal; None when the check was taken away meanwhile."""

    def beat() -> None:
        if not checks.beat(kind, row.pk):
            raise InterruptedError

    with Heartbeat(beat) as heart:
        try:
            result: dict[str, Any] = measure()
        except AssentError as error:
            result = checks.result_of_refusal(error)
    return None if heart.stop_reason is not None else result
