"""Real recordings that nobody marked: music of the world, instruments, animals, noises (as Debian's gcompris-qt-data
carries them), and people; and how often the public mark is found in them. Nothing here was trained or tuned on.

    python -m benchmarks.real_sounds
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import people
from benchmarks.marking import share_row
from benchmarks.report import Row, merge_report
from synth.audio.streams import streams_of
from watermark.codec.audioseal_checkpoint import default_checkpoint
from watermark.codec.audioseal_layer import PublicMark
from watermark.codec.resample import resample

PACKAGE = "gcompris-qt-data"
PIECE_S = 3.0
_FOLDER = Path("/usr/share/gcompris-qt/rcc")
_SHORTEST_S = 1.0
_RATE_HZ = 16_000
_QUIET = 1e-3


def sounds() -> Iterator[tuple[str, np.ndarray]]:
    """(name, float32 (n,) at 16 kHz) of every Ogg recording in the package; nothing where it is not installed."""
    for path in sorted(_FOLDER.glob("*.rcc")):
        data = path.read_bytes()
        if b"OggS" not in data:
            continue
        for number, stream in enumerate(streams_of(data, "ogg")):
            try:
                samples, rate_hz = soundfile.read(io.BytesIO(stream.data), dtype="float32", always_2d=True)
            except soundfile.SoundFileError:
                continue
            yield f"{path.stem} {number}", resample(samples.mean(axis=1), rate_hz, _RATE_HZ)


def pieces(name: str, samples: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Pieces of 3 s that are not silent; a shorter recording is one piece."""
    size = round(PIECE_S * _RATE_HZ)
    for start in range(0, max(1, len(samples) - size + 1), size):
        piece = samples[start : start + size]
        if len(piece) >= _SHORTEST_S * _RATE_HZ and np.sqrt(np.mean(np.square(piece))) > _QUIET:
            yield f"{name} at {start / _RATE_HZ:.0f} s", piece


def rows() -> list[Row]:
    """How often the public mark is found where there is none."""
    public = PublicMark.load(*default_checkpoint())
    spoken = [(clip.name, clip.samples) for clip in people.people_clips("report", 12)]
    missing = f"not measured: install {PACKAGE}"
    return [
        _row(public, "false_alarm_real_sounds", list(sounds()), 0.005, missing),
        _row(public, "false_alarm_human_speech", spoken, 0.005, "not measured: install the recordings"),
    ]


def _row(
    public: PublicMark, metric: str, found: list[tuple[str, np.ndarray]], target: float, missing: str
) -> Row:
    tried = [piece for name, samples in found for piece in pieces(name, samples)]
    if not tried:
        return share_row(metric, 0, 0, target, missing, "lower")
    alarms = [name for name, piece in tried if public.detect(piece, _RATE_HZ).presence]
    note = (
        f"public mark, unmarked pieces of up to 3 s of {len(found)} recordings; {', '.join(alarms) or 'none'}"
    )
    return share_row(metric, len(alarms), len(tried), target, note, "lower")


if __name__ == "__main__":
    merge_report("verdict", rows(), command="make bench-verdict")
