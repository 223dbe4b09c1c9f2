"""The engine over small random checkpoints: what may change its result, and what must not."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from synth.engines.base import Cancelled, Engine, SpeakRequest
from synth.errors import AssentError, Unavailable
from synth.gptsovits import engine as engine_module
from synth.gptsovits import planning, store
from synth.gptsovits.engine import GptSovitsEngine
from synth.gptsovits.guarding import Suspicion
from synth.gptsovits.presets import PRESETS, delivery_of
from synth.gptsovits.sampling import SamplingParams
from tests.gptsovits.conftest import clip, letters


def request(text="Ab. Cde", *, voice=1, style=2, seed=5, **more) -> SpeakRequest:
    return SpeakRequest(text, "en", [clip(2.0, seed=voice)], clip(3.2, seed=style), seed=seed, **more)


def peak_error(found, expected) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / (np.abs(expected).max() + 1e-9))


@pytest.fixture(scope="module")
def spoken(engine):
    return engine.speak(request())


def test_it_is_an_engine(engine, models_dir, tmp_path):
    assert isinstance(engine, Engine) and not engine.is_preview and "en" in engine.languages
    with pytest.raises(Unavailable, match="missing"):
        engine_module.load(tmp_path)
    with pytest.raises(Unavailable, match="s2Gv2Pro"):
        engine_module.load(models_dir, version="v2Pro")


def test_equal_requests_give_equal_samples(engine, spoken):
    again = engine.speak(request())
    assert again.sample_rate_hz == 32_000 and again.samples.dtype == np.float32
    assert np.abs(again.samples).max() <= 1
    assert again.details == spoken.details
    assert peak_error(again.samples, spoken.samples) < 1e-4


def test_what_changes_the_speech(engine, spoken):
    for changed in (
        request(seed=6),
        request(voice=3),
        request(style=4),
        request(text="Ab. Cdx"),
        request(params={"temperature": 1.5}),
    ):
        other = engine.speak(changed)
        same_length = other.samples.shape == spoken.samples.shape
        assert not same_length or peak_error(other.samples, spoken.samples) > 1e-3


def test_timbre_comes_from_the_voice_and_manner_from_the_style(engine):
    voice, one, other = [clip(2.0, seed=1)], clip(3.2, seed=2), clip(3.2, seed=4)
    first, _ = engine.conditioning(voice, [(one, 1.0)])
    second, _ = engine.conditioning(voice, [(other, 1.0)])
    assert torch.equal(first.speaker, second.speaker)
    assert not torch.allclose(first.style, second.style)
    own, _ = engine.conditioning(voice, [(one, 1.0)], strength=0.0)
    assert torch.allclose(own.style, own.speaker)
    mixed, _ = engine.conditioning(voice, [(one, 1.0), (other, 3.0)])
    assert torch.allclose(mixed.style, 0.25 * first.style + 0.75 * second.style, atol=1e-5)
    assert torch.equal(mixed.prompt.tokens, second.prompt.tokens)  # the heaviest clip leads
    with pytest.raises(ValueError, match="positive"):
        engine.conditioning(voice, [(one, -1.0)])


def test_several_voice_clips_are_averaged(engine):
    a, b = clip(2.0, seed=1), clip(2.5, seed=3)
    both, _ = engine.conditioning([a, b], [(a, 1.0)])
    mean = (engine.clip_conditioning(a).vector + engine.clip_conditioning(b).vector) / 2
    assert torch.allclose(both.speaker, mean, atol=1e-6)


def test_a_style_clip_without_words_or_of_the_wrong_length_gives_only_its_tone(engine):
    silent = SpeakRequest("Some words", "en", [clip(2.0)], clip(3.2, transcript=" "), seed=1)
    long = SpeakRequest("Some words", "en", [clip(2.0)], clip(11.0), seed=1)
    assert "transcript" in engine.speak(silent).warnings[0]
    assert "11.0 seconds" in engine.speak(long).warnings[0]


def test_eight_voices_at_once_are_their_solo_runs(engine):
    requests = [request(f"Ab{i}. Cd", voice=i, style=i + 8, seed=i) for i in range(8)]
    solo = [engine.speak(one) for one in requests]
    together: list = [None] * len(requests)

    def speak(index: int) -> None:
        together[index] = engine.speak(requests[index])

    threads = [threading.Thread(target=speak, args=(i,)) for i in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.networks.official.scheduler.figures.rows_at_most > 1
    for alone, shared in zip(solo, together, strict=True):
        assert shared.details["semantic_tokens"] == alone.details["semantic_tokens"]
        assert peak_error(shared.samples, alone.samples) <= 1e-4


def test_streaming_gives_the_same_codes_and_no_clicks(engine, spoken):
    one = request("A sentence that goes on", params={"temperature": 1.0})
    whole = engine.speak(one)
    chunks = list(engine.stream(one))
    streamed = np.concatenate(chunks)
    assert len(chunks) > 2
    assert streamed.shape == whole.samples.shape
    seams = np.cumsum([len(part) for part in chunks])[:-2]
    step = np.abs(np.diff(streamed))
    usual = np.percentile(step, 99.9)
    for seam in seams:
        assert step[seam - 2 : seam + 2].max() <= usual


def test_a_sentence_whose_tokens_look_wrong_is_drawn_again_and_the_best_is_kept(engine, monkeypatch):
    speech = engine.speak(request())
    once = speech.details["semantic_tokens"]
    limits = [planning.TOKENS_MARGIN + planning.TOKENS_PER_PHONE * letters for letters in (2, 3)]
    was_cut = any(count == limit for count, limit in zip(once, limits, strict=True))
    assert was_cut == any("did not come to an end" in warning for warning in speech.warnings)
    judged = []

    def doubtful(tokens, phones, *, at_limit):
        judged.append(list(tokens))
        return Suspicion.NONE if len(judged) % 2 == 0 else Suspicion.LOOP

    monkeypatch.setattr(engine_module, "REDRAWS", 2)
    monkeypatch.setattr(engine_module, "suspicion", doubtful)
    found = engine.speak(request()).details["semantic_tokens"]
    assert len(judged) == 2 * len(once), "the second draw of each sentence was good"
    assert found == [len(judged[1]), len(judged[3])] and judged[0] != judged[1]
    other = engine.speak(request(draw=1))
    assert judged[-4] != judged[0] and len(other.segments) == 2


def test_speed_changes_the_length(engine, spoken):
    fast = engine.speak(request(speed=2.0))
    pauses = 2 * round(0.1 * 32_000)
    assert abs((len(fast.samples) - pauses) * 2 / (len(spoken.samples) - pauses) - 1) < 0.05
    slow = list(engine.stream(request(speed=0.5)))
    assert abs((sum(map(len, slow)) - pauses) / 2 / (len(spoken.samples) - pauses) - 1) < 0.05


def test_progress_never_falls_and_stop_is_heard(engine):
    seen: list[float] = []
    engine.speak(request(), on_progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0
    with pytest.raises(Cancelled):
        engine.speak(request(), should_stop=lambda: True)
    asked = iter([False, False] + [True] * 1000)
    with pytest.raises(Cancelled):
        engine.speak(request("A. B. C. D"), should_stop=lambda: next(asked))


def test_refusals(engine):
    for bad, code in (
        (request("..."), "nothing_to_speak"),
        (request(params={"temprature": 1}), "parameter_unknown"),
        (request(params={"preset": "angry"}), "parameter_unknown"),
        (request(params={"top_k": 0}), "parameter_out_of_range"),
        (request(params={"top_p": "all"}), "parameter_out_of_range"),
        (request(params={"weights": "0190-abc"}), "parameter_unknown"),
        (SpeakRequest("你好", "zh", [clip(2.0)], clip(3.2)), "weights_missing"),
    ):
        with pytest.raises(AssentError) as caught:
            engine.speak(bad)
        assert caught.value.code == code


def test_presets():
    assert delivery_of({}).sampling == SamplingParams(temperature=0.6, top_k=50)
    assert delivery_of({"preset": "expressive"}) == PRESETS["expressive"]
    assert delivery_of({"preset": "expressive", "top_k": 7}).sampling.top_k == 7


def test_a_voice_with_weights_of_its_own(engine, models_dir, s1, s2, spoken):
    weights = store.Store(models_dir)
    weights.pairs.add("0190-abc", s1, s2)
    try:
        own = engine.speak(request(), weights_of="0190-abc")
        assert own.details["semantic_tokens"] == spoken.details["semantic_tokens"]
    finally:
        weights.pairs.remove("0190-abc")
    with pytest.raises(AssentError, match="no weights of its own"):
        engine.speak(request(), weights_of="0190-abc")
    with pytest.raises(ValueError, match="identifier"):
        engine.speak(request(), weights_of="../../etc")


@pytest.mark.parametrize("by", ["compiled", "torch"])
def test_the_fast_mode_speaks_like_the_exact_one(by, models_dir, spoken, monkeypatch):
    if by == "torch":  # as on a machine without numba
        monkeypatch.setattr("synth.gptsovits.fast.kernels", lambda: None)
        monkeypatch.setattr("synth.gptsovits.cache.kernels", lambda: None)
    fast = GptSovitsEngine(store.Store(models_dir), "v2", mode="fast", front_end=letters)
    try:
        found = fast.speak(request())
    finally:
        fast.close()
    assert found.details["mode"] == "fast"
    assert len(found.samples) > 10_000 and np.isfinite(found.samples).all()


def test_the_real_front_end(models_dir):
    pytest.importorskip("synth.text.frontend")
    engine = GptSovitsEngine(store.Store(models_dir), "v2")
    try:
        asked = SpeakRequest(
            "Hello there.", "en-GB", [clip(2.0)], clip(3.2, transcript="How are you?"), seed=1
        )
        speech = engine.speak(asked)
    finally:
        engine.close()
    assert len(speech.samples) > 10_000 and len(speech.details["semantic_tokens"]) == 1
