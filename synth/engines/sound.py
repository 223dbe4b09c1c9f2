"""What every engine's samples go through before they leave it, and every clip before it is followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synth.engines.base import ReferenceClip, Segment, Speech
from synth.errors import AssentError

Samples = npt.NDArray[np.float32]

#: The loudest sample of what nobody would hear.
SILENT_PEAK = 1e-4
_FULL_SCALE = 1.0


def sounding(samples: npt.NDArray[np.floating]) -> Samples:
    """Mono ``samples`` (n,) as float32 within full scale: what is louder is turned down as a whole, for clipping it
    would distort. AssentError ``samples_not_finite`` and ``speech_silent``."""
    if not np.isfinite(samples).all():
        raise AssentError(
            "samples_not_finite", "The engine made samples that are not numbers.", http_status=500
        )
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < SILENT_PEAK:
        raise AssentError(
            "speech_silent", "The engine made no sound of this text.", measured=peak, limit=SILENT_PEAK,
            http_status=500,
        )  # fmt: skip
    return np.asarray(samples / peak if peak > _FULL_SCALE else samples, dtype=np.float32)


def whole_of(pieces: Sequence[Speech]) -> Speech:
    """Pieces of one speech, joined as they are; what is said beside it is the last one's."""
    rate_hz, at, segments = pieces[0].sample_rate_hz, 0, []
    for piece in pieces:
        segments += [segment.moved(at / rate_hz) for segment in piece.segments]
        at += len(piece.samples)
    samples = np.concatenate([piece.samples for piece in pieces])
    return replace(pieces[-1], samples=samples, segments=tuple(segments))


def check_clips(clips: Iterable[ReferenceClip]) -> None:
    """AssentError ``clip_not_finite`` for a recording that holds values that are no numbers: they would spread to every
    sample of the speech."""
    for clip in clips:
        if not np.isfinite(clip.samples).all():
            raise AssentError(
                "clip_not_finite",
                "The reference recording holds samples that are not numbers.",
                measured=int(np.count_nonzero(~np.isfinite(clip.samples))),
                limit=0,
            )


def segments_of(
    texts: Sequence[str], lengths: Sequence[tuple[int, int]], sample_rate_hz: int
) -> tuple[Segment, ...]:
    """Segments one behind the other; ``lengths`` are samples of speech and of the pause after it, sentence by
    sentence."""
    found, at = [], 0
    for text, (spoken, pause) in zip(texts, lengths, strict=True):
        found.append(Segment(text, at / sample_rate_hz, (at + spoken) / sample_rate_hz))
        at += spoken + pause
    return tuple(found)
