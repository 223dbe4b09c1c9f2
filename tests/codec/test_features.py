"""The transform pair and the way back through the detector."""

import numpy as np
import pytest

from watermark.codec.features import (
    features,
    features_with_gradient,
    istft,
    reference_level,
    row_power,
    stft,
    tile_power,
)
from watermark.codec.keystream import keystream
from watermark.codec.optimise import BlockOptimiser, BlockPlan, Strength
from watermark.codec.payload import pack


def test_the_transform_pair_gives_the_samples_back(rms):
    samples = rms[:20_001]
    assert np.abs(istft(stft(samples), len(samples)) - samples)[128:].max() < 1e-6


def test_analysis_after_synthesis_is_its_own_adjoint():
    generator = np.random.default_rng(0)
    length = 4_096
    frames = len(stft(np.zeros(length)))

    def inner(a, b):  # interior bins stand for two conjugate ones
        weights = np.full(257, 2.0)
        weights[[0, -1]] = 1.0
        return float(((a * np.conj(b)).real * weights).sum())

    def project(spectrum):
        return stft(istft(spectrum, length))

    a, b = (_spectrum(generator, frames) for _ in "ab")
    assert inner(project(a), b) == pytest.approx(inner(a, project(b)), rel=1e-3)


def _spectrum(generator, frames):
    return (generator.normal(size=(frames, 257)) + 1j * generator.normal(size=(frames, 257))).astype(
        np.complex64
    )


def test_feature_gradient_matches_finite_differences(rms):
    power = tile_power(row_power(stft(rms[16_000:32_000] * 3))).astype(np.float64)
    reference_db = reference_level(power)
    found = features_with_gradient(power, reference_db)
    generator = np.random.default_rng(4)
    upstream = generator.normal(size=power.shape)
    loud = np.argwhere(found.weight > 0.98)  # where the silence weight is flat, as the gradient assumes
    gradient = found.to_power(upstream)
    pairs = []
    for tile, row in loud[generator.permutation(len(loud))[:60]]:
        step = power[tile, row] * 1e-3
        moved = [power.copy(), power.copy()]
        moved[0][tile, row] += step
        moved[1][tile, row] -= step
        change = [(features(p, reference_db) * upstream).sum() for p in moved]
        pairs.append(
            ((change[0] - change[1]) / (2 * step) * power[tile, row], gradient[tile, row] * power[tile, row])
        )
    numeric, analytic = np.array(pairs).T
    assert np.corrcoef(numeric, analytic)[0, 1] > 0.99
    assert np.abs(numeric - analytic).max() < 0.1 * np.abs(numeric).max()


def test_more_iterations_meet_more_margins(rms, keys):
    epoch_keys = keys.for_epoch("a")
    plan = BlockPlan(keystream(epoch_keys), 1_000, pack(7, epoch_keys), 7, np.ones(64, np.float32))
    block = rms[:48_000] * 3
    signs, roles = plan.signs_and_roles(187)

    def margin(samples):
        power = tile_power(row_power(stft(samples)), 0, 187)
        values = features(power, reference_level(power))
        code = roles < 216
        return (values * signs)[code].sum() / np.sqrt(np.square(values[code]).sum())

    optimiser = BlockOptimiser(block, plan, Strength())
    margins = [margin(block), margin(optimiser.run(Strength(), 6)), margin(optimiser.run(Strength(), 18))]
    assert margins[0] < 3 < margins[1] < margins[2]
