"""The instruments behind the false-alarm figures."""

import numpy as np

from benchmarks.false_alarms import LIMIT_NATS, design_effect, fitted_tail, largest_difference


def test_the_shared_computation_is_the_detector_s_own():
    assert largest_difference() < 1e-3


def test_the_design_effect_sees_trials_that_are_alike():
    generator = np.random.default_rng(1)
    independent = generator.exponential(size=(400, 20))
    assert design_effect(independent) < 1.5
    assert design_effect(np.repeat(independent[:, :1], 20, axis=1)) > 10


def test_the_fitted_tail_bounds_an_exponential_one_and_grows_with_it():
    generator = np.random.default_rng(2)
    evidence = generator.exponential(size=(500, 20)) - 2
    true = float(np.exp(-(LIMIT_NATS + 2)))
    assert true < fitted_tail(evidence) < 20 * true
    assert fitted_tail(evidence * 1.5) > fitted_tail(evidence)
