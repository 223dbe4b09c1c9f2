"""The instruments behind the false-alarm figures."""

import numpy as np

from benchmarks.false_alarms import design_effect, largest_deep_difference, largest_difference


def test_the_shared_computation_is_the_detector_s_own():
    assert largest_difference() < 1e-3


def test_the_shared_deep_search_is_the_detector_s_own():
    assert largest_deep_difference() < 1e-3


def test_the_design_effect_sees_trials_that_are_alike():
    generator = np.random.default_rng(1)
    independent = generator.exponential(size=(400, 20))
    own = [str(index) for index in range(400)]
    assert design_effect(independent, own) < 1.5
    assert design_effect(np.repeat(independent[:, :1], 20, axis=1), own) > 10
    assert (
        design_effect(np.repeat(independent[::4], 4, axis=0), [str(index // 4) for index in range(400)]) > 2
    )
