"""Length, level, clipping, signal to noise and speech on made and spoken signals."""

from __future__ import annotations

import numpy as np
import pytest

from accounts.gates import signal, speech
from accounts.gates.report import Gate, decide, run_stages
from tests import takes
from tests.accounts.gates.conftest import genuine

RATE = takes.RATE_HZ


def tone(seconds: float, amplitude: float = 0.5) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


@pytest.mark.parametrize(
    ("seconds", "outcome", "code"),
    [(3.99, "fail", "too_short"), (4.0, "pass", ""), (60.1, "fail", "too_long")],
)
def test_length(seconds: float, outcome: str, code: str) -> None:
    gate = signal.length_gate(seconds, 4.0, 60.0)
    assert (gate.outcome, gate.code) == (outcome, code)


def test_quiet_and_silent_recordings_fail_on_level() -> None:
    assert signal.level_gate(tone(1, 0.005)).code == "too_quiet"
    assert signal.level_gate(np.zeros(RATE, np.float32)).code == "too_quiet"
    assert signal.level_gate(tone(1)).outcome == "pass"


@pytest.mark.parametrize(("gain_db", "clipped"), [(0, False), (6, True), (12, True)])
@pytest.mark.parametrize("turned_down", [1.0, 0.2])
def test_clipping_is_seen_even_when_turned_down_afterwards(
    gain_db: int, clipped: bool, turned_down: float
) -> None:
    x = genuine("slt")
    loud = np.clip(x / np.abs(x).max() * 10 ** (gain_db / 20), -1, 1) * turned_down
    assert (signal.clipping_gate(loud.astype(np.float32)).code == "clipped") is clipped


@pytest.mark.parametrize("snr_db", [30.0, 22.0, 17.0, 10.0])
def test_the_measured_ratio_is_near_the_true_one(snr_db: float) -> None:
    generator = np.random.default_rng(0)
    for voice in takes.VOICES:
        x = genuine(voice)
        loud = x[np.abs(x) > 0.05 * np.abs(x).max()]
        noise = generator.normal(size=len(x)) * np.sqrt(np.mean(loud**2)) * 10 ** (-snr_db / 20)
        measured = signal.snr_db((x + noise).astype(np.float32), RATE)
        assert abs(measured - snr_db) < 4


def test_three_zones_of_noise() -> None:
    generator = np.random.default_rng(0)
    x = genuine("rms")

    def outcome(relative: float) -> str:
        return signal.snr_gate(
            (x + relative * x.std() * generator.normal(size=len(x))).astype("f4"), RATE
        ).outcome

    assert [outcome(r) for r in (0.02, 0.18, 0.5)] == ["pass", "review", "fail"]


def test_speech_is_told_from_noise_tone_and_silence() -> None:
    generator = np.random.default_rng(0)
    noise = (0.05 * generator.normal(size=6 * RATE)).astype(np.float32)
    for dull in (noise, tone(6), np.zeros(6 * RATE, np.float32)):
        assert speech.speech_gate(speech.speech_spans(dull), 6.0, 3.0).code == "too_little_speech"
    x = genuine("awb")
    assert speech.speech_gate(speech.speech_spans(x), len(x) / RATE, 3.0).outcome == "pass"
    mostly_silent = np.pad(x, (0, 2 * len(x)))
    spans = speech.speech_spans(mostly_silent)
    assert speech.speech_gate(spans, len(mostly_silent) / RATE, 3.0).code == "too_little_speech"


def test_channels_and_rates_come_to_mono_16k() -> None:
    x = signal.to_mono_16k(np.stack([tone(1), tone(1)]), RATE)
    assert x.shape == (RATE,) and x.dtype == np.float32
    assert len(signal.to_mono_16k(np.zeros(44_100, np.float32), 44_100)) == RATE
    with pytest.raises(ValueError, match="finite"):
        signal.to_mono_16k(np.array([0.0, np.nan], np.float32), RATE)


def test_any_failure_rejects_any_doubt_waits_and_nothing_measured_is_a_doubt() -> None:
    good, doubt, bad, none = (Gate("x", o) for o in ("pass", "review", "fail", "skipped"))
    assert decide([good, none]) == "approved"
    assert decide([good, doubt]) == "needs_review"
    assert decide([good, doubt, bad]) == "rejected"
    assert decide([none]) == decide([]) == "needs_review"


def test_after_a_failed_stage_the_rest_is_skipped_but_its_own_reasons_are_all_told() -> None:
    gates = run_stages(
        [
            (("a", "b"), lambda: [Gate("a", "fail", code="one"), Gate("b", "fail", code="two")]),
            (("c",), lambda: pytest.fail("measured after a failure")),
        ]
    )
    assert [(g.name, g.outcome) for g in gates] == [("a", "fail"), ("b", "fail"), ("c", "skipped")]
