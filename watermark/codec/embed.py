"""Embedding: any mono signal at 8 to 48 kHz, marked so that 3 s of active speech carry the whole record
number.

The mark is computed at 16 kHz and only its residual is added at the signal's own rate, so whatever lies
above 8 kHz is untouched. Strength is searched per block: the estimated quality comes within 0.02 of the
target.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from synth.errors import AssentError

from .keys import MarkKeys
from .keystream import keystream
from .optimise import BlockOptimiser, BlockPlan, Strength
from .parameters import FRAMES_PER_TILE, HOP, KEYSTREAM_TILES, PERIODS, SAMPLE_RATE_HZ
from .payload import pack
from .quality import estimate_quality
from .resample import resample

TARGET_QUALITY = 4.44  # estimated wide-band PESQ of the weakest block; the mean comes out higher
SHORTEST_S = 1.0  # below this not even the correlation with a known record is dependable
QUIETEST_RMS = 1e-4  # -80 dBFS: 16-bit rounding alone would destroy the mark
RATES_HZ = (8_000, 48_000)

_BLOCK_S = 24.0  # aim; blocks of up to 1.5 times that are left whole
_CUT_SEARCH_S = 2.0
_FIRST_ITERATIONS = 14
_FURTHER_ITERATIONS = 6  # from the multipliers of the strength before; more of either gained nothing
_WEAKEST, _STRONGEST = 0.7, 1.8
_TRIALS = 3
_QUALITY_PER_FACTOR = -0.68  # of estimated quality; between clips it lies from -0.5 to -0.75
_CLOSE_ENOUGH = 0.02  # to the target: the estimate itself is not finer
_RAMP = 80  # samples at 16 kHz over which a block's residual fades in and out
_SILENT_RUN_S = 0.004  # exact zeros for this long are digital silence and stay zeros


def embed(
    samples: np.ndarray,
    sample_rate_hz: int,
    *,
    record_number: int,
    keys: MarkKeys,
    epoch: str,
    generator: np.random.Generator,
    target_quality: float = TARGET_QUALITY,
    quality_reference: np.ndarray | None = None,
) -> np.ndarray:
    """Marked copy of a mono signal: float32, same length and rate.

    samples: (n,) floats, nominally within -1..1; the output exceeds that range nowhere unless the input did.
    record_number: 0 .. 2**40 - 1. generator draws the places in the keystream and the polarities; the same
    state gives the same samples. quality_reference: (n,) what to compare quality with, where another layer
    has already changed `samples`. Raises AssentError `too_short_to_mark` (shorter than 1 s, or too quiet),
    ValueError for other shapes and rates.
    """
    samples = checked(samples, sample_rate_hz)
    refuse_too_short(samples, sample_rate_hz)
    core = resample(samples, sample_rate_hz, SAMPLE_RATE_HZ)
    reference = (
        core if quality_reference is None else resample(quality_reference, sample_rate_hz, SAMPLE_RATE_HZ)
    )
    epoch_keys = keys.for_epoch(epoch)
    stream = keystream(epoch_keys)
    payload = pack(record_number, epoch_keys)
    residual = np.zeros_like(core)
    for start, end in split_blocks(core):
        place = int(generator.integers(KEYSTREAM_TILES))
        polarity = generator.choice(np.array([-1, 1], np.float32), PERIODS)
        plan = BlockPlan(stream, place, payload, record_number, polarity)
        block = core[start:end]
        residual[start:end] = (
            mark_block(block, plan, target_quality, reference=reference[start:end]) - block
        ) * fade(end - start)
    change = resample(residual, SAMPLE_RATE_HZ, sample_rate_hz)[: len(samples)]
    change = np.pad(change, (0, len(samples) - len(change)))
    return add_residual(samples, change, sample_rate_hz)


def mark_block(
    block: np.ndarray,
    plan: BlockPlan,
    target_quality: float,
    *,
    reference: np.ndarray | None = None,
    frozen_tiles: int = 0,
) -> np.ndarray:
    """The block (16 kHz) with a mark as strong as the target quality allows, within bounds."""
    # Quiet recordings are marked as loud ones are: the constants of the features are absolute.
    level = float(np.sqrt(np.mean(np.square(block, dtype=np.float64)))) * 10 + 1e-12
    block = block / np.float32(level)
    compared = block if reference is None else reference / np.float32(level)
    base = Strength()
    context = frozen_tiles * FRAMES_PER_TILE * HOP
    optimiser = BlockOptimiser(block, plan, base, frozen_tiles=frozen_tiles)
    factor = 1.0
    tried: list[tuple[float, float]] = []
    best: tuple[float, np.ndarray] = (np.inf, block)
    for trial in range(_TRIALS):
        marked = optimiser.run(base.scaled(factor), _FURTHER_ITERATIONS if trial else _FIRST_ITERATIONS)
        quality = estimate_quality(compared[context:], marked[context:])
        tried.append((factor, quality))
        best = min(best, (abs(quality - target_quality), marked), key=lambda entry: entry[0])
        following = _next_factor(tried, target_quality)
        if best[0] < _CLOSE_ENOUGH or following == factor:
            break
        factor = following
    return best[1] * np.float32(level)


def _next_factor(tried: list[tuple[float, float]], aim: float) -> float:
    """Where quality, nearly linear in strength, should be as aimed: through the last two trials if there are
    two.
    """
    factor, quality = tried[-1]
    slope = _QUALITY_PER_FACTOR
    if len(tried) > 1 and abs(factor - tried[-2][0]) > 1e-3:
        slope = (quality - tried[-2][1]) / (factor - tried[-2][0])
    slope = min(slope, _QUALITY_PER_FACTOR / 2)  # noise in the estimate must not send it far away
    return min(max(factor + (aim - quality) / slope, _WEAKEST), _STRONGEST)


def split_blocks(core: np.ndarray) -> list[tuple[int, int]]:
    """Cut 16 kHz samples into blocks of about 22 to 36 s at quiet places: (start, end) sample indices."""
    cuts = [0]
    while len(core) - cuts[-1] > 1.5 * _BLOCK_S * SAMPLE_RATE_HZ:
        start = cuts[-1] + int((_BLOCK_S - _CUT_SEARCH_S) * SAMPLE_RATE_HZ)
        around = core[start : start + int(2 * _CUT_SEARCH_S * SAMPLE_RATE_HZ)]
        loudness = uniform_filter1d(np.square(around), 5 * HOP)
        cuts.append(start + int(loudness.argmin()))
    return list(zip(cuts, [*cuts[1:], len(core)], strict=True))


def add_residual(
    samples: np.ndarray, residual: np.ndarray, sample_rate_hz: int, *, blank_silence: bool = True
) -> np.ndarray:
    """samples + residual with peaks kept by lowering the residual around them, and digital silence left
    bit-exact.

    blank_silence=False lets a residual that dies away by itself run on into silence.
    """
    if blank_silence:
        residual = residual * _sounding(samples, sample_rate_hz)

    ceiling = np.maximum(1 - np.abs(samples), 0)
    over = np.abs(samples + residual) > 1
    if over.any():
        allowed = np.where(over, ceiling / np.maximum(np.abs(residual), np.float32(1e-12)), 1).astype(
            np.float32
        )
        reach = max(1, round(0.005 * sample_rate_hz)) * 2 + 1
        residual = residual * uniform_filter1d(minimum_filter1d(allowed, reach), reach)
    marked = samples + residual
    result: np.ndarray = np.where(np.abs(samples) <= 1, np.clip(marked, -1, 1), marked).astype(np.float32)
    return result


def _sounding(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """0 in digital silence, 1 in sound, with linear fades between them."""
    run = max(1, round(_SILENT_RUN_S * sample_rate_hz))
    # An opening: zeros in runs shorter than `run` are ordinary zero crossings.
    zeros = (samples == 0).astype(np.float32)
    inner = minimum_filter1d(zeros, run, mode="nearest")
    silent = -minimum_filter1d(-inner, run, origin=0 if run % 2 else -1, mode="nearest") > 0
    sounding = np.where(silent, np.float32(0), np.float32(1))
    fades = uniform_filter1d(minimum_filter1d(sounding, run // 2 * 2 + 1), run // 2 * 2 + 1)
    result: np.ndarray = np.where(silent, np.float32(0), fades)
    return result


def fade(length: int) -> np.ndarray:
    """Ones that rise from and fall to zero over 5 ms at 16 kHz: (length,) float32."""
    ramp = min(_RAMP, length)
    factors = np.ones(length, np.float32)
    factors[:ramp] = np.linspace(0, 1, ramp, dtype=np.float32)
    factors[length - ramp :] *= np.linspace(1, 0, ramp, dtype=np.float32)
    return factors


def checked(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Samples as float32; ValueError for another shape, rate, or anything not finite."""
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1:
        raise ValueError(f"the mark takes one channel, not an array of shape {samples.shape}")
    if not RATES_HZ[0] <= sample_rate_hz <= RATES_HZ[1]:
        raise ValueError(f"the mark works at {RATES_HZ[0]} to {RATES_HZ[1]} Hz, not at {sample_rate_hz}")
    if not np.isfinite(samples).all():
        raise ValueError("samples must be finite")
    return samples


def refuse_too_short(samples: np.ndarray, sample_rate_hz: int) -> None:
    """AssentError `too_short_to_mark` for audio under 1 s or under -80 dBFS."""
    duration_s = len(samples) / sample_rate_hz
    if duration_s < SHORTEST_S:
        raise AssentError(
            "too_short_to_mark",
            f"The audio lasts {duration_s:.2f} s; a readable mark needs at least {SHORTEST_S:.0f} s.",
            measured=round(duration_s, 3),
            limit=SHORTEST_S,
        )
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    if rms < QUIETEST_RMS:
        raise AssentError(
            "too_short_to_mark",
            f"The audio is too quiet to mark: level {rms:.1e} of full scale, limit {QUIETEST_RMS:.0e}.",
            measured=rms,
            limit=QUIETEST_RMS,
        )
