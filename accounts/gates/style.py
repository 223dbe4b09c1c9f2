"""May this clip become a style of the voice? Quality of a reference clip, and whose voice it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synth.recognition.recogniser import Recogniser

from . import limits, speaker
from .consent import MarkDetector, Recording, first_gates, own_mark_gate
from .expression import expression_gate
from .report import Gate, GateReport, Stage, run_stages
from .transcript import said_gate


def check_style(
    samples: np.ndarray,
    sample_rate_hz: int,
    *,
    consent_embedding: np.ndarray | None,
    transcript: str,
    language: str,
    mark_detector: MarkDetector,
    models_dir: Path | None = None,
    recogniser: Recogniser | None = None,
) -> GateReport:
    """Measure a style clip of 3 to 10 s against the embedding of the voice's consent recording.

    ``samples`` as for `check_consent`. ``consent_embedding`` None (the consent was approved by a reviewer
    while the speaker model was missing) leads to a reviewer again. ``transcript`` must be exactly what is
    said: its length is held against the clip's, and where a recogniser knows the language its words too:
    ``recogniser`` those of every language but English.
    """
    duration_s = np.shape(samples)[-1] / sample_rate_hz
    recording = Recording(samples, sample_rate_hz, models_dir)

    def sound() -> list[Gate]:
        return [*recording.signal_gates(), recording.speech_gate(limits.MIN_STYLE_SPEECH_S)]

    def origin() -> list[Gate]:
        recording.fingerprint  # noqa: B018  (kept in the report, so that a style clip cannot be replayed as a consent)
        return [own_mark_gate(recording, mark_detector), recording.single_speaker_gate()]

    def person() -> list[Gate]:
        voice = recording.voice
        if voice is None:
            return [speaker.missing_gate("speaker")]
        if consent_embedding is None:
            message = "The consent recording was never measured; a reviewer compares the voices."
            return [Gate("speaker", "review", code="no_reference", message=message)]
        return [speaker.speaker_gate(voice, [consent_embedding])]

    def manner() -> list[Gate]:
        spoken_s = sum(b - a for a, b in recording.spans)
        return [
            transcript_gate(transcript, language, spoken_s),
            said_gate(recording.mono, transcript, language, recogniser),
            expression_gate(recording.mono),
        ]

    stages: tuple[Stage, ...] = (
        (
            ("rate", "length"),
            lambda: first_gates(duration_s, sample_rate_hz, limits.STYLE_MIN_S, limits.STYLE_MAX_S),
        ),
        (("level", "clipping", "snr", "speech"), sound),
        (("own_mark", "single_speaker"), origin),
        (("speaker",), person),
        (("transcript", "transcript_words", "expression"), manner),
    )
    return recording.report(run_stages(stages), duration_s)


def transcript_gate(transcript: str, language: str, spoken_s: float) -> Gate:
    """The transcript could have been said in this time: 3 to 25 characters a second (1 to 9 in Chinese, 2 to 14 in
    Japanese)."""
    characters = sum(c.isalnum() for c in transcript)
    if not characters:
        return Gate(
            "transcript",
            "fail",
            0,
            1,
            "characters",
            "transcript_missing",
            "Write down what is said in the clip.",
        )
    slowest, fastest = (
        (1.0, 9.0) if language in ("zh", "yue") else (2.0, 14.0) if language == "ja" else (3.0, 25.0)
    )
    rate = round(characters / max(spoken_s, 0.1), 1)
    bounds = [slowest, fastest]
    if not slowest <= rate <= fastest:
        message = f"{rate} characters a second: the transcript does not seem to be of this clip."
        return Gate("transcript", "review", rate, bounds, "characters/s", "transcript_doubtful", message)
    return Gate("transcript", "pass", rate, bounds, "characters/s")
