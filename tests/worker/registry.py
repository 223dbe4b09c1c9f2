"""Released files of a registry, marked for real, and the question what a file is, answered as a worker does it."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile as sf
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from accounts.people.principals import Principal
from audit.actors import ANONYMOUS, Actor
from audit.services import record
from synth.audio.decode import decode_to_file
from synth.provenance import aigc
from tests import factories, takes
from tests.worker.material import decoded
from watermark import services
from watermark.answers import answer_of
from watermark.codec import embed, fingerprint
from watermark.comparison import reference
from watermark.limits import limits_of
from watermark.models import Mark, Verification
from watermark.provenance import Claims
from watermark.reading.examination import examine
from worker import resident, verification

RATE_HZ = 16_000


@lru_cache(maxsize=16)
def speech(voice: str, style: str = "neutral", length_s: float = 7.0) -> np.ndarray:
    """Speech of a synthetic speaker that nobody marked: float32 (n,) at 16 kHz."""
    clip = takes.style_clip(voice, style).samples
    count = int(length_s * RATE_HZ)
    return np.tile(clip, -(-count // len(clip)))[:count].astype(np.float32)


@lru_cache(maxsize=32)
def _marked(voice: str, style: str, length_s: float, number: int, epoch: str) -> np.ndarray:
    return embed(
        speech(voice, style, length_s),
        RATE_HZ,
        record_number=number,
        keys=resident.mark_keys(),
        epoch=epoch,
        generator=np.random.default_rng(number),
    )


@dataclass(frozen=True)
class Released:
    """One released file: its record, the unmarked speech, the marked samples, the bytes with their label."""

    mark: Mark
    original: np.ndarray
    samples: np.ndarray
    data: bytes

    @property
    def id(self) -> str:
        return str(self.mark.public_id)


class Registry:
    """Releases speech under one organisation's consent."""

    def __init__(self) -> None:
        self.principal: Principal = factories.owner_principal()
        self.voice = factories.consented_voice(self.principal)
        self.consent = self.voice.consents.get()

    def release(self, voice: str = "slt", style: str = "neutral", length_s: float = 7.0) -> Released:
        mark = services.reserve_mark(
            organisation=self.principal.organisation,
            consent=self.consent,
            engine_name="test",
            engine_version="1",
            is_preview=True,
            layers=["keyed"],
        )
        samples = _marked(voice, style, length_s, mark.record_number, mark.epoch_id)
        data = aigc.write(wav(samples), "wav", aigc.AigcLabel("1", "Assent", str(mark.public_id)))
        digest = hashlib.sha256(data).hexdigest()
        with transaction.atomic():
            entry = record(
                event="synthesis.completed",
                actor=self.principal.actor,
                organisation_id=self.principal.organisation.pk,
                subject=f"output:{mark.public_id}",
                data={"output_sha256": digest},
            )
            mark = services.issue_mark(
                mark=mark,
                entry=entry,
                file_sha256=digest,
                duration_ms=round(1000 * length_s),
                fingerprint=fingerprint.compute(samples, RATE_HZ),
                reference=reference.make(samples, RATE_HZ),
                layers=["keyed"],
                manifest=b"test",
            )
        return Released(mark, speech(voice, style, length_s), samples, data)


def wav(*channels: np.ndarray) -> bytes:
    """16-bit WAV of channels (n,) at 16 kHz."""
    buffer = io.BytesIO()
    sf.write(buffer, np.clip(np.stack(channels, axis=1), -1, 1), RATE_HZ, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def ask(data: bytes, *, actor: Actor = ANONYMOUS, **options) -> Verification:
    """The query about a file, ended: submitted, claimed and answered by the services and the worker's own code."""
    row = services.submit_verification(file=SimpleUploadedFile("file", data), actor=actor, **options)
    claimed = services.begin_verification(verification_id=row.id)
    assert claimed is not None
    verification.answer(claimed)
    row.refresh_from_db()
    return row


def report_on_file(data: bytes) -> dict:
    """The report on a file, from its bytes on: `ask` without the queue, whose heartbeat wants its own transaction."""
    query = Verification(file_sha256="0" * 64, size_bytes=len(data), actor_kind="anonymous")
    limits = verification.decode_limits(limits_of("anonymous"), deep=False)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with decode_to_file(file.name, limits=limits, rate_hz=RATE_HZ) as heard:
            return answer_of(query, heard, examine(heard, verification.sources()), Claims(None, None))


def report_on(*channels: np.ndarray, deep: bool = False, actor_kind: str = "anonymous") -> dict:
    """The report on a file of these channels, from the sound on: `ask` without queue and decoder."""
    query = Verification(file_sha256="0" * 64, size_bytes=1, deep=deep, actor_kind=actor_kind)
    heard = decoded(*(np.clip(channel, -1, 1).astype(np.float32) for channel in channels))
    return answer_of(query, heard, examine(heard, verification.sources(), deep=deep), Claims(None, None))
