"""`make bench-provenance`: do our signed files validate in an unmodified reader, and does a file that lost its metadata
find its manifest again by its mark?

Each clip is marked, encoded, labelled and signed as a release is. Stripped means: decoded, coded anew as MP3 at 64
kbit/s, so that neither label nor manifest is left. On flite's voices, which nothing was tuned on. Needs flite, ffmpeg.

    python -m benchmarks.provenance [--clips 100]
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import c2pa
import numpy as np

from benchmarks import speech
from benchmarks.attacks import RATE, apply, load_attacks
from benchmarks.marking import EPOCHS, KEYS, Marked, mark_clips, material, share_row
from benchmarks.report import Row, merge_report, spread_of
from synth.audio.encode import decode_own, encode
from synth.provenance import aigc, certificates, credentials
from synth.provenance.names import EMBEDDED
from synth.speech import rhythm
from watermark.codec import detect
from watermark.codec.resample import resample

FORMATS = (*EMBEDDED, "opus")  # the last with its manifest beside the file
SECRET = bytes(range(32))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=100, help="files of each format")
    options = parser.parse_args()
    speech.require_programs("bench-provenance", "flite", "ffmpeg")
    chain = certificates.make_certificates(SECRET, organisation="Benchmark")
    authority = certificates.own_authority(SECRET, chain)
    clips = mark_clips(speech.report_clips(options.clips))
    rows = [row for format in FORMATS for row in _format_rows(format, clips, authority)]
    rows += _notice_rows(clips)
    merge_report("provenance", rows, command="make bench-provenance")


def _format_rows(format: str, clips: list[Marked], authority: certificates.Authority) -> list[Row]:
    """One format: what validates, what is found again, what it costs."""
    mp3 = next(attack for attack in load_attacks() if attack.name == "mp3_64")
    mixed = material()
    by_record = {clip.record_number: _claim(clip).record_id for clip in clips}
    manifests: dict[str, bytes] = {}
    valid, found, cost_ms, added = 0, 0, [], []
    for index, clip in enumerate(clips):
        claim = _claim(clip)
        label = aigc.AigcLabel(
            "1", "Benchmark", claim.record_id, system="Assent", made_at="2026-11-30T12:00:00Z"
        )
        data = aigc.write(encode(clip.marked.astype(np.float32), RATE, format=format), format, label)
        begun = time.process_time()
        if format in EMBEDDED:
            signed, manifest = credentials.sign(data, format, claim, authority)
        else:
            signed, manifest = data, credentials.sidecar(data, claim, authority)
        cost_ms.append(1000 * (time.process_time() - begun))
        added.append(len(signed) - len(data) if format in EMBEDDED else len(manifest))
        manifests[claim.record_id] = manifest
        valid += _is_valid(signed, format, manifest)
        final = decode_own(signed, format)
        heard = resample(np.asarray(final.mono()), final.sample_rate_hz, RATE)
        stripped = apply(mp3, heard, mixed, index)
        numbers = {one.record_number for one in detect(stripped, RATE, keys=KEYS, epochs=EPOCHS).records}
        ids = {by_record[number] for number in numbers if number in by_record}
        found += ids == {claim.record_id} and manifests[claim.record_id] == manifest
    count = len(clips)
    inside = "in the file" if format in EMBEDDED else "beside it"
    return [
        share_row(
            f"c2pa_valid_share_{format}", valid, count, 1.0,
            f"manifest {inside}; c2pa-python's reader as it is, knowing no root of ours",
        ),
        share_row(
            f"resolved_after_strip_{format}", found, count, 1.0,
            "coded anew as MP3 at 64 kbit/s; the mark is read blind and names one record, its manifest is found",
        ),
        Row(f"signing_cost_{format}", "CPU ms / file", float(np.median(cost_ms)), spread_of(cost_ms), count,
            note="signing and validating the result"),
        Row(f"bytes_added_{format}", "bytes", float(np.median(added)), spread_of(added), count, better="lower",
            note=f"manifest {inside}"),
    ]  # fmt: skip


def _claim(clip: Marked) -> credentials.Claim:
    return credentials.Claim(
        record_id=str(UUID(int=clip.record_number)),
        producer="Assent (Benchmark)",
        version="0",
        engine="flite",
        engine_version="2",
        created_at=datetime(2026, 11, 30, 12, tzinfo=UTC),
        log_origin="example.org/log",
        consent_sha256="ab" * 32,
    )


def _is_valid(data: bytes, format: str, manifest: bytes) -> bool:
    """By the reader with its own settings: nothing of ours is trusted or switched off."""
    media_type = EMBEDDED.get(format, credentials.ANY_MEDIA_TYPE)
    beside = None if format in EMBEDDED else manifest
    try:
        with c2pa.Reader(media_type, io.BytesIO(data), beside) as reader:
            return str(reader.get_validation_state()) in ("Valid", "Trusted")
    except c2pa.C2paError:
        return False


def _notice_rows(clips: list[Marked]) -> list[Row]:
    """The rhythm before marked speech, found at its place after each format; and in speech without one."""
    pause = np.zeros(RATE // 2, dtype=np.float32)
    rows = []
    for format in (*FORMATS, "pcm"):
        at_place = 0
        for clip in clips:
            sound = np.concatenate([rhythm.make(RATE), pause, clip.marked]).astype(np.float32)
            final = decode_own(encode(sound, RATE, format=format), format)
            starts = [one.start_s for one in rhythm.find(final.mono(), final.sample_rate_hz)]
            at_place += len(starts) == 1 and starts[0] < 0.1
        note = "the rhythm at the beginning, found once and within 0.1 s"
        rows.append(share_row(f"notice_found_{format}", at_place, len(clips), 1.0, note))
    heard: Callable[[np.ndarray], bool] = lambda samples: bool(rhythm.find(samples, RATE))  # noqa: E731
    alarms = sum(heard(clip.marked) for clip in clips)
    note = "formant speech without a notice, marked"
    rows.append(share_row("notice_false_alarms", alarms, len(clips), 0.0, note, "lower"))
    return rows


if __name__ == "__main__":
    main()
