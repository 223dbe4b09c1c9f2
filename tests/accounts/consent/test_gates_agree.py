"""What the services require of a report is what the gates report."""

from __future__ import annotations

import datetime as dt

import numpy as np

from accounts.consent.scope import CUSTOM_WEIGHTS, PURPOSES
from accounts.consent.services import decisions, styles
from accounts.gates.challenge import LANGUAGES, make_challenge
from accounts.gates.consent import check_consent
from accounts.gates.languages import CODES, load
from accounts.gates.style import check_style
from accounts.gates.vocabulary import PURPOSES_EN
from accounts.voices.languages import LANGUAGES as VOICE_LANGUAGES

RATE_HZ = 16_000
NOISE = np.random.default_rng(1).normal(0, 0.1, 5 * RATE_HZ).astype(np.float32)


def no_mark(samples: np.ndarray, sample_rate_hz: int) -> bool:
    return False


def test_every_required_gate_of_a_consent_is_measured():
    challenge = make_challenge(
        person_name="Ada Byron", organisation="North", purposes=["dubbing"], date=dt.date(2026, 1, 2), language="en",
        generator=np.random.default_rng(1),
    )  # fmt: skip
    report = check_consent(NOISE, RATE_HZ, challenge=challenge, mark_detector=no_mark)
    assert {gate.name for gate in report.gates} >= decisions.GATES_THAT_MUST_PASS | {"speaker"}


def test_every_purpose_of_a_scope_can_be_said():
    assert [*PURPOSES, CUSTOM_WEIGHTS] == list(PURPOSES_EN)
    assert all(list(load(language).purposes) == list(PURPOSES_EN) for language in CODES)


def test_a_voice_can_be_registered_in_every_language_of_a_statement():
    assert set(LANGUAGES) <= set(VOICE_LANGUAGES)


def test_every_required_gate_of_a_style_is_measured():
    report = check_style(
        NOISE,
        RATE_HZ,
        consent_embedding=None,
        transcript="It had rained.",
        language="en",
        mark_detector=no_mark,
    )
    assert {gate.name for gate in report.gates} >= styles.GATES_THAT_MUST_PASS
