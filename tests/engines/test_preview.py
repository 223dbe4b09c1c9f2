"""The preview engine follows the style clip: pitch, range, pace, pauses, level and the voice itself.

The clips are flite voices made sad or happy, the content never comes from the voice of the clip, and the
sentences were not used in tuning (benchmarks/preview_cases.py).
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.preview_cases import EMOTIONS, SENTENCES, Case, plain, reference
from synth.audio.follow import TOLERANCES, follow_report
from synth.audio.prosody import measure
from synth.engines.base import Cancelled, ReferenceClip, SpeakRequest
from synth.engines.content import espeak
from synth.engines.preview import PreviewEngine
from synth.errors import AssentError
from tests.audio.signals import syllables

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="the flite program is not installed")
needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None and not espeak.loader_installed(), reason="espeak-ng is not installed"
)


def speak(case: Case, text: str, engine: PreviewEngine) -> dict[str, Any]:
    clip = reference(case.voice, case.emotion)
    speech = engine.speak(SpeakRequest(text, "en", [], clip))
    assert case.voice not in speech.content_source
    return follow_report(
        clip.samples, clip.sample_rate_hz, speech.samples, speech.sample_rate_hz,
        reference_units=speech.details["reference_phones"], output_units=speech.details["phones"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def reports() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Follow reports of the flite cases: ten sentences of one voice, two of another."""
    out = {}
    for voice, count in (("rms", 10), ("slt", 2)):
        for emotion in EMOTIONS:
            case = Case(voice, emotion)
            engine = case.engine()
            texts = SENTENCES[: 3 if emotion == "neutral" else count]
            out[voice, emotion] = [speak(case, text, engine) for text in texts]
    return out


@needs_flite
def test_prosody_of_the_clip_is_followed(reports):
    for case, rows in reports.items():
        for key, bound in TOLERANCES.items():
            mean = np.mean([row["difference"][key] for row in rows])
            assert abs(mean) <= bound, (case, key, mean)
            # Single sentences may differ a little more than their mean.
            worst = max(abs(row["difference"][key]) for row in rows)
            assert worst <= 1.5 * bound, (case, key, worst)


@needs_flite
def test_sad_is_below_happy_in_every_sentence(reports):
    for voice in ("rms", "slt"):
        for sad, happy in zip(reports[voice, "sad"], reports[voice, "happy"], strict=True):
            for key in ("f0_median_hz", "f0_range_st", "rate_per_s", "level_db"):
                assert sad["output"][key] < happy["output"][key], (voice, key)
            assert sad["output"]["pause_ratio"] > happy["output"]["pause_ratio"]


@needs_flite
@needs_espeak
def test_without_flite_the_manner_is_followed_too():
    for emotion in ("sad", "happy"):
        case = Case("rms", emotion, "espeak-ng" if espeak.program() else "espeakng-loader")
        engine = case.engine()
        for text in SENTENCES[10:12]:
            difference = speak(case, text, engine)["difference"]
            for key, bound in TOLERANCES.items():
                assert abs(difference[key]) <= 1.5 * bound, (emotion, key, difference[key])


@needs_espeak
def test_other_languages_keep_the_manner_and_say_so():
    clip = ReferenceClip(syllables(14, 150.0, 24000, range_st=5.0), 24000, "", "zh")
    engine = PreviewEngine()
    for language, text in (
        ("zh", "今天天气很好，我们一起去公园散步吧。"),
        ("ko", "오늘은 날씨가 아주 좋습니다."),
    ):
        speech = engine.speak(SpeakRequest(text, language, [], clip))
        p = measure(speech.samples, speech.sample_rate_hz)
        assert abs(p.f0_median_hz / 150 - 1) < 0.06
        assert speech.details["mode"] == "statistics"
        assert any("transcript" in w for w in speech.warnings)
        assert any("espeak-ng" in w for w in speech.warnings)
    with pytest.raises(AssentError) as caught:
        engine.speak(SpeakRequest("今日は良い天気です", "ja", [], clip))
    assert caught.value.code == "needs_kana"


