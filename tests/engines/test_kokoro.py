"""Kokoro as an engine: what is read is what is said, in the manner of the clip. Needs the models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from synth.audio.follow import follow_report
from synth.audio.psola import respeak
from synth.engines.base import PRONUNCIATIONS, Cancelled, Engine, ReferenceClip, SpeakRequest
from synth.engines.kokoro import likeness, reading
from synth.engines.kokoro.engine import KokoroEngine
from synth.engines.kokoro.network import RATE_HZ
from synth.engines.preview import PreviewEngine
from synth.errors import AssentError
from synth.modelstore import store
from synth.recognition.recogniser import MODEL_FOLDER, Recogniser
from synth.text.dictionary import NO_WORDS
from tests import takes

MODELS = Path(settings.ASSENT_MODELS_DIR)
TEXT = "The rain has stopped, and nobody will ever know."


def line(text: str, language: str) -> str:
    (found,), _ = reading.read(text, language, NO_WORDS)
    return found.symbols


def test_phones_of_the_front_end_become_kokoros_symbols():
    assert line("The butter.", "en") == "ðə bˈʌɾəɹ."
    assert line("女儿去了学校。", "zh") == "ny↓ɚ↗ ʨʰy↘ lɤ ɕɥe↗ɕjau↘."
    assert line("新聞を読む。", "ja").startswith("ɕimbɯɴ o jom")


def test_words_keep_their_places_and_marks_are_no_words():
    (found,), _ = reading.read("Yes, the keys.", "en", NO_WORDS)
    assert [found.symbols[a:b] for a, b in found.words] == ["jˈɛs", "ðə", "kˈiz"]
    assert found.phones == 8


def test_a_mixture_is_made_of_what_is_there():
    names, embeddings = likeness._known()
    assert len(names) == 54
    mixture = likeness.mixture_like(embeddings[names.index("af_heart")], set(names))
    assert mixture.weights[0][0] == "af_heart" and mixture.weights[0][1] > 0.9
    few = likeness.mixture_like(embeddings[0], {"jf_alpha", "jm_kumo"})
    assert {name for name, _ in few.weights} <= {"jf_alpha", "jm_kumo"}
    assert abs(sum(weight for _, weight in few.weights) - 1) < 1e-9


def test_overlap_add_moves_the_pitch_and_leaves_the_rest():
    rate = 16_000
    time = np.arange(rate) / rate
    buzz = np.sum([np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20)], axis=0) * 0.1
    f0 = np.full(201, 120.0)
    same = respeak(buzz, rate, f0, f0, np.arange(200))
    assert np.abs(same[2000:-2000] - buzz[2000 : len(same) - 2000]).max() < 0.02
    up = respeak(buzz, rate, f0, f0 * 1.25, np.arange(200))
    spectrum = np.abs(np.fft.rfft(up * np.hanning(len(up))))
    assert abs(np.argmax(spectrum[100:200]) + 100 - 150) <= 2
    silent = respeak(buzz, rate, f0, f0, np.r_[np.arange(50), np.full(100, -1), np.arange(50, 100)])
    assert np.abs(silent[5600:10_400]).max() == 0


@pytest.fixture(scope="module")
def engine() -> KokoroEngine:
    if not store.is_there(MODELS, "kokoro"):
        pytest.skip("Kokoro's files are not there: manage.py models fetch kokoro")
    return KokoroEngine(MODELS)


def request_for(style: str, text: str = TEXT, **changes: object) -> SpeakRequest:
    take = takes.style_clip("rms", style)
    clip = ReferenceClip(take.samples, take.sample_rate_hz, take.transcript, "en", style)
    return SpeakRequest(text=text, language="en", voice_clips=[clip], style_clip=clip, **changes)  # type: ignore[arg-type]


def test_it_is_an_engine_that_says_it_is_a_preview(engine):
    assert isinstance(engine, Engine)
    assert engine.is_preview and PRONUNCIATIONS in engine.supports
    assert {"en", "zh", "ja"} <= engine.languages


def test_sad_stays_sad_and_every_word_is_heard(engine):
    spoken = {}
    for style in ("neutral", "sad"):
        request = request_for(style)
        speech = engine.speak(request)
        clip = request.style_clip
        report = follow_report(
            clip.samples, clip.sample_rate_hz, speech.samples, speech.sample_rate_hz,
            reference_units=speech.details["reference_phones"], output_units=speech.details["phones"],
        )  # fmt: skip
        assert report["followed"]["f0_median_percent"], report["difference"]
        assert report["followed"]["level_db"], report["difference"]
        spoken[style] = report["output"]
        if style == "neutral" and store.is_there(MODELS, MODEL_FOLDER):
            from synth.audio.resample import resample

            heard = Recogniser(MODELS / MODEL_FOLDER).listen(
                np.asarray(resample(speech.samples, RATE_HZ, 16_000), np.float32)
            )
            assert "nobody will ever know" in heard.transcribe("en").text.lower()
    neutral, sad = spoken["neutral"], spoken["sad"]
    assert sad["f0_median_hz"] < neutral["f0_median_hz"]
    assert sad["rate_per_s"] < neutral["rate_per_s"]
    assert sad["level_db"] < neutral["level_db"]


def test_pieces_are_the_speech_sentence_by_sentence(engine):
    request = request_for("neutral", "It rained. Nobody came to the old house today.")
    parts = [piece.samples for piece in engine.pieces(request)]
    speech = engine.speak(request)
    assert np.array_equal(np.concatenate(parts), speech.samples), "and the same every time"
    assert " ".join(segment.text for segment in speech.segments) == request.text
    assert speech.segments[0].start_s == 0
    assert speech.segments[-1].end_s == speech.duration_s and speech.spoken_by is None
    other = engine.speak(replace(request, draw=1))
    assert len(other.samples) != len(speech.samples) and len(other.segments) == len(speech.segments)


def test_a_language_that_it_lacks_is_spoken_by_rule_and_that_is_said():
    rules = PreviewEngine()
    if not {"de"} <= rules.languages:
        pytest.skip("espeak-ng is not installed")
    if not store.is_there(MODELS, "kokoro"):
        pytest.skip("Kokoro's files are not there: manage.py models fetch kokoro")
    request = replace(request_for("neutral", "Guten Morgen."), language="de")
    speech = KokoroEngine(MODELS, rules=rules).speak(request)
    assert speech.spoken_by == (rules.name, rules.version)
    assert [segment.text for segment in speech.segments] == ["Guten Morgen."]


def test_refusals_and_stopping(engine):
    with pytest.raises(AssentError) as refused:
        engine.speak(request_for("neutral", "..."))
    assert refused.value.code == "nothing_to_speak"
    with pytest.raises(AssentError) as refused:
        engine.speak(request_for("neutral", speed=9.0))
    assert (refused.value.code, refused.value.measured) == ("speed_out_of_range", 9.0)
    with pytest.raises(Cancelled):
        engine.speak(request_for("neutral"), should_stop=lambda: True)
