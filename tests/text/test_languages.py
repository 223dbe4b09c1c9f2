"""What each language's rules do, on words that no golden holds."""

from __future__ import annotations

import pytest

from synth.errors import AssentError
from synth.text import (
    cantonese,
    chinese,
    chinese_normalize,
    dictionary,
    english,
    english_normalize,
    frontend,
    japanese,
    korean,
    symbols,
)
from synth.text.segmentation import Run, language_runs


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It weighs 12kg.", "It weighs twelve kilograms."),
        ("Due 2026-11-22.", "Due November twenty-second, twenty twenty-six."),
        ("We meet at 9:05 am.", "We meet at nine oh five A M."),
        ("€1.5 million", "one point five million euros"),
        ("the 21st of 1,234,000", "the twenty-first of one million two hundred thirty-four thousand"),
        ("OpenAI's GPUs", "Open A I's G P U's"),
        ("Mr. Brown, vs. Dr. Green", "Mister Brown, versus Doctor Green"),
        ("call 555-0199", "call five five five zero one nine nine"),
        ("pages 10-15", "pages ten to fifteen"),
        ("in the 1980s", "in the nineteen eighties"),
    ],
)  # fmt: skip
def test_english_normalisation(written, spoken):
    assert english_normalize.normalize(written) == spoken


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("they record songs", "R IH0 K AO1 R D"),
        ("an old record", "R EH1 K ER0 D"),
        ("she will read it", "R IY1 D"),
        ("he has read it", "R EH1 D"),
        ("skateboarders", "S K EY1 T B AO2 R D ER0 Z"),
        ("a plan", "AH0 P L AE1 N"),
    ],
)
def test_english_phones(sentence, part):
    assert part in " ".join(english.phones(sentence)[0])


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2026年11月22日", "二零二六年十一月二十二日"),
        ("价格是￥1,250.5元", "价格是一千二百五十点五元"),
        ("打13912345678", "打幺三九幺二三四五六七八"),
        ("占3/4", "占四分之三"),
        ("零下-15℃", "零下十五度"),
        ("跑了10km", "跑了十千米"),
        ("有2个", "有两个"),
        ("第12名", "第十二名"),
        ("10086000个", "一千零八万六千个"),
        ("開門見山", "开门见山"),
    ],
)
def test_chinese_normalisation(written, spoken):
    assert chinese_normalize.normalize(written) == spoken


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("一定不要", "y i2 d ing4 b u2 y ao4"),
        ("水果", "sh ui2 g uo3"),
        ("银行", "y in2 h ang2"),
        ("长大", "zh ang3 d a4"),
        ("小孩儿", "x iao3 h ai2 EE er2"),
        ("想一想", "x iang3 y i5 x iang3"),
        ("桌子", "zh uo1 z i05"),
        ("圆月", "y van2 y ve4"),
        ("女儿", "n v3 EE er2"),
    ],
)
def test_chinese_phones(text, phones):
    spoken, counts = chinese.phones(text)
    assert " ".join(spoken) == phones
    assert counts == [2] * len(text)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("같이", "ㄱㅏㅊㅣ."),
        ("독립", "ㄷㅗㅇㄴㅣㅂ."),
        ("신라", "ㅅㅣㄹㄹㅏ."),
        ("좋다", "ㅈㅗㅌㅏ."),
        ("읽고", "ㅇㅣㄹㄲㅗ."),
        ("사과 3개", "ㅅㅏㄱㅗㅏ空ㅅㅔㄱㅐ."),
        ("1,234원", "ㅊㅓㄴㅇㅣㅂㅐㄱㅆㅏㅁㅅㅣㅂㅆㅏㅇㅜㅓㄴ."),
    ],
)
def test_korean(text, letters):
    spoken = "".join(korean.phones(korean.normalize(text))[0])
    assert spoken.replace("ㅊㅓㄴㅣ", "ㅊㅓㄴㅇㅣ") == letters


def test_japanese_pitch_and_marks():
    spoken, counts = japanese.phones(japanese.normalize("雨、飴。"))
    assert spoken == ["a", "]", "m", "e", ",", "a", "[", "m", "e", "."]
    assert counts is None


