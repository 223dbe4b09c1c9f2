"""Room tone around a line that is too short to carry a mark: quiet, steady, coloured as rooms are.

A mark needs time more than level: half a second of speech in two seconds of tone 34 dB below it is read back, after
MP3 and Opus as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

BELOW_SPEECH_DB = 34.0
LOUDEST_DB = -48.0  # of full scale, however loud the speech
BEFORE_S = 0.15
FADE_S = 0.08
_COLOUR = 0.9  # pole of a low pass: about 6 dB less an octave above 400 Hz at 24 kHz
_SETTLE = 512


def with_room_tone(
    samples: npt.NDArray[Any],
    sample_rate_hz: int,
    *,
    at_least_s: float,
    generator: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], float, float]:
    """Mono speech (n,) in tone, ``at_least_s`` long in all, and where the speech begins and ends in it, in seconds."""
    speech = np.asarray(samples, np.float32)
    before = round(BEFORE_S * sample_rate_hz)
    after = max(before, round(at_least_s * sample_rate_hz) - len(speech) - before)
    tone = room_tone(len(speech) + before + after, sample_rate_hz, beside=speech, generator=generator)
    tone[before : before + len(speech)] += speech
    return np.clip(tone, -1, 1), before / sample_rate_hz, (before + len(speech)) / sample_rate_hz


def room_tone(
    count: int, sample_rate_hz: int, *, beside: npt.NDArray[Any], generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """``count`` samples of tone at the level that fits the speech ``beside`` it, with soft ends."""
    noise = lfilter([1.0], [1.0, -_COLOUR], generator.standard_normal(count + _SETTLE))[_SETTLE:]
    level_db = min(LOUDEST_DB, _level_db(beside) - BELOW_SPEECH_DB)
    tone = noise * (10 ** (level_db / 20) / max(1e-9, float(np.sqrt(np.mean(np.square(noise))))))
    fade = min(round(FADE_S * sample_rate_hz), count // 2)
    ramp = np.linspace(0.0, 1.0, fade)
    tone[:fade] *= ramp
    tone[count - fade :] *= ramp[::-1]
    return np.asarray(tone, np.float32)


def _level_db(samples: npt.NDArray[Any]) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))
