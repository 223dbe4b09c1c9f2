"""Which language a text is in, before anything reads it."""

from __future__ import annotations

import pytest

from synth.errors import AssentError
from synth.text import scripts

GOOD = [
    ("Hello there.", "en"), ("我用Linux和Python写代码。", "zh"), ("Hello world", "zh"), ("東京大学入学試験", "ja"),
    ("今日は天気がいい。", "ja"), ("日本の歌が好き", "auto"), ("안녕 hello", "ko"), ("愛你", "yue"), ("12345", "en"),
    ("Ich weiß es nicht", "de"), ("ｈｅｌｌｏ", "en"), ("我喜欢の这个字", "zh"),
    ("He said 你好 and left the room.", "en"),
]  # fmt: skip
MISMATCHED = [
    ("我们用语音合成说话。", "en", "zh"), ("你好", "en", "zh"), ("今日は天気がいいです。", "zh", "ja"),
    ("我们用语音合成说话。", "ja", "zh"), ("안녕하세요", "en", "ko"), ("Привет мир", "en", "cyrillic"),
    ("こんにちは", "en", "ja"), ("مرحبا", "zh", "arabic"), ("안녕하세요 여러분", "zh", "ko"), ("我们说话", "ko", "zh"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "language"), GOOD)
def test_what_a_voice_can_say_passes(text, language):
    scripts.check(text, language)


@pytest.mark.parametrize(("text", "language", "found"), MISMATCHED)
def test_a_text_in_another_language_is_named(text, language, found):
    with pytest.raises(AssentError) as caught:
        scripts.check(text, language)
    assert (caught.value.code, caught.value.measured, caught.value.limit) == (
        "language_mismatch",
        found,
        language,
    )
    assert scripts.found_language(text) == found


@pytest.mark.parametrize("text", ["...", "😀🎉", "—", "♪♪"])
def test_a_text_of_nothing_is_refused(text):
    with pytest.raises(AssentError) as caught:
        scripts.check(text, "en")
    assert caught.value.code == "nothing_to_speak"