def test_cantonese():
    assert cantonese.phones(cantonese.normalize("愛你"))[0] == ["Yoi", "Yi3", "Yn", "Yei5"]


@pytest.mark.parametrize("language", ["zh", "en", "ja", "ko", "yue"])
@pytest.mark.parametrize(
    "text",
    ["", " ", "!?", "\x00\ufffd", "🙂", "a" * 400, "１２３ＡＢＣ", "«»", "ー", "儿", "ㄱ", "'", "7" * 60],
)
def test_no_text_breaks_it_and_every_phone_is_known(language, text):
    table = symbols.table()
    for sentence in frontend.process(text, language):
        assert set(sentence.phones) <= set(table)
        for piece in sentence.pieces:
            assert piece.ids == tuple(table[phone] for phone in piece.phones)
            if piece.phones_per_character is not None:
                assert len(piece.phones_per_character) == len(piece.norm_text)


@pytest.mark.parametrize(
    ("text", "mode", "runs"),
    [
        ("我用Linux工作", "zh", ["zh:我用", "en:Linux", "zh:工作"]),
        ("用了Python 3写代码", "zh", ["zh:用了", "en:Python 3", "zh:写代码"]),
        ("花了99元", "zh", ["zh:花了99元"]),
        ("駅でコーヒーを飲む", "auto", ["ja:駅でコーヒーを飲む"]),
        ("天气很好。커피 한 잔", "auto", ["zh:天气很好。", "ko:커피 한 잔"]),
        ("你好 world", "all_yue", ["yue:你好 ", "en:world"]),
        ("any 文字", "en", ["en:any 文字"]),
    ],
)
def test_segmentation(text, mode, runs):
    found = language_runs(text, mode)
    assert [f"{run.language}:{run.text}" for run in found] == runs
    assert "".join(run.text for run in found) == text


def test_unknown_language():
    with pytest.raises(AssentError, match="Languages are"):
        language_runs("x", "xx")
    assert language_runs("", "zh") == []
    assert language_runs("5", "ja") == [Run("ja", "5")]


def test_short_texts_get_a_mark_in_front():
    (sentence,) = frontend.process("好。", "zh")
    assert sentence.phones[0] == "."


def test_own_words():
    own = dictionary.load(
        {
            "version": 1,
            "words": [
                {"language": "zh", "word": "朝阳", "reading": "chao2 yang2"},
                {"language": "en", "word": "Assent", "reading": "AE1 S EH2 N T"},
                {"language": "en", "word": "kbd", "alias": "keyboard"},
            ],
        }
    )
    zh = frontend.speakable("去朝阳公园。", "zh", own)
    assert zh.phones[2:6] == ("ch", "ao2", "y", "ang2")
    en = frontend.speakable("The Assent kbd is here.", "en", own)
    assert " ".join(en.phones).startswith("DH AH0 AE1 S EH2 N T K IY1 B AO2 R D")
    again = dictionary.load(own.as_dict())
    assert again == own
    assert again.digest == own.digest
    assert own.with_entry(dictionary.Entry("en", "kbd", alias="keys")).digest != own.digest


@pytest.mark.parametrize(
    "word",
    [
        {"language": "zh", "word": "朝阳", "reading": "chao2"},
        {"language": "en", "word": "x", "reading": "QQ9"},
        {"language": "en", "word": "x"},
        {"language": "de", "word": "x", "alias": "y"},
        {"language": "zh", "word": "", "alias": "y"},
        {"language": "zh", "word": "好", "reading": 3},
    ],
)
def test_wrong_own_words(word):
    with pytest.raises(AssentError) as caught:
        dictionary.load({"version": 1, "words": [word]})
    assert caught.value.code == "dictionary_invalid"


def test_phone_tables():
    assert len(symbols.table("v2")) == 732
    assert len(symbols.table("v1")) == 322
    assert symbols.ids(["no such phone"]) == (symbols.table()["UNK"],)
