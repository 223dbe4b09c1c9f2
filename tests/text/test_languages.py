"""What each language's rules do, on words that no golden holds."""

from __future__ import annotations

import pytest

from synth.errors import AssentError
from synth.text import (
    cantonese,
    chinese,
    dictionary,
    english,
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
        ("100s of fans", "hundreds of fans"),
        ("in the '90s", "in the nineties"),
        ("from 9am-5pm", "from nine A M to five P M"),
        ("2:00-4:00 PM, 9:30–10:15 am", "two to four P M, nine thirty to ten fifteen A M"),
        ("14:00-16:00, 2:00-4:00", "two P M to four P M, two to four o'clock"),
        ("it was 2:1 at 3:30pm", "it was two to one at three thirty P M"),
        ("$1.5M or $10-$20", "one point five million dollars or ten to twenty dollars"),
        ("2 1/2 cups, ½ cup", "two and a half cups, one half cup"),
        ("Henry VIII, Chapter IV", "Henry the eighth, Chapter four"),
        ("5'10\" tall", "five foot ten tall"),
        ("on 5 May 2020", "on the fifth of May, twenty twenty"),
        ("v2.0.1 here", "version two point zero point one here"),
        ("at 192.168.1.1", "at one nine two dot one six eight dot one dot one"),
        ("25 m² and x²", "twenty-five square meters and x squared"),
        ("R&B, C#, COVID-19", "R and B, C sharp, COVID nineteen"),
        ("1920x1080 is 3x", "nineteen twenty by ten eighty is three times"),
        ("mail a.b@c.com", "mail a dot b at c dot com"),
        ("Łódź, McDonald", "Lodz, Mcdonald"),
    ],
)  # fmt: skip
def test_english_normalisation(written, spoken):
    assert english.normalize(written) == spoken


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
        ("乾隆皇帝擦乾了手", "乾隆皇帝擦干了手"),
        ("穿著新衣，看著天", "穿着新衣,看着天"),
        ("他花了2500元，又花2万2千", "他花了两千五百元,又花两万二千"),
        ("2点15分2楼2班", "两点十五分二楼二班"),
        ("气温-8℃到3℃", "气温零下八度到三度"),
        ("比分是98-102，3:2获胜", "比分是九十八比一百零二,三比二获胜"),
        ("每周一-周五", "每周一到周五"),
        ("学了10年，08年毕业，98年出生", "学了十年,零八年毕业,九八年出生"),
        ("80年代和90后", "八十年代和九零后"),
        ("24年我们搬家，在24年，公司上市", "二四年我们搬家,在二四年,公司上市"),
        ("24年毕业，24年的夏天，从24年到现在", "二四年毕业,二四年的夏天,从二四年到现在"),
        ("工作了24年，用了24年毕业，第24年", "工作了二十四年,用了二十四年毕业,第二十四年"),
        ("20年我一直在，在20年里，不少于20年", "二十年我一直在,在二十年里,不少于二十年"),
        ("身高1米75", "身高一米七五"),
        ("8848+152=9000", "八千八百四十八加一百五十二等于九千"),
        ("3½杯，≥5", "三又二分之一杯,大于等于五"),
        ("第Ⅳ章和第II卷", "第四章和第二卷"),
        ("二〇二四年", "二零二四年"),
        ("9·11事件", "九一一事件"),
        ("拨打138 1234 5678", "拨打幺三八,幺二三四,五六七八"),
        ("电池5000mAh，内存16GB", "电池五千毫安时,内存十六吉字节"),
        ("他来了——终于", "他来了,终于"),
        ("٣个", "三个"),
    ],
)
def test_chinese_normalisation(written, spoken):
    assert chinese.normalize(written) == spoken


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("一定不要", "y i2 d ing4 b u2 y ao4"),
        ("水果", "sh ui2 g uo3"),
        ("银行", "y in2 h ang2"),
        ("酒吧", "j iu3 b a1"),
        ("好吧", "h ao3 b a5"),
        ("获得", "h uo4 d e2"),
        ("觉得", "j ve2 d e5"),
        ("鸟儿", "n iao3 EE er2"),
        ("混血儿", "h un4 x ve4 EE er2"),
        ("家家户户", "j ia1 j ia1 h u4 h u4"),
        ("十一五", "sh ir2 y i1 w u3"),
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


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("3시 30분", "세시 삼십분"),
        ("3:30, 20살", "세시 삼십분, 스무살"),
        ("30대, 3대", "삼십대, 세대"),
        ("2024-06-06", "이천이십사년 유월 육일"),
        ("6·25 전쟁", "육이오 전쟁"),
        ("-5℃, 2:1, 1/2", "영하 오도, 이 대 일, 이분의 일"),
        ("$5, 500ml", "오달러, 오백밀리리터"),
        ("119", "일일구"),
    ],
)
def test_korean_numbers(written, spoken):
    assert korean.normalize(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("3:30と9:00", "3時30分と9時"),
        ("¥1,200と$5", "1200円と5ドル"),
        ("-5℃、1/2、2:1", "マイナス5度、2分の1、2対1"),
        ("3〜5人", "3から5人"),
        ("03-1234-5678", "ゼロサン、イチニーサンヨン、ゴーロクナナハチ"),
    ],
)
def test_japanese_numbers(written, spoken):
    assert japanese.normalize(written) == spoken


