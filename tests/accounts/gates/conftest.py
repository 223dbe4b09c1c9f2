"""The speaker weights that `make setup` fetched, and takes of the fixed challenge."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from accounts.gates import speaker
from accounts.gates.challenge import ChallengeSpec
from accounts.gates.consent import check_consent
from accounts.gates.report import GateReport
from tests import takes

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def models_dir() -> Path:
    for folder in (os.environ.get("ASSENT_MODELS_DIR"), ROOT / "var" / "models"):
        if folder and speaker.find_weights(folder):
            return Path(folder)
    pytest.skip("the speaker weights are not there: run `make setup`")


@pytest.fixture(scope="session")
def challenge() -> ChallengeSpec:
    return takes.fixed_challenge()


@cache
def genuine(voice: str, seed: int = 1) -> np.ndarray:
    """A take of the fixed challenge from the committed phrases: float32 at 16 kHz."""
    return takes.take(takes.fixed_challenge().statement, voice, seed=seed, source="phrases").samples


Check = Callable[..., GateReport]


@pytest.fixture(scope="session")
def check(models_dir: Path, challenge: ChallengeSpec) -> Check:
    """`check_consent` against the fixed challenge, with a detector that finds no mark."""

    def run(samples: np.ndarray, **changes: object) -> GateReport:
        settings = {"challenge": challenge, "mark_detector": lambda *_: False, "models_dir": models_dir}
        # Settings of several types, by name.
        return check_consent(samples, takes.RATE_HZ, **(settings | changes))  # type: ignore[arg-type]

    return run
