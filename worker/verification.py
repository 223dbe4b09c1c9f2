"""Answering what a file is: decode, search both marks, compare with the record, read what it says of itself, decide."""

from __future__ import annotations

import logging
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import close_old_connections

from synth.audio.decode import DecodeLimits, decode_to_file
from synth.audio.decoded import DecodedFile
from synth.errors import AssentError
from synth.provenance import aigc, c2pa
from synth.provenance.validation import validate_untrusted
from synth.recognition.tokens import UNSPACED
from watermark import credentials, selectors, services
from watermark.answers import answer_of
from watermark.limits import Limits, limits_of
from watermark.models import Verification
from watermark.passages import to_hear
from watermark.provenance import Claims
from watermark.reading.examination import examine
from watermark.reading.progress import Progress
from watermark.reading.search import Sources
from watermark.reading.spans import joined
from worker import resident
from worker.decoding import local_copy
from worker.heartbeat import Heartbeat
from worker.outage import is_outage

logger = logging.getLogger(__name__)
WORKING_RATE_HZ = 16_000
"""Both marks and the fingerprint live below 8 kHz."""
DECODED_BYTES = 480 * 1024 * 1024
"""Of the temporary file: an hour in two channels."""
KNOWN_FILE_FROM_S = 60.0
"""A released file of this length or more is known by its bytes alone; in a shorter one the mark is read all the same,
for the fuller evidence."""
AROUND_S = 4.0
"""The recogniser hears a word by its neighbours."""
LEAST_PROBABILITY = 0.5
"""Of a word: below it the recogniser made up something that fits its neighbours."""
HEARD_S = 120.0
"""The most that is listened to in one file: hearing costs about a third of the sound's length."""
_HALF_DECODED_BYTES = 20_000_000
"""Nobody knows beforehand how much a file unpacks to: at this much, half of the stage is said to be done."""


def answer(query: Verification) -> None:
    """Answer a claimed query; every end of it is written to its row and the log."""
    progress = Progress()

    def beat() -> None:
        if not services.beat(verification_id=query.id, progress=progress.share, stage=progress.stage):
            raise InterruptedError

    try:
        with Heartbeat(beat, pulse=lambda: (progress.share, progress.stage)) as heart:
            progress.check = heart.raise_if_stopped
            report, heard = _report(query, progress)
        services.complete_verification(verification_id=query.id, report=report, heard=heard)
    except InterruptedError:
        logger.info("verification %s is no longer wanted", query.id)
    except AssentError as error:
        services.fail_verification(verification_id=query.id, error=error)
    except Exception as error:
        close_old_connections()
        if is_outage(error):
            logger.warning("verification %s was interrupted and will be repeated: %s", query.id, error)
            return
        logger.exception("verification %s failed", query.id)
        services.fail_verification(
            verification_id=query.id,
            error=AssentError("verification_failed", "The file could not be checked.", http_status=500),
        )


def _report(query: Verification, progress: Progress) -> tuple[dict[str, Any], list[list[Any]] | None]:
    """The answer, and the words heard where it differs from a record of the organisation that asks."""
    with local_copy(query.upload_name) as path:
        claims = _claims(path)
        progress.enter("decoding", 0.0, 0.25)
        limits = limits_of(query.actor_kind)

        def tick(decoded_bytes: int) -> None:
            progress.at(decoded_bytes / (decoded_bytes + _HALF_DECODED_BYTES))

        with decode_to_file(
            path, limits=decode_limits(limits, deep=query.deep), rate_hz=WORKING_RATE_HZ, tick=tick
        ) as decoded:
            released = None
            if decoded.duration_s >= KNOWN_FILE_FROM_S and not query.deep:
                released = selectors.released_as(query.file_sha256)
            found = examine(
                decoded, sources(), deep=query.deep, quick=query.quick, released=released, progress=progress
            )
            progress.enter("deciding", 0.95, 1.0)
            report = answer_of(query, decoded, found, claims)
            return report, _heard(query, report, decoded)


def _heard(query: Verification, report: dict[str, Any], decoded: DecodedFile) -> list[list[Any]] | None:
    """The words around what differs, as of `Verification.heard`. None without the recogniser, with too much to hear,
    and where hearing failed: the answer stands without it."""
    edits = to_hear(query, report)
    try:
        return _words_around(edits, decoded)
    except Exception:
        logger.exception("verification %s: its words were not heard", query.id)
        return None


def _words_around(edits: Sequence[dict[str, Any]], decoded: DecodedFile) -> list[list[Any]] | None:
    around = joined([(max(0.0, one["start_s"] - AROUND_S), one["end_s"] + AROUND_S) for one in edits])
    held = resident.recogniser()
    if not around or held is None or sum(end - start for start, end in around) > HEARD_S:
        return None
    words: list[list[Any]] = []
    with held as recogniser:
        for start_s, end_s in around:
            samples = decoded.channel(edits[0]["channel"]).between(start_s, end_s).samples()
            transcript = recogniser.listen(samples).transcribe(words=True)
            blank = "" if transcript.language in UNSPACED else " "
            words += [
                [blank + w.text, round(1000 * (start_s + w.start_s)), round(1000 * (start_s + w.end_s))]
                for w in transcript.words
                if w.probability >= LEAST_PROBABILITY
            ]
    return words


def sources() -> Sources:
    """What files are compared with on this installation."""
    return Sources(selectors.IssuedRecords(), resident.mark_keys(), resident.public_mark())


def decode_limits(limits: Limits, *, deep: bool) -> DecodeLimits:
    """What the decoding child may use for one caller's file."""
    return DecodeLimits(
        max_bytes=limits.upload_bytes,
        max_duration_s=limits.deep_duration_s if deep else limits.duration_s,
        max_channels=limits.channels,
        max_values=DECODED_BYTES // 4,
        cpu_s=limits.decode_cpu_s,
        wall_s=limits.decode_wall_s,
    )


def _claims(path: Path) -> Claims:
    """What the file says of itself. Mapped, not loaded: the readers look at little of it."""
    with path.open("rb") as file:
        try:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:  # an empty file
            return Claims(None, None)
        with mapped:
            data: Any = mapped
            label, manifest = aigc.read(data), c2pa.read(data)
    if manifest is None:
        return Claims(label, None)
    return Claims(label, manifest, validate_untrusted(path, anchors=credentials.anchors()))
