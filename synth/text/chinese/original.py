"""Written Chinese as GPT-SoVITS's own front-end reads it, mistakes included.

For comparison only: with these words the phones can be held against what the checkpoints were trained with. It loses
units (㎡), takes a dash between numbers for a minus, and reads every longer number that no known measure word
follows digit by digit. `chinese_normalize` is what is spoken.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from synth.text.chinese.numbers import by_digit, cardinal
from synth.text.symbols import MARKS

Spoken = Callable[[re.Match[str]], str]

_BEFORE_MEASURES = (
    "处台架枚趟幅平方堵间床株批项例列篇栋注亩封艘把目套段人所朵匹张座回场尾条个首阙阵网炮顶丘棵只支袭辆挑担颗壳窠曲墙群"
    "腔砣客贯扎捆刀令打手罗坡山岭江溪钟队单双对出口头脚板跳枝件贴针线管名位身堂课本页家户层丝毫厘分钱两斤铢石钧锱忽寸尺丈"
    "里寻常铺程米撮勺合升斗盘碗碟叠桶笼盆盒杯斛锅簋篮罐瓶壶卮盏箩箱煲啖袋钵年月日季刻时周天秒旬纪岁世更夜春夏秋冬代伏辈丸"
    "泡粒幢堆根道面片块元角亿万千百吨"
)
_MEASURE_WORDS = f"[{_BEFORE_MEASURES}]|微克|微米|公分|小时|美元|十吨"
_LETTER_UNITS = {
    "cm2": "平方厘米", "cm²": "平方厘米", "cm3": "立方厘米", "cm³": "立方厘米", "cm": "厘米", "db": "分贝",
    "ds": "毫秒", "kg": "千克", "km": "千米", "m2": "平方米", "m²": "平方米", "m³": "立方米", "m3": "立方米",
    "ml": "毫升", "m": "米", "mm": "毫米", "s": "秒",
}  # fmt: skip
_SIGNS = {"+": "加", "-": "减", "×": "乘", "÷": "除", "=": "等于"}
_LAST_SIGNS = {**_SIGNS, "=": "等", "/": "每"} | {
    chr(0x2460 + n): "一二三四五六七八九十"[n] for n in range(10)
}
_GREEK = {
    "α": "阿尔法", "β": "贝塔", "γ": "伽玛", "Γ": "伽玛", "δ": "德尔塔", "Δ": "德尔塔", "ε": "艾普西龙", "ζ": "捷塔",
    "η": "依塔", "θ": "西塔", "Θ": "西塔", "ι": "艾欧塔", "κ": "喀帕", "λ": "拉姆达", "Λ": "拉姆达", "μ": "缪",
    "ν": "拗", "ξ": "克西", "Ξ": "克西", "ο": "欧米克伦", "π": "派", "Π": "派", "ρ": "肉", "ς": "西格玛", "Σ": "西格玛",
    "σ": "西格玛", "τ": "套", "υ": "宇普西龙", "φ": "服艾", "Φ": "服艾", "χ": "器", "ψ": "普赛", "Ψ": "普赛",
    "ω": "欧米伽", "Ω": "欧米伽",
}  # fmt: skip
_POWERS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ", "0123456789xyn", strict=True))
_DROPPED = r"[—《》【】<>{}()（）#&@“”^_|\\]"
_MARK_MAP = {
    "：": ",", "；": ",", "，": ",", "。": ".", "！": "!", "？": "?", "\n": ".", "·": ",", "、": ",", "...": "…",
    "$": ".", "/": ",", "—": "-", "~": "…", "～": "…",
}  # fmt: skip


def _number(text: str) -> str:
    sign = "负" if text.startswith("-") else ""
    whole, _, fraction = text.lstrip("-").partition(".")
    kept = fraction.rstrip("0") + "0" if fraction.endswith("0") else fraction
    return sign + cardinal(whole) + (f"点{by_digit(kept)}" if kept else "")


def _date(match: re.Match[str]) -> str:
    year, month, day, name = match.groups()
    return (
        f"{by_digit(year)}年"
        + (f"{cardinal(month)}月" if month else "")
        + (f"{cardinal(day)}{name}" if day else "")
    )


def _marked_date(match: re.Match[str]) -> str:
    return f"{by_digit(match[1])}年{cardinal(match[3])}月{cardinal(match[4])}日"


def _clock(hour: str, minute: str, second: str | None, half: bool) -> str:
    def after(part: str) -> str:
        return ("零" if part[0] == "0" else "") + cardinal(part)

    spoken = f"{cardinal(hour)}点"
    if int(minute):
        spoken += "半" if half else f"{after(minute)}分"
    return spoken + (f"{after(second)}秒" if second and int(second) else "")


def _time(match: re.Match[str]) -> str:
    half = match[2] == "30"  # of the first time, and taken for the second as well
    spoken = _clock(match[1], match[2], match[3], half)
    return spoken if match.re.groups == 3 else f"{spoken}至{_clock(match[4], match[5], match[6], half)}"


def _phone(match: re.Match[str]) -> str:
    return ",".join(by_digit(part, yao=True) for part in match[0].lstrip("+").split("-"))


def _counted(match: re.Match[str]) -> str:
    spoken = cardinal(match[1])
    more = "多" if match[2] == "+" else match[2] or ""
    return ("两" if spoken == "二" else spoken) + more


def _power(match: re.Match[str]) -> str:
    return "的" + "".join(_POWERS[letter] for letter in match[0][:24]) + "次方"


_HOUR = r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?"
_SIGNED = r"-?\d+(?:\.\d+)?"
_UNIT = "%|°C|℃|度|摄氏度|cm2|cm²|cm3|cm³|cm|db|ds|kg|km|m2|m²|m³|m3|ml|m|mm|s"
_TERM = r"(?:-?\d+(?:\.\d+)?[⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ]*|\.\d+[⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ]*|[A-Za-z][⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ]*)"
_EARLY: tuple[tuple[str, Spoken], ...] = (
    (r"(\d{4}|\d{2})年(?:(0?[1-9]|1[0-2])月)?(?:(0?[1-9]|[12]\d|30|31)([日号]))?", _date),
    (r"(\d{4})([- /.])(0[1-9]|1[012])\2(0[1-9]|[12]\d|3[01])", _marked_date),
    (rf"{_HOUR}[~-]{_HOUR}", _time),
    (_HOUR, _time),
    (rf"({_SIGNED}(?:{_UNIT}))~(?={_SIGNED}(?:{_UNIT}))", lambda m: f"{m[1]}至"),
    (
        r"(-?)(\d+(?:\.\d+)?)(°C|℃|度|摄氏度)",
        lambda m: "零下" * bool(m[1]) + _number(m[2]) + ("摄氏度" if m[3] == "摄氏度" else "度"),
    ),
)
_FORMULA = re.compile(rf"({_TERM})([-+×÷=])({_TERM})")
_LATE: tuple[tuple[str, Spoken], ...] = (
    ("[⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ]+", _power),
    (r"(-?)(\d+)/(\d+)", lambda m: f"{'负' * len(m[1])}{cardinal(m[3])}分之{cardinal(m[2])}"),
    (r"(-?)(\d+(?:\.\d+)?)%", lambda m: f"{'负' * len(m[1])}百分之{_number(m[2])}"),
    (r"(?<!\d)(?:\+?86 ?)?1(?:[38]\d|5[0-35-9]|7[678]|9[89])\d{8}(?!\d)", _phone),
    (r"(?<!\d)(?:0(?:10|2[1-3]|[3-9]\d{2})-?)?[1-9]\d{6,7}(?!\d)", _phone),
    (r"400-?\d{3}-?\d{4}", _phone),
    (
        rf"(?<![\d+×÷=-])({_SIGNED})[-~]({_SIGNED})(?![\d+×÷=-])",
        lambda m: f"{_number(m[1])}到{_number(m[2])}",
    ),
    (r"-(\d+)", lambda m: "负" + cardinal(m[1])),
    (r"\d+\.\d+(?:\.\d+)?(?:\.\d+)+", lambda m: "".join("点" if c == "." else by_digit(c) for c in m[0])),
    (r"-?\d+\.\d+", lambda m: _number(m[0])),
    (r"\.(\d+)", lambda m: cardinal(m[1])),
    (rf"(\d+)([多余几+])?(?={_MEASURE_WORDS})", _counted),
    (r"\d{3,}", lambda m: by_digit(m[0], yao=True)),
    (r"\d+", lambda m: cardinal(m[0])),
)
_COMPILED_EARLY = tuple((re.compile(pattern, re.ASCII), spoken) for pattern, spoken in _EARLY)
_COMPILED_LATE = tuple((re.compile(pattern, re.ASCII), spoken) for pattern, spoken in _LATE)


def _verbalized(sentence: str) -> str:
    for pattern, spoken in _COMPILED_EARLY:
        sentence = pattern.sub(spoken, sentence)
    for unit, name in _LETTER_UNITS.items():
        sentence = sentence.replace(unit, name)
    for _ in range(len(sentence)):
        sentence, changes = _FORMULA.subn(lambda m: m[1] + _SIGNS[m[2]] + m[3], sentence)
        if not changes:
            break
    for pattern, spoken in _COMPILED_LATE:
        sentence = pattern.sub(spoken, sentence)
    return "".join(_GREEK.get(letter) or _LAST_SIGNS.get(letter, letter) for letter in sentence)


def normalize(text: str) -> str:
    """What `chinese_normalize.normalize` gives, in the original's words. ``text`` has simplified characters."""
    text = re.sub(_DROPPED, "", text.replace(" ", ""))
    text = re.sub(r"\d{25,}", lambda m: by_digit(m[0], yao=True), text)  # what becomes of them in any case
    sentences = re.split(r"(?<=[：、，；。？！,;?!])[”’]?", text)
    spoken = "".join(_verbalized(part.strip()) for sentence in sentences for part in sentence.split("\n"))
    spoken = re.sub(_DROPPED, "", spoken).replace("嗯", "恩").replace("呣", "母")
    for mark, plain in _MARK_MAP.items():
        spoken = spoken.replace(mark, plain)
    marks = re.escape(MARKS)
    spoken = re.sub(rf"[^\u4e00-\u9fa5{marks}]", "", spoken)
    return re.sub(f"([{marks}])[{marks}]+", r"\1", spoken)
