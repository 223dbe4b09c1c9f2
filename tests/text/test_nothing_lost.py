"""Every character of a text is spoken, named in a warning, or a mark."""

from __future__ import annotations

import re

import pytest

from synth.text import cutting, frontend
from tests.text import grammar

LANGUAGES = ("en", "zh", "ja", "ko", "yue")


@pytest.mark.parametrize("language", LANGUAGES)
def test_random_texts_lose_nothing(language):
    for seed in range(60):
        written = grammar.text(language, seed)
        reading = frontend.read(written, language, method=f"cut{seed % 6}")
        assert not grammar.lost(written, language, reading), written
        assert not reading.unread, (reading.unread, written)


@pytest.mark.parametrize("method", sorted(cutting.METHODS))
def test_spans_are_the_text(method):
    for language in LANGUAGES:
        for seed in range(40):
            written = grammar.text(language, seed)
            spans = cutting.spans(written, method)
            assert "".join(written[span.start : span.end] for span in spans) == written


@pytest.mark.parametrize(
    ("unit", "language"),
    [
        ("我们今天学习语音合成的方法", "zh"), ("the river garden paints seven quiet letters ", "en"),
        ("오늘 날씨가 좋습니다 ", "ko"), ("今日はとてもいい天気です", "ja"), ("今日天氣好好", "yue"), ("x", "en"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["cut0", "cut5"])
def test_a_long_sentence_without_marks_is_cut_so_that_each_piece_fits(unit, language, method):
    written = (unit * 200)[:2000]
    reading = frontend.read(written, language, method=method)
    assert len(reading.sentences) > 1
    for sentence in reading.sentences:
        assert cutting.seconds(sentence.text) <= cutting.MAX_PIECE_S
    folded = re.sub(r"\W", "", "".join(sentence.text for sentence in reading.sentences))
    assert len(folded) == len(re.sub(r"\W", "", written))


def test_a_long_chinese_sentence_is_cut_between_words():
    reading = frontend.read("我们今天学习语音合成的方法" * 20, "zh")
    assert all(sentence.text[0] in "我今学语合的方" for sentence in reading.sentences)
    assert reading.sentences[0].pause_s < frontend.PAUSE_S


def test_closing_quotation_marks_stay_with_their_sentence():
    said = [
        sentence.text for sentence in frontend.read("“今天很好。”他说，“走吧！”然后走了。", "zh").sentences
    ]
    assert said == ["“今天很好。”", "他说，“走吧！”", "然后走了。"]
    said = [
        sentence.text
        for sentence in frontend.read('"It is late." She left. "Wait for me!" he said.', "en").sentences
    ]
    assert said == ['"It is late."', "She left.", '"Wait for me!"', "he said."]
