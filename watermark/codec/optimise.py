"""Informed embedding of one block: the quietest change of the signal that the detector reads with margin.

One gain per tile is unknown. The problem: minimise sum(cost * gain**2) so that, in every 3 s window, each
coded bit, the sync and the confirmation correlate with at least their target through the real detector
features. It is solved
by projected dual ascent: one multiplier per window and role, raised while its margin is unmet; the gains
follow the multipliers through the exact adjoint of the STFT pair. Expected attack noise (white, and the
floor of a codec) enters as power floors inside the loop, so margins hold after noise without random draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .content import content_weights
from .convolution import CODE_SIGNS, encode
from .features import (
    HANN,
    features_with_gradient,
    istft,
    reference_level,
    row_power,
    stft,
    sum_bins,
    tile_power,
)
from .keystream import CONFIRMATION, ROLES, SYNC, Keystream
from .parameters import (
    BINS,
    BINS_PER_TILE,
    FIRST_BIN,
    FRAMES_PER_TILE,
    PERIOD_TILES,
    PERIODS,
    TILE_ROWS,
    TILES_PER_SECOND,
)


@dataclass(frozen=True)
class Strength:
    """How strongly a block is marked; `scaled` moves the two that trade quality against robustness."""

    code_margin: float = 1.5  # target correlation of a coded bit, in standard deviations of its sum
    sync_margin: float = 10.0
    confirmation_margin: float = 4.0
    largest_gain_db: float = 5.0
    white_floor_db: float = 22.0  # expected white noise, below the power of the block
    codec_floor_db: float = 8.0  # expected coding noise, below the local spectrum
    cost_exponent: float = 0.8

    def scaled(self, factor: float) -> Strength:
        """Margin of the code and largest gain times `factor`."""
        return Strength(
            self.code_margin * factor,
            self.sync_margin,
            self.confirmation_margin,
            self.largest_gain_db * factor,
            self.white_floor_db,
            self.codec_floor_db,
            self.cost_exponent,
        )


_WINDOW_TILES = int(3.0 * TILES_PER_SECOND)
_WINDOW_HOP_TILES = int(1.0 * TILES_PER_SECOND)
_ASCENT_STEP = 0.5
_GAIN_STEP = 0.6
_DB_TO_NEPER = np.float32(np.log(10) / 20)


@dataclass(frozen=True)
class BlockPlan:
    """What a block must say: where it enters the keystream, the payload, and the polarity of each period."""

    keystream: Keystream
    place: int  # keystream column of the block's first tile
    payload: np.ndarray  # uint8 (64,)
    record_number: int
    polarity: np.ndarray  # float32 (64,), -1 or +1 per keystream period

    def signs_and_roles(self, tiles: int) -> tuple[np.ndarray, np.ndarray]:
        """Wanted sign and role of each tile: (tiles, 69) float32 and int16."""
        columns = self.keystream.columns(self.place, tiles)
        roles = self.keystream.roles[columns]
        signs = self.keystream.known_signs(self.record_number, encode(self.payload))[columns].astype(
            np.float32
        )
        polarity = self.polarity[columns // PERIOD_TILES % PERIODS][:, None]
        return np.where(roles == SYNC, self.keystream.signs[columns] * polarity, signs), roles

    def binding(self, power: np.ndarray, roles: np.ndarray) -> np.ndarray:
        """Factor by which the content signs each tile's feature, from tile power (tiles, 69); 1 on sync."""
        weights = content_weights(power, self.keystream.delays)
        return np.where(roles == SYNC, np.float32(1), weights)


