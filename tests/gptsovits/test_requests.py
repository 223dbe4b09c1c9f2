"""What a request may bring beside text and clip: further styles by weight, pronunciations, a voice's own weights."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from synth.engines.base import SpeakRequest, SpeaksWithOwnWeights
from synth.gptsovits.engine import GptSovitsEngine
from synth.gptsovits.presets import PARAMETERS
from synth.gptsovits.store import Store
from synth.text.dictionary import Entry, checked
from tests.gptsovits.conftest import clip, letters

FIRST, SECOND = clip(4.0, seed=1), clip(4.0, seed=2)


def spoken(engine, **more):
    return engine.speak(SpeakRequest("some words", "en", [FIRST], FIRST, seed=3, **more)).samples


def test_it_says_what_it_supports(engine):
    assert PARAMETERS | {"blend", "pronunciations", "own_weights", "draws"} == engine.supports
    assert isinstance(engine, SpeaksWithOwnWeights)


def test_styles_are_blended_by_their_relative_weights(engine):
    alone = spoken(engine)
    blended = spoken(engine, blend=[(SECOND, 0.5)])
    assert len(alone) and not np.array_equal(alone, blended[: len(alone)])
    assert np.array_equal(blended, spoken(engine, style_weight=2.0, blend=[(SECOND, 1.0)]))


def test_pronunciations_reach_the_front_end(models_dir):
    attended = []

    def listening(text, language, dictionary, cut_method):
        attended.append(dictionary)
        return letters(text, language)

    engine = GptSovitsEngine(Store(models_dir), "v2", front_end=listening)
    words = checked([Entry("en", "words", reading="W ER1 D Z")])
    try:
        spoken(engine, dictionary=words)
    finally:
        engine.close()
    assert words in attended
    assert attended.count(words) < len(attended)  # the clip's own transcript is read without them


def test_a_voices_own_weights_say_which_they_are_and_are_let_go(engine, models_dir, s1, s2):
    weights = Store(models_dir)
    weights.pairs.add("0190-own", s1, s2)
    try:
        speech = engine.speak(SpeakRequest("some words", "en", [FIRST], FIRST), weights_of="0190-own")
        assert speech.details["weights"] == {
            "s1": hashlib.sha256(s1.read_bytes()).hexdigest(),
            "s2": hashlib.sha256(s2.read_bytes()).hexdigest(),
        }
        held = engine.networks.nbytes
        engine.forget("0190-own")
        assert engine.networks.nbytes < held
    finally:
        weights.pairs.remove("0190-own")
    with pytest.raises(Exception, match="no weights of its own"):
        engine.speak(SpeakRequest("some words", "en", [FIRST], FIRST), weights_of="0190-own")