def test_japanese_decimals_are_one_number():
    assert japanese.phones("3.14")[0][:7] == ["s", "a", "[", "N", "t", "e", "N"]


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
    ("text", "mode", "spoken"),
    [
        ("坐G1234次列车", "zh", ["坐", "G", "幺二三四次列车."]),
        ("坐Z38次", "auto", ["坐", "Z", "三十八次."]),
        ("CA1301航班", "zh", ["C A", "幺三零幺航班."]),
        ("搭D301次", "yue", ["搭", "D", "三零一次."]),
        ("G20和A4纸", "zh", ["G twenty", "和", "A four", "纸."]),
        ("试了AB100次", "zh", ["试了", "A B one hundred", "次."]),
        ("会议2:00-4:00 PM举行", "zh", ["会议", "two to four P M", "举行."]),
    ],
)
def test_numbers_that_letters_lead(text, mode, spoken):
    (sentence,) = frontend.process(text, mode)
    assert [piece.norm_text for piece in sentence.pieces] == spoken


@pytest.mark.parametrize(
    ("text", "mode", "runs"),
    [
        ("我用Linux工作", "zh", ["zh:我用", "en:Linux", "zh:工作"]),
        ("这是5G时代", "zh", ["zh:这是5", "en:G", "zh:时代"]),
        ("花了HK$50", "zh", ["zh:花了HK$50"]),
        ("第II章", "zh", ["zh:第II章"]),
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
    with pytest.raises(ValueError, match="languages are"):
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
        {"language": "zh", "word": "好", "reading": "zzzz1"},
        {"language": "yue", "word": "好", "reading": "zzz1"},
        {"language": "zh", "word": "好\x00", "alias": "y"},
        {"language": "zh", "word": "\ud800", "alias": "y"},
    ],
)
def test_wrong_own_words(word):
    with pytest.raises(AssentError) as caught:
        dictionary.load({"version": 1, "words": [word]})
    assert caught.value.code == "dictionary_invalid"


def test_a_word_has_one_reading():
    twice = [{"language": "en", "word": "live", "alias": alias} for alias in ("liv", "lyve")]
    with pytest.raises(AssentError) as caught:
        dictionary.load({"version": 1, "words": twice})
    assert caught.value.code == "dictionary_invalid"
    assert dictionary.load({"version": 1, "words": twice[:1]})


def test_a_dictionary_that_is_too_large_says_its_limit():
    words = [{"language": "en", "word": f"w{n}", "alias": "y"} for n in range(dictionary.MAX_ENTRIES + 1)]
    with pytest.raises(AssentError) as caught:
        dictionary.load({"version": 1, "words": words})
    assert (caught.value.measured, caught.value.limit) == (dictionary.MAX_ENTRIES + 1, dictionary.MAX_ENTRIES)


def test_u_umlaut_may_be_written_in_three_ways():
    for reading in ("lüe4", "lu:e4", "lue4"):
        assert chinese.phones("掠", {"掠": [reading]})[0] == ["l", "ve4"]


def test_phone_tables():
    assert len(symbols.table("v2")) == 732
    assert len(symbols.table("v1")) == 322
    assert symbols.ids(["no such phone"]) == (symbols.table()["UNK"],)