class BlockOptimiser:
    """Dual ascent on one block of 16 kHz samples, up to about 36 s; may be run on with another strength.

    frozen_tiles leading tiles are context that has already left (streaming): they count, but stay as they
    are.
    """

    def __init__(
        self, samples: np.ndarray, plan: BlockPlan, strength: Strength, *, frozen_tiles: int = 0
    ) -> None:
        self._length = len(samples)
        spectrum = stft(samples)
        power = row_power(spectrum)
        self._tiles = len(power) // FRAMES_PER_TILE
        self._frames = self._tiles * FRAMES_PER_TILE
        self._signs, self._roles = plan.signs_and_roles(self._tiles)
        self._in_band = np.s_[: self._frames, FIRST_BIN : FIRST_BIN + BINS]
        self._band = spectrum[self._in_band]
        # Outside the band these two never change; only the inside is written again in each step.
        self._changed, self._gradient = spectrum.copy(), np.zeros_like(spectrum)

        own = tile_power(power, 0, self._tiles)
        white = float(np.mean(np.square(samples, dtype=np.float64))) * 10 ** (-strength.white_floor_db / 10)
        self._floor = _spread(own, 4, 0.0) * np.float32(
            10 ** (-strength.codec_floor_db / 10) / 9
        ) + np.float32(white * float((HANN**2).sum()) * BINS_PER_TILE)
        self._reference_db = reference_level(own + self._floor)
        self._binding = plan.binding(own, self._roles)
        # A change is cheap where louder neighbours mask it: power spread over frequency against the tile's
        # own.
        masking = (_spread(own, 6, 3.5) + np.float32(1e-9)) / (own + np.float32(1e-9))
        self._cheapness = masking ** np.float32(strength.cost_exponent)
        self._cheapness[:frozen_tiles] = 0

        self._windows = _Windows(self._roles)
        self._multipliers = np.zeros((self._windows.count, ROLES))
        self._gains_db = np.zeros_like(own)
        self._curvature: np.ndarray | None = None

    def run(self, strength: Strength, iterations: int) -> np.ndarray:
        """Marked samples (float32, same length) after that many more steps to the margins of `strength`."""
        targets = np.full(ROLES, strength.code_margin)
        targets[SYNC], targets[CONFIRMATION] = strength.sync_margin, strength.confirmation_margin
        for _ in range(iterations):
            self._step(targets, strength.largest_gain_db)
        return self._render(self._factors())

    def _step(self, targets: np.ndarray, largest_gain_db: float) -> None:
        factors = self._factors()
        seen = stft(self._render(factors))
        power = tile_power(row_power(seen), 0, self._tiles) + self._floor
        found = features_with_gradient(power, self._reference_db)
        bound = found.values * self._binding
        correlation = self._windows.sums(bound * self._signs)
        energy = self._windows.sums(bound**2)
        energy[:, :CODE_SIGNS] = energy[:, :CODE_SIGNS].mean(axis=1, keepdims=True)
        deviation = np.sqrt(energy + 1e-3)
        # How much a unit of multiplier moves its correlation: the step size of the ascent.
        if self._curvature is None:
            reach = found.slope * self._binding * np.float32(0.55) * (power - self._floor) / power
            self._curvature = (
                self._windows.sums(reach**2 * self._cheapness)
                + 0.02 * self._windows.sums(self._cheapness)
                + 1e-3
            )
            # Roles with nothing free in a window (all of it has left) ask for nothing.
            self._curvature[self._windows.sums(self._cheapness) == 0] = np.inf
        unmet = targets * deviation - correlation
        self._multipliers = np.maximum(self._multipliers + _ASCENT_STEP * unmet / self._curvature, 0)

        pull = self._windows.spread(self._multipliers, self._tiles) * self._signs * self._binding
        toward = self._cheapness * self._gain_gradient(seen, factors, found.to_power(pull))
        wanted = np.clip(toward, -largest_gain_db, largest_gain_db)
        self._gains_db += np.float32(_GAIN_STEP) * (wanted - self._gains_db)

    def _factors(self) -> np.ndarray:
        """Amplitude factor of each bin and frame. Smoothed over bins: sharp gains in frequency ring before
        onsets.
        """
        per_bin = np.repeat(np.repeat(self._gains_db, FRAMES_PER_TILE, axis=0), BINS_PER_TILE, axis=1)
        return np.exp(_smooth_bins(per_bin) * _DB_TO_NEPER)

    def _render(self, factors: np.ndarray) -> np.ndarray:
        np.multiply(self._band, factors, out=self._changed[self._in_band])
        return istft(self._changed, self._length)

    def _gain_gradient(self, seen: np.ndarray, factors: np.ndarray, by_power: np.ndarray) -> np.ndarray:
        """d objective / d gain of each tile, from d objective / d tile power as the detector sees it."""
        per_frame = np.repeat(
            np.repeat(by_power / FRAMES_PER_TILE, FRAMES_PER_TILE, axis=0), BINS_PER_TILE, axis=1
        )
        np.multiply(seen[self._in_band], 2 * per_frame, out=self._gradient[self._in_band])
        spectral = stft(istft(self._gradient, self._length))[self._in_band]
        per_bin = (spectral.real * self._band.real + spectral.imag * self._band.imag) * factors
        smoothed = _smooth_bins(per_bin).reshape(self._tiles, FRAMES_PER_TILE, BINS).sum(axis=1)
        return sum_bins(smoothed) * _DB_TO_NEPER


class _Windows:
    """The 3 s windows, one starting every second, in which every margin must hold."""

    def __init__(self, roles: np.ndarray) -> None:
        tiles = len(roles)
        self._size = min(tiles, _WINDOW_TILES)
        self._starts = list(range(0, tiles - self._size + 1, _WINDOW_HOP_TILES))
        if self._starts[-1] + self._size < tiles:
            self._starts.append(tiles - self._size)
        self.count = len(self._starts)
        self._roles = roles
        self._index = np.concatenate(
            [
                (roles[start : start + self._size].astype(np.int64) + number * ROLES).ravel()
                for number, start in enumerate(self._starts)
            ]
        )

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of `values` (tiles, 69) per window and role: (windows, ROLES)."""
        cut = np.concatenate([values[start : start + self._size].ravel() for start in self._starts])
        return np.bincount(self._index, cut, self.count * ROLES).reshape(self.count, ROLES)

    def spread(self, per_role: np.ndarray, tiles: int) -> np.ndarray:
        """The way back: (windows, ROLES) to the sum over windows at each tile, float32 (tiles, 69)."""
        total = np.zeros((tiles, TILE_ROWS), np.float32)
        for number, start in enumerate(self._starts):
            here = slice(start, start + self._size)
            total[here] += per_role[number].astype(np.float32)[self._roles[here]]
        return total


def _spread(power: np.ndarray, reach: int, slope_db: float) -> np.ndarray:
    """Sum over neighbouring rows within `reach`, falling by slope_db per row; edges mirrored."""
    padded = np.concatenate([power[:, :reach][:, ::-1], power, power[:, -reach:][:, ::-1]], axis=1)
    total = np.zeros_like(power)
    for offset in range(2 * reach + 1):
        total += padded[:, offset : offset + TILE_ROWS] * np.float32(
            10 ** (-abs(offset - reach) * slope_db / 10)
        )
    return total


def _smooth_bins(values: np.ndarray) -> np.ndarray:
    """1/4, 1/2, 1/4 over neighbouring bins, edges repeated; its own adjoint up to the two edge bins."""
    out = values * np.float32(0.5)
    quarter = values * np.float32(0.25)
    out[:, 1:] += quarter[:, :-1]
    out[:, :-1] += quarter[:, 1:]
    out[:, 0] += quarter[:, 0]
    out[:, -1] += quarter[:, -1]
    return out
