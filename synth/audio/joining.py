"""Putting separately spoken parts together, with the pauses that were asked for or that speech would have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

QUIET_DB = -50.0  # below the loudest frame of a part
KEPT_S = 0.02  # of quiet around a part, so that no sound is cut
FADE_S = 0.005
_FRAME_S = 0.01

#: Seconds after a part that ends so; less is heard as one phrase.
_AFTER_SENTENCE_S, _AFTER_CLAUSE_S, _AFTER_WORD_S = 0.35, 0.18, 0.05
_SENTENCE_ENDS, _CLAUSE_ENDS = ".!?…。！？", ",;:，；：、"


def natural_pause_s(text: str) -> float:
    """The pause after a text, by the mark at its end (closing quotes and brackets apart)."""
    end = text.rstrip().rstrip("\"'”’」』)）]")[-1:]
    if end and end in _SENTENCE_ENDS:
        return _AFTER_SENTENCE_S
    return _AFTER_CLAUSE_S if end and end in _CLAUSE_ENDS else _AFTER_WORD_S


def placed(parts: Sequence[tuple[npt.NDArray[Any], float]], sample_rate_hz: int) -> tuple[Samples, list[int]]:
    """Mono parts in order, each followed by its seconds of silence; and by how many samples what is in each part lies
    later in it than in the part.

    Quiet at the inner edges gives way to the pause, and short fades keep the seams from clicking; the outer edges
    stay as they are. An empty part is only its pause.
    """
    sounding = [index for index, (samples, _pause) in enumerate(parts) if len(samples)]
    pieces: list[Samples] = []
    later: list[int] = []
    at = 0
    for index, (samples, pause_s) in enumerate(parts):
        fitted, left_out = np.zeros(0, dtype=np.float32), 0
        if len(samples):
            fitted, left_out = trimmed(
                samples, sample_rate_hz, start=index != sounding[0], end=index != sounding[-1]
            )
        pause = np.zeros(round(pause_s * sample_rate_hz), dtype=np.float32)
        pieces += [fitted, pause]
        later.append(at - left_out)
        at += len(fitted) + len(pause)
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.float32), later


def trimmed(samples: npt.NDArray[Any], sample_rate_hz: int, *, start: bool, end: bool) -> tuple[Samples, int]:
    """The part without quiet at its ``start`` and ``end``, faded there; how many samples went at its start."""
    fitted = np.array(samples, dtype=np.float32)
    first, last = _extent(fitted, sample_rate_hz)
    left_out = first if start else 0
    fitted = fitted[left_out : last if end else len(fitted)]
    count = min(round(FADE_S * sample_rate_hz), len(fitted) // 2)
    ramp = np.linspace(0.0, 1.0, count, dtype=np.float32)
    if start and count:
        fitted[:count] *= ramp
    if end and count:
        fitted[-count:] *= ramp[::-1]
    return fitted, left_out


def _extent(samples: Samples, sample_rate_hz: int) -> tuple[int, int]:
    """Where sound begins and ends, with a little quiet around it; everything where there is none."""
    frame = max(1, round(_FRAME_S * sample_rate_hz))
    count = len(samples) // frame
    if not count:
        return 0, len(samples)
    power = (samples[: count * frame].astype(np.float64).reshape(count, frame) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (QUIET_DB / 10)) if power.max() > 0 else np.zeros(0)
    if not len(loud):
        return 0, len(samples)
    margin = round(KEPT_S * sample_rate_hz)
    return max(0, int(loud[0]) * frame - margin), min(len(samples), (int(loud[-1]) + 1) * frame + margin)
