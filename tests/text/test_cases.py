"""Inputs that users of speech synthesis reported as misread, swallowed or cut in half, and what must be heard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synth.text import chinese, english, frontend, japanese
from synth.text.chinese.readings import phones_of, split_pinyin

DATA = Path(__file__).parents[1] / "data" / "text"


def words(text, language):
    """One string for each sentence."""
    sentences = frontend.read(text, language).sentences
    return [" ".join(piece.norm_text for piece in sentence.pieces) for sentence in sentences]


@pytest.mark.parametrize(
    ("language", "text", "heard"),
    [
        ("en", "Due Feb. 10 at noon.", ["Due February tenth at noon."]),
        ("en", "The U.S. economy grew.", ["The U S economy grew."]),
        ("en", "The total is $12,345.67 today.", [
            "The total is twelve thousand three hundred forty-five dollars and sixty-seven cents today."]),
        ("en", "Long live Elizabeth II.", ["Long live Elizabeth the second."]),
        ("en", "About 1 000 000 cells.", ["About one million cells."]),
        ("en", "About 1,250,000 people live here.", [
            "About one million two hundred fifty thousand people live here."]),
        ("en", "It is 5 p.m. now.", ["It is five P M now."]),
        ("en", "Ask Dr. Chen about it.", ["Ask Doctor Chen about it."]),
        ("en", "I met Mr. Park and Mrs. Lee.", ["I met Mister Park and Missus Lee."]),
        ("en", "1. Wash the rice. 2. Boil it. 3. Serve.", [
            ".first,", "Wash the rice.", "second,", "Boil it.", ".third,", ".Serve."]),
        ("en", "The odds are 50/50.", ["The odds are fifty fifty."]),
        ("en", "Acme Co. on Park Ave. and Mill Rd.", ["Acme Company on Park Avenue and Mill Road."]),
        ("en", "STOP! DO NOT ENTER.", [".STOP!", "do not enter."]),
        ("en", "I AM SO HAPPY TO SEE YOU", ["I am so happy to see you."]),
        ("en", "See www.example.com for more.", ["See www dot example dot com for more."]),
        ("zh", "约5W人", ["约五万人."]),
        ("zh", "车牌号京A12345", ["车牌号京 A 幺二三四五."]),
        ("zh", "张三\n李四\n王五", [".张三.李四.王五."]),
        ("zh", "电话2345 6789", ["电话二三四五,六七八九."]),
        ("zh", "访问https://www.example.com/a?b=1查看", [
            "访问 www dot example dot com slash a question mark b equals one 查看."]),
        ("zh", "ｈｅｌｌｏ", [".hello."]),
        ("zh", "3-202房间", ["三杠二零二房间."]),
        ("zh", "x²+y²=z²", ["x 的二次方加 y 的二次方等于 z 的二次方."]),
        ("zh", "电话+1-415-555-0123", ["电话加一,", "四幺五,五五五,零幺二三."]),
        ("zh", "10^3和10⁻³", ["十的三次方和十的负三次方."]),
        ("zh", "订单号A1234567", ["订单号 A 幺二三四五六七."]),
        ("zh", "刘䶮和𠮷野家", ["刘䶮和吉野家."]),
        ("zh", "买Ａ股，ＨＥＬＬＯ", [".买 A 股, HELLO."]),
        ("zh", "价格$5-$10", ["价格五到十美元."]),
        ("zh", "我们1V1对战", ["我们一 V 一对战."]),
        ("zh", "换60W的灯泡", ["换六十瓦的灯泡."]),
        ("ko", "전화 010 1234 5678", ["전화 영일영,", "일이삼사, 오육칠팔."]),
    ],
)  # fmt: skip
def test_what_is_heard(language, text, heard):
    assert words(text, language) == heard


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        ("Please re-read it.", "R IY1 R IY1 D"),
        ("Your password is invalid.", "IH2 N V AE1 L AH0 D"),
        ("Minute details matter.", "M AY0 N UW1 T"),
        ("Wait a minute.", "M IH1 N AH0 T"),
        ("She was content with the content.", "K AH0 N T EH1 N T W IH1 DH DH AH0 K AA1 N T EH0 N T"),
        ("He caught a bass.", "B AE1 S"),
        ("He plays the bass.", "B EY1 S"),
        ("The rebel will rebel.", "R EH1 B AH0 L W IH1 L R IH0 B EH1 L"),
        ("I live near a live concert.", "L IH1 V N IH1 R AH0 L AY1 V"),
        ("Lead pipes lead to trouble.", "L EH1 D P AY1 P S L IY1 D"),
        ("He read it yesterday.", "R EH1 D"),
        ("Her scrawlings amused us.", "S K R AO1 L IH0 NG Z"),
    ],
)
def test_english_readings(sentence, part):
    assert part in " ".join(english.phones(english.normalize(sentence))[0])


def test_an_unknown_word_is_no_spelled_one():
    spoken = " ".join(english.phones("Nerevar")[0])
    assert "EH1 N" not in spoken.split("V")[0] or "IY1 EH1" not in spoken
    assert "V IY1 IY1 AA1 R" not in spoken


@pytest.mark.parametrize(
    ("text", "pinyin"),
    [
        ("曾国藩", "zeng1 guo2 fan1"), ("任正非", "ren2 zheng4 fei1"), ("查良镛", "zha1 liang2 yong1"),
        ("单田芳", "shan4 tian2 fang1"), ("仇先生", "qiu2 xian1 sheng5"), ("翟先生", "zhai2 xian1 sheng5"),
        ("他得了第一名", "ta1 de2 le5 di4 yi1 ming2"), ("刘䶮", "liu2 yan3"),
    ],
)  # fmt: skip
def test_chinese_readings(text, pinyin):
    spoken = chinese.phones(text)[0]
    expected = [phone for syllable in pinyin.split() for phone in phones_of(*split_pinyin(syllable))]
    assert spoken == expected


@pytest.mark.parametrize(
    ("text", "kana"),
    [
        ("今、何時ですか", "いま、なんじですか"), ("何人いますか", "なんにんいますか"),
        ("何年ですか", "なんねんですか"),
        ("何を食べますか", "なにを食べますか"), ("彼女らしくない", "かのじょらしくない"),
    ],
)  # fmt: skip
def test_japanese_readings(text, kana):
    def sounds(words):
        return [
            phone for phone in japanese.phones(japanese.normalize(words))[0] if phone not in {"[", "]", "UNK"}
        ]

    assert sounds(text) == sounds(kana)


@pytest.mark.parametrize(("text", "language"), [("你好", "en"), ("Привет мир", "en"), ("안녕", "zh")])
def test_a_text_that_cannot_be_read_is_named_and_has_no_sentences(text, language):
    reading = frontend.read(text, language)
    assert reading.sentences == ()
    assert set(reading.unread) == set(text.replace(" ", ""))
    assert all(character in reading.warnings[0] for character in reading.unread)


def test_words_have_their_places_among_the_phones():
    for language, text in (
        ("en", "Two cats."),
        ("zh", "你好，世界。"),
        ("ja", "東京です。"),
        ("ko", "값이 비싸요."),
        ("yue", "愛你"),
    ):
        for sentence in frontend.read(text, language).sentences:
            for piece in sentence.pieces:
                assert piece.words[0].start == 0 and piece.words[-1].end == len(piece.phones)
                assert all(
                    one.end == two.start for one, two in zip(piece.words, piece.words[1:], strict=False)
                )
    (sentence,) = frontend.read("Two cats sat.", "en").sentences
    cats = sentence.pieces[0].words[1]
    assert (cats.text, sentence.pieces[0].phones[cats.start : cats.end]) == ("cats", ("K", "AE1", "T", "S"))


def test_own_rows_are_read_as_written():
    """Rows that the rules were not written from: at most this share of phones is wrong."""
    from benchmarks.text import measured_readings

    rows = json.loads((DATA / "readings.json").read_text(encoding="utf-8"))
    wrong = sum(one.edits for one in measured_readings(rows))
    assert wrong <= 0.03 * sum(one.total for one in measured_readings(rows))


def test_chinese_polyphones_of_rows_that_the_rules_were_not_written_from():
    from benchmarks.text import polyphones_wrong

    rows = json.loads((DATA / "polyphones_zh.json").read_text(encoding="utf-8"))["report"]
    assert polyphones_wrong(rows) <= 0.04 * len(rows)
