"""No text whatever makes the front-end fail, loop or disagree with itself."""

from __future__ import annotations

import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.errors import AssentError
from synth.text import (
    cantonese,
    chinese,
    cutting,
    dictionary,
    english,
    frontend,
    japanese,
    korean,
    markup,
    segmentation,
    symbols,
)

MODULES = {"zh": chinese, "en": english, "ja": japanese, "ko": korean, "yue": cantonese}
STYLES = ("sad", "happy")
# Any character at all, with a good share of those that the rules look for.
HOT = (
    "0123456789.,:;/-–—~～+*×÷=%‰°℃²³½¾$¥€£#@&'\"()[]<>《》·…!?。，、？！"
    "一二〇零两年月日时点分第个岁儿不了的地得IVX aAsS\n\t\0\u200d\ufeff"
)
TEXTS = st.text(st.one_of(st.sampled_from(HOT), st.characters()), max_size=60)
QUICK = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(text=TEXTS, mode=st.sampled_from(segmentation.MODES), method=st.sampled_from(sorted(cutting.METHODS)))
def test_every_text_is_spoken_or_empty(text, mode, method):
    table = symbols.table()
    for sentence in frontend.process(text, mode, method=method):
        assert sentence.phones
        for piece in sentence.pieces:
            assert piece.ids == tuple(table[phone] for phone in piece.phones)
            if piece.phones_per_character is not None:
                assert len(piece.phones_per_character) == len(piece.norm_text)
                assert sum(piece.phones_per_character) == len(piece.phones)


@QUICK
@given(text=TEXTS, mode=st.sampled_from(segmentation.MODES))
def test_runs_are_the_text(text, mode):
    assert "".join(run.text for run in segmentation.language_runs(text, mode)) == text


@QUICK
@given(text=TEXTS)
def test_chinese_words_hold_no_digits_and_no_doubled_marks(text):
    for original in (False, True):
        words = chinese.normalize(text, original=original)
        assert not re.search(r"[^㐀-鿿\U00020000-\U0003ffff!?…,.\-]", words)
        assert not re.search(r"[!?…,.\-]{2}", words)


@QUICK
@given(text=TEXTS)
def test_english_words_hold_letters_and_marks_only(text):
    assert not re.search(r"[^A-Za-z '.,?!-]", english.normalize(text))


MARKED = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "[sad]", "[/sad]", "[happy]", "[/happy]", "<speak>", "</speak>", "<p>", "</p>", "<s>", "</s>",
                "<break/>",
                '<break time="9999999s"/>', '<prosody rate="fast">', "</prosody>", '<prosody pitch="+99st">', "&lt;",
                "&bomb;", "&#0;", "&#xD800;", "<!DOCTYPE x [<!ENTITY a 'b'>]>", "<![CDATA[", "]]>",
                "<?xml version='1.0'?>",
                '<say-as interpret-as="cardinal">', '<say-as interpret-as="telephone">', "</say-as>", "<!--", "-->",
                '<phoneme ph="hang2">', "</phoneme>", '<sub alias="x">', "</sub>", "行", "9" * 30, "\ud800", "\0",
            ]
        ),
        st.text(max_size=8),
    ),
    max_size=14,
)  # fmt: skip


@QUICK
@given(parts=MARKED, wrapped=st.booleans(), language=st.sampled_from(segmentation.MODES))
def test_markup_is_read_or_refused(parts, wrapped, language):
    text = "".join(parts)
    if wrapped:
        text = f"<speak>{text}</speak>"
    try:
        found = markup.segments(text, language, STYLES)
    except AssentError as refusal:
        assert refusal.code == "markup_invalid"
        assert refusal.message.endswith(".")
        assert 0 <= refusal.extra.get("position", 0) <= len(text)
    else:
        for part in found:
            assert part.style in {None, *STYLES}
            assert 0.5 <= part.rate <= 2.0
            assert part.words == dictionary.checked(part.words.entries)


@QUICK
@given(
    content=st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["version", "words", "word", "language", "reading", "alias"]), inner
            ),
        ),
        max_leaves=8,
    )
)
def test_a_dictionary_is_read_or_refused_with_one_code(content):
    try:
        found = dictionary.load(content)
    except AssentError as refusal:
        assert refusal.code == "dictionary_invalid"
    else:
        assert dictionary.load(found.as_dict()) == found


class Steps:
    """Counts the lines of our own code and of the patterns' callers that a call runs: a clock that load cannot bend."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Steps:
        self.before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)

    def _call(self, frame, event, argument):
        if "synth/text" not in frame.f_code.co_filename.replace("\\", "/"):
            return None
        return self._line

    def _line(self, frame, event, argument):
        self.count += 1
        return self._line


@pytest.mark.parametrize(
    "unit", ["1,", "1-", "$1", "1 ", "年", "一·", "a你か가1", "A.", "- ", "[sad]", "儿", "1+1=", "😀", "\0"]
)
def test_work_grows_with_the_text_and_no_faster(unit):
    def steps(length: int) -> int:
        text = (unit * length)[:length]
        with Steps() as counted:
            segmentation.language_runs(text, "auto")
            for module in (chinese, english, korean, japanese):
                module.normalize(text)
            chinese.with_codes(text)
            markup.segments(text.replace("[sad]", "[sad]x[/sad]")[: length // 2], "zh", ())
        return counted.count

    short, long = steps(500), steps(2000)
    assert long <= 6 * short + 500


def test_long_words_and_long_numbers_end():
    for text in ("a" * 5000, "9" * 5000, "不" * 600, "1," * 2500, "ㄱ" * 2000):
        for language in MODULES:
            frontend.process(text[:1200], language, method="cut0")


def test_threads_do_not_mix_their_texts():
    texts = [
        ("zh", "银行行长在2024年花了2500元。"),
        ("en", "Skateboarders quxly read the 3:30pm reports."),
        ("ja", "東京で3本のペンを買いました。"),
        ("ko", "값이 너무 비싸요, 3개."),
        ("yue", "佢話聽日會落雨。"),
        ("auto", "你好 hello こんにちは 안녕"),
    ] * 6

    def phones(item: tuple[str, str]) -> list[tuple[str, ...]]:
        return [sentence.phones for sentence in frontend.process(item[1], item[0])]

    start = threading.Barrier(6)

    def together(item: tuple[str, str]) -> list[tuple[str, ...]]:
        start.wait(timeout=60)
        return phones(item)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(together, texts))
    assert found == [phones(item) for item in texts]
