"""The recogniser on the committed takes. Needs the model `whisper-base`."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from synth.modelstore import store
from synth.recognition import windows
from synth.recognition.log_mel import log_mel
from synth.recognition.recogniser import MODEL_FOLDER, Listening, Recogniser
from synth.recognition.tokens import _with_first_merge, words_of
from tests import takes

SAID = "The harbor lights were still burning when we came home, and nobody asked us where we had been."
DENIED = "The harbor lights were not burning when we came home, and somebody asked us where we had been."


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    folder = Path(settings.ASSENT_MODELS_DIR)
    if not store.is_there(folder, MODEL_FOLDER):
        pytest.skip("the recogniser's model is not there: manage.py models fetch whisper-base")
    return Recogniser(folder / MODEL_FOLDER)


@pytest.fixture(scope="module")
def heard(recogniser: Recogniser) -> Listening:
    take = takes.style_clip("rms", "neutral")
    assert take.sample_rate_hz == 16_000
    return recogniser.listen(take.samples)


def test_what_was_said_is_written_with_the_times_of_its_words(heard):
    found = heard.transcribe(words=True)
    assert (found.language, found.text, found.heard) == ("en", SAID, True)
    assert [word.text for word in found.words] == SAID.split()
    starts = [word.start_s for word in found.words]
    assert starts == sorted(starts)
    assert all(word.start_s < word.end_s <= heard.duration_s for word in found.words)
    burning = next(word for word in found.words if word.text == "burning")
    assert abs(burning.start_s - 1.78) < 0.1
    assert heard.words(SAID, "en") == found.words


def test_a_text_that_was_said_beats_its_denial_where_they_differ(heard):
    said, denied = heard.score([SAID, DENIED], "en")
    assert said.total - denied.total > 10
    at = SAID.index("still")
    assert said.between(at, at + 5) - denied.between(at, at + 3) > 5
    assert abs(sum(said.logprobs) - said.between(0, len(SAID) + 1)) < 1e-6, "every token has its place"


def test_the_language_is_told(heard):
    languages = heard.languages()
    assert next(iter(languages)) == "en"
    assert languages["en"] > 0.9
    assert abs(sum(languages.values()) - 1) < 0.02


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_nothing_is_heard_where_nobody_speaks(recogniser, kind):
    time = np.arange(16_000 * 4) / 16_000
    sound = {
        "silence": np.zeros_like(time),
        "noise": np.random.default_rng(3).standard_normal(len(time)) * 0.05,
        "tone": 0.2 * np.sin(2 * np.pi * 440 * time),
    }[kind]
    found = recogniser.listen(sound.astype(np.float32)).transcribe("en", words=True)
    assert (found.heard, found.text, found.words) == (False, "", ())


def test_a_long_recording_is_heard_in_windows_and_its_times_go_on(recogniser):
    clip = takes.style_clip("rms", "neutral").samples
    statement = takes.take(takes.fixed_challenge().statement, "rms", seed=1, source="phrases").samples
    long = np.concatenate(
        [statement, np.zeros(16_000, np.float32), clip, np.zeros(16_000, np.float32), statement]
    )
    assert len(long) > 30 * 16_000
    listening = recogniser.listen(long)
    found = listening.transcribe("en", words=True)
    assert "harbor lights were still burning when we came home" in found.text
    (burning,) = (word for word in found.words if word.text == "burning")
    assert abs(burning.start_s - (len(statement) / 16_000 + 1 + 1.78)) < 0.15
    starts = [word.start_s for word in found.words]
    assert starts == sorted(starts) and starts[-1] > 30
    with pytest.raises(ValueError, match="at most 30 s"):
        listening.score([SAID], "en")


def test_questions_that_have_no_answer(recogniser, heard):
    with pytest.raises(ValueError, match="no sound"):
        recogniser.listen(np.zeros(0, np.float32))
    with pytest.raises(ValueError, match="tlh"):
        heard.transcribe("tlh")
    assert recogniser.knows("yue") and recogniser.knows("zh")


def test_forced_texts_are_cut_into_the_tokens_that_the_network_knows(recogniser):
    """Without the merge that the conversion lost, " the" would be two tokens."""
    assert len(recogniser.tokeniser.encode("the", "en").ids) == 1
    tokens = recogniser.tokeniser.encode("你好，世界", "zh")
    assert tokens.spans[0][0] == 0 and tokens.spans[-1][1] == 5


def test_the_merge_is_put_back_once():
    for merges in (["h e"], [["h", "e"]]):
        once = _with_first_merge(json.dumps({"model": {"merges": merges}}))
        assert len(json.loads(once)["model"]["merges"]) == 2
        assert json.loads(_with_first_merge(once)) == json.loads(once)


def test_words_are_characters_where_nothing_stands_between_them():
    assert [SAID[a:b] for a, b in words_of(SAID, "en")][:3] == ["The", "harbor", "lights"]
    assert words_of("你好 world", "zh")[:2] == [(0, 1), (1, 2)]


def test_the_front_end_agrees_with_the_extractor_of_transformers():
    from transformers import WhisperFeatureExtractor

    samples = np.random.default_rng(1).standard_normal(50_000).astype(np.float32) * 0.1
    theirs = WhisperFeatureExtractor()(samples, sampling_rate=16_000, return_tensors="np").input_features[0]
    assert np.abs(theirs - log_mel(samples)).max() < 1e-4


def test_cuts_are_made_in_pauses():
    samples = np.random.default_rng(2).standard_normal(70_000).astype(np.float32)
    samples[25_000:27_000] = 0
    spans = windows.cut(samples, 1000, 30.0)
    assert spans[0][0] == 0 and spans[-1][1] == 70_000
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
    assert 25_000 < spans[0][1] < 27_000
    assert all(end - first <= 30_000 for first, end in spans)