@needs_flite
def test_a_wrong_transcript_is_noticed():
    clip = reference("rms", "neutral")
    wrong = replace(
        clip, transcript="These days a chicken leg is a rare dish, and four hours of work faced us."
    )
    engine = PreviewEngine(excluded_voices=["rms"], sources=["flite"])
    right = engine.speak(SpeakRequest("A short text.", "en", [], clip))
    assert right.details["mode"] == "parallel"
    assert not right.warnings
    speech = engine.speak(SpeakRequest("A short text.", "en", [], wrong))
    assert speech.details["mode"] == "statistics"
    assert any("does not seem to match" in w for w in speech.warnings)


@needs_flite
def test_equal_requests_give_equal_samples_and_the_seed_matters():
    clip = reference("rms", "neutral")
    request = SpeakRequest("The same again.", "en", [clip], clip, seed=5)
    first = PreviewEngine().speak(request).samples
    np.testing.assert_array_equal(first, PreviewEngine().speak(request).samples)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1
    other = PreviewEngine().speak(replace(request, seed=6)).samples
    assert len(other) == len(first)
    assert np.abs(other - first).max() > 0


@needs_flite
def test_sentences_progress_cancel_and_the_cache(monkeypatch):
    clip = reference("slt", "neutral")
    engine = Case("slt", "neutral").engine()
    seen: list[float] = []
    request = SpeakRequest("One more time. Then we stop! Is that so?", "en", [], clip)
    speech = engine.speak(request, on_progress=seen.append)
    assert speech.details["sentences"] == 3
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 3  # one a sentence

    def broken(*args):
        raise AssertionError("the profile was built again")

    monkeypatch.setattr("synth.engines.preview.build", broken)
    asked = iter([False, False, True])
    with pytest.raises(Cancelled):
        engine.speak(request, should_stop=lambda: next(asked))
    np.testing.assert_array_equal(engine.speak(request).samples, speech.samples)


@needs_flite
def test_speed_multiplies_the_pace_of_the_clip():
    clip = reference("rms", "neutral")
    engine = Case("rms", "neutral").engine()
    rates = {}
    for speed in (0.6, 1.0, 1.7):
        speech = engine.speak(SpeakRequest(SENTENCES[1], "en", [], clip, speed=speed))
        rates[speed] = measure(
            speech.samples, speech.sample_rate_hz, units=speech.details["phones"]
        ).rate_per_s
    assert abs(rates[0.6] / rates[1.0] / 0.6 - 1) < 0.1
    assert abs(rates[1.7] / rates[1.0] / 1.7 - 1) < 0.1


@needs_flite
def test_further_clips_of_the_voice_add_exemplars():
    clip = reference("rms", "neutral")
    samples, rate = plain("rms", "A gray mare walked before the colt while the children watched the wall.")
    other = ReferenceClip(
        samples, rate, "A gray mare walked before the colt while the children watched the wall.", "en"
    )
    alone = Case("rms", "neutral").engine().speak(SpeakRequest("A short text.", "en", [clip], clip))
    both = Case("rms", "neutral").engine().speak(SpeakRequest("A short text.", "en", [clip, other], clip))
    assert len(alone.samples) == len(both.samples)
    assert np.abs(alone.samples - both.samples).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "code"),
    [({"text": " ... "}, "nothing_to_speak"), ({"speed": 9.0}, "speed_out_of_range"),
     ({"language": "xx"}, "language_not_offered"),
     ({"style_clip": ReferenceClip(np.zeros(48000, dtype=np.float32), 24000, "x", "en")}, "clip_silent"),
     ({"style_clip": ReferenceClip(np.zeros(0, dtype=np.float32), 24000, "x", "en")}, "clip_silent")],
)  # fmt: skip
def test_refusals(change, code):
    clip = ReferenceClip(syllables(10, 120.0, 24000), 24000, "", "en")
    with pytest.raises(AssentError) as caught:
        PreviewEngine().speak(replace(SpeakRequest("Hello.", "en", [], clip), **change))
    assert caught.value.code == code


@needs_flite
def test_strange_clips_are_survived():
    rng = np.random.default_rng(0)
    noise = (0.05 * rng.standard_normal(48000)).astype(np.float32)
    for samples in (noise, noise[:2000], syllables(2, 300.0, 24000)):
        for transcript in ("", "Good morning."):
            clip = ReferenceClip(samples, 24000, transcript, "en")
            speech = PreviewEngine().speak(SpeakRequest("Good morning.", "en", [], clip))
            assert np.isfinite(speech.samples).all()
            assert 0.2 < speech.duration_s < 10
            assert speech.warnings
