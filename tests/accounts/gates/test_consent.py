"""Whole consent recordings through every gate: who is approved, and each refusal by its own code."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
import soxr

from accounts.gates.challenge import ChallengeSpec
from accounts.gates.consent import check_consent
from accounts.gates.replay import Fingerprint
from tests import takes
from tests.accounts.gates.conftest import Check, genuine

every_voice = pytest.mark.parametrize("voice", takes.VOICES)


@every_voice
def test_a_genuine_take_is_approved_and_everything_is_told(voice: str, check: Check) -> None:
    report = check(genuine(voice))
    assert (report.decision, report.reasons) == ("approved", []), report.gates
    told = json.loads(json.dumps(report.as_dict()))
    assert {gate["outcome"] for gate in told["gates"]} == {"pass", "skipped"}
    assert [g["name"] for g in told["gates"] if g["outcome"] == "skipped"] == ["speaker"]
    assert len(told["speaker_embedding"]) == 256
    assert abs(np.linalg.norm(told["speaker_embedding"]) - 1) < 1e-3
    mark = Fingerprint.from_bytes(base64.b64decode(told["fingerprint"]))
    words_s = (mark.words_from or 0) / 62.5
    assert 0.5 < words_s / (told["duration_ms"] / 1000) < 0.9
    assert set(told["model_versions"]) == {"speech", "recogniser", "speaker"}


def test_two_channels_at_48_khz_are_judged_the_same(models_dir: Path) -> None:
    samples = soxr.resample(genuine("slt"), takes.RATE_HZ, 48_000)
    report = check_consent(
        np.stack([samples, samples]),
        48_000,
        challenge=takes.fixed_challenge(),
        mark_detector=lambda *_: False,
        models_dir=models_dir,
    )
    assert report.sample_rate_hz == 48_000
    assert report.duration_ms == pytest.approx(1000 * len(samples) / 48_000, abs=1)
    assert (report.decision, report.reasons) == ("approved", [])


def test_the_same_person_in_a_new_take_is_approved(check: Check) -> None:
    first = check(genuine("awb"))
    assert first.speaker_embedding is not None
    second = check(
        genuine("awb", seed=2),
        reference_embeddings=[first.speaker_embedding],
        known_fingerprints=[("first", first.fingerprint)],
    )
    assert (second.decision, second.reasons) == ("approved", [])
    assert second.gate("speaker").outcome == "pass"


def test_another_person_is_refused(check: Check) -> None:
    owner = check(genuine("slt")).speaker_embedding
    report = check(genuine("kal16"), reference_embeddings=[owner])
    assert (report.decision, report.reasons) == ("rejected", ["speaker_mismatch"])


@every_voice
def test_a_replayed_recording_is_refused(voice: str, check: Check) -> None:
    first = check(genuine(voice))
    quieter = (0.5 * genuine(voice))[2000:]
    report = check(quieter, known_fingerprints=[("first", first.fingerprint)])
    assert (report.decision, report.reasons) == ("rejected", ["replayed_recording"])
    assert report.gate("statement").outcome == "skipped"


@every_voice
def test_noise_is_refused(voice: str, check: Check) -> None:
    x = genuine(voice)
    noise = np.random.default_rng(3).normal(size=len(x)) * x.std() * 0.4
    assert check((x + noise).astype(np.float32)).reasons == ["too_noisy"]


@every_voice
def test_clipping_is_refused(voice: str, check: Check) -> None:
    x = genuine(voice)
    loud = np.clip(4 * x / np.abs(x).max(), -1, 1).astype(np.float32)
    assert check(loud).reasons == ["clipped"]


def test_noise_and_clipping_are_told_together(check: Check) -> None:
    x = genuine("slt")
    noise = np.random.default_rng(3).normal(size=len(x)) * x.std() * 0.5
    loud = np.clip(6 * (x + noise) / np.abs(x).max(), -1, 1).astype(np.float32)
    assert check(loud).reasons == ["clipped", "too_noisy"]


def test_too_short_and_too_long_are_refused_before_anything_is_heard(check: Check) -> None:
    short = check(genuine("rms")[: 3 * takes.RATE_HZ])
    assert (short.decision, short.reasons) == ("rejected", ["too_short"])
    assert short.gate("snr").outcome == "skipped"
    assert check(np.zeros(61 * takes.RATE_HZ, np.float32)).reasons == ["too_long"]


def test_two_speakers_are_refused(check: Check) -> None:
    a, b = genuine("slt"), genuine("rms")
    mixed = np.concatenate([a[: len(a) // 2], b[len(b) // 2 :]])
    assert check(mixed).reasons == ["several_speakers"]


def test_our_own_output_is_refused(check: Check) -> None:
    seen = []

    def detector(samples: np.ndarray, sample_rate_hz: int) -> bool:
        seen.append((samples.dtype, len(samples), sample_rate_hz))
        return True

    report = check(genuine("slt"), mark_detector=detector)
    assert (report.decision, report.reasons) == ("rejected", ["synthetic_source"])
    assert seen == [(np.dtype("float32"), len(genuine("slt")), takes.RATE_HZ)]


def test_a_denial_another_name_and_wrong_words_are_refused(check: Check, challenge: ChallengeSpec) -> None:
    cases = {
        ("I consent", "I do not consent"): "statement_negated",
        ("Alex Morgan", "Jordan Baker"): "person_mismatch",
        (
            ", ".join(challenge.word_list),
            ", ".join(takes.fixed_challenge(seed=77).word_list),
        ): "challenge_words_wrong",
    }
    for (right, wrong), code in cases.items():
        samples = takes.take(challenge.statement.replace(right, wrong), "slt", source="phrases").samples
        report = check(samples)
        assert (report.decision, report.reasons) == ("rejected", [code])


def test_without_the_speaker_model_a_reviewer_decides(check: Check) -> None:
    report = check(genuine("slt"), models_dir=None)
    assert report.decision == "needs_review"
    assert set(report.reasons) == {"speaker_model_missing"}
    assert report.speaker_embedding is None
    assert report.model_versions["speaker"] == "not installed"


def test_a_language_without_a_recogniser_waits_for_a_reviewer(check: Check) -> None:
    data = takes.fixed_challenge().as_json() | {"language": "zh"}
    report = check(genuine("slt"), challenge=ChallengeSpec.from_json(data))
    assert report.decision == "needs_review"
    assert set(report.reasons) == {"language_needs_reviewer"}
