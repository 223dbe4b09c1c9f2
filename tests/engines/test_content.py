"""The programs that pronounce text, and the choice among them."""

import shutil

import numpy as np
import pytest

from synth.engines import content
from synth.engines.content import choose_voice, espeak, flite
from synth.engines.content.base import clean, spread_words
from synth.errors import AssentError

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="the flite program is not installed")
needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="the espeak-ng program is not installed"
)
needs_loader = pytest.mark.skipif(
    not espeak.loader_installed(), reason="the espeakng-loader package is not installed"
)


def check(rendering, words: int) -> None:
    seconds = len(rendering.samples) / rendering.sample_rate_hz
    assert rendering.samples.dtype == np.float32
    assert rendering.samples.std() > 0.01
    assert len(rendering.word_starts_s) == words
    assert sorted(rendering.word_starts_s) == rendering.word_starts_s
    assert 0 <= rendering.word_starts_s[-1] < seconds
    assert 5 < rendering.phones / seconds < 25


@needs_flite
@pytest.mark.parametrize("voice", ["slt", "rms", "awb"])
def test_flite_speaks_counts_and_places_words(voice):
    speaker = flite.FliteVoice(str(flite.program()), voice)
    said = speaker.render("The birch canoe slid on the smooth planks.", pace=1.0)
    check(said, 8)
    assert 24 <= said.phones <= 32
    slow = speaker.render("The birch canoe slid on the smooth planks.", pace=0.7)
    assert slow.phones == said.phones
    assert 1.3 < len(slow.samples) / len(said.samples) < 1.5
    np.testing.assert_array_equal(
        said.samples, speaker.render("The birch canoe slid on the smooth planks.", pace=1.0).samples
    )


@needs_flite
def test_flite_voice_nearest_in_pitch_and_never_an_excluded_one():
    assert choose_voice("en", f0_hz=200).label == "flite (slt)"
    assert choose_voice("en-GB", f0_hz=95).label == "flite (rms)"
    assert choose_voice("en", f0_hz=95, excluded=["rms"]).label == "flite (awb)"


@needs_espeak
@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "The birch canoe slid on the smooth planks.", 7),
        ("de", "Guten Morgen liebe Freunde", 4),
        ("zh", "今天天气很好", 6),
        ("ko", "안녕하세요 친구", 2),
    ],
)
def test_espeak_program(language, text, words):
    speaker = choose_voice(language, f0_hz=120, sources=["espeak-ng"])
    said = speaker.render(text, pace=1.0)
    check(said, words)
    assert len(speaker.render(text, pace=1.5).samples) < 0.85 * len(said.samples)


@needs_loader
@pytest.mark.parametrize(
    ("language", "text"), [("en", "The birch canoe slid on the smooth planks."), ("zh", "今天天气很好")]
)
def test_espeak_library_in_a_child(language, text):
    speaker = choose_voice(language, f0_hz=120, sources=["espeakng-loader"])
    assert "library" in speaker.label
    said = speaker.render(text, pace=1.0)
    assert said.samples.std() > 0.01
    assert 12 <= said.phones <= 36
    assert len(said.word_starts_s) >= 5


def test_the_gpl_child_stands_alone():
    source = espeak._CHILD.read_text()
    assert source.startswith("# SPDX-License-Identifier: GPL-3.0-or-later")
    assert "import synth" not in source
    assert "from synth" not in source


def test_hanzi_are_not_read_as_english_letters():
    assert espeak.voice_for("zh") == "cmn-latn-pinyin"
    assert espeak.voice_for("zh-CN") == "cmn-latn-pinyin"
    assert espeak.voice_for("en-US") == "en-us"
    assert espeak.voice_for("en-GB") == "en-gb"
    assert espeak.voice_for("yue") == "yue"


def refused(call) -> AssentError:
    with pytest.raises(AssentError) as caught:
        call()
    return caught.value


def test_japanese_needs_kana():
    speaker = espeak.EspeakVoice("/nowhere/espeak-ng", "ja")
    assert refused(lambda: speaker.render("今日は", pace=1.0)).code == "needs_kana"


def test_nothing_to_speak():
    speaker = espeak.EspeakVoice("/nowhere/espeak-ng", "en-us")
    assert refused(lambda: speaker.render("...", pace=1.0)).code == "nothing_to_speak"
    assert (
        refused(lambda: flite.FliteVoice("/nowhere", "slt").render("你好", pace=1)).code == "nothing_to_speak"
    )


def test_a_failing_program_has_a_code():
    error = refused(lambda: espeak.EspeakVoice("/nowhere/espeak-ng", "en-us").render("hello", pace=1.0))
    assert (error.code, error.http_status) == ("content_failed", 503)


def test_bare_machine_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(flite, "program", lambda: None)
    monkeypatch.setattr(espeak, "program", lambda: None)
    monkeypatch.setattr(espeak, "loader_installed", lambda: False)
    error = refused(lambda: choose_voice("en", f0_hz=120))
    assert (error.code, error.http_status) == ("no_content_voice", 503)
    assert "flite" in error.message
    assert content.languages() == frozenset()
    assert not any(s["available"] for s in content.status())


def test_order_of_preference(monkeypatch):
    monkeypatch.setattr(flite, "program", lambda: None)
    monkeypatch.setattr(espeak, "program", lambda: "/usr/bin/espeak-ng")
    assert choose_voice("en", f0_hz=120).label == "espeak-ng (en-us)"
    monkeypatch.setattr(espeak, "program", lambda: None)
    monkeypatch.setattr(espeak, "loader_installed", lambda: True)
    assert choose_voice("en", f0_hz=120).label == "espeak-ng library (en-us)"
    error = refused(lambda: choose_voice("xx", f0_hz=120))
    assert error.code == "language_not_offered"
    assert "en" in error.extra["offered"]


def test_flite_alone_speaks_english_alone(monkeypatch):
    monkeypatch.setattr(espeak, "program", lambda: None)
    monkeypatch.setattr(espeak, "loader_installed", lambda: False)
    monkeypatch.setattr(flite, "program", lambda: "/usr/bin/flite")
    assert content.languages() == {"en"}
    monkeypatch.setattr(flite, "installed_voices", lambda path: ("slt",))
    assert refused(lambda: choose_voice("en", f0_hz=120, excluded=["slt"])).code == "no_content_voice"


def test_cleaning():
    assert clean("a\x00b\n c [[d]] <e>") == "a b c d e"
    assert spread_words([1, 1, 2], 1.0, 2.0) == [1.0, 1.25, 1.5]
    assert spread_words([], 0, 1) == []
