"""Written Chinese as it is read aloud: dates, times, numbers with measure words, money, units, phone numbers."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from synth.text.symbols import DATA, MARKS

_DIGITS = "零一二三四五六七八九"
UNITS = {
    "°C": "度",
    "℃": "度",
    "°F": "华氏度",
    "℉": "华氏度",
    "°": "度",
    "km/h": "千米每小时",
    "m/s": "米每秒",
    "km²": "平方千米",
    "km2": "平方千米",
    "cm²": "平方厘米",
    "cm2": "平方厘米",
    "cm³": "立方厘米",
    "cm3": "立方厘米",
    "m²": "平方米",
    "m2": "平方米",
    "㎡": "平方米",
    "m³": "立方米",
    "m3": "立方米",
    "km": "千米",
    "cm": "厘米",
    "mm": "毫米",
    "nm": "纳米",
    "kg": "千克",
    "mg": "毫克",
    "ml": "毫升",
    "mL": "毫升",
    "kWh": "千瓦时",
    "kW": "千瓦",
    "kHz": "千赫兹",
    "MHz": "兆赫兹",
    "GHz": "吉赫兹",
    "Hz": "赫兹",
    "dB": "分贝",
    "db": "分贝",
    "ms": "毫秒",
    "min": "分钟",
    "m": "米",
    "g": "克",
    "L": "升",
    "h": "小时",
    "s": "秒",
}
_UNIT = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_MONEY = {"$": "美元", "¥": "元", "￥": "元", "€": "欧元", "£": "英镑"}
# Characters that count things or follow a quantity: a number before them is a quantity, never a code.
MEASURES = (
    "个只条头匹座架辆艘张本册页篇句段首支枝根块片颗粒滴朵棵株把件套双对副群位名人家户层楼间栋幢所处道门"
    "次回场遍趟顿番届期批份封幅部台元角毛分钱斤两吨克升米里尺寸亩岁年月日号天周时点刻秒季代级度倍成步"
    "种类项环集章节排行列队班桌碗杯瓶盒箱袋桶盘盆壶罐包盏口手笔字题万亿千百十多余几"
)
_MANY_LETTERS = (
    "公斤",
    "小时",
    "分钟",
    "公里",
    "厘米",
    "毫米",
    "平方",
    "立方",
    "美元",
    "英镑",
    "欧元",
    "摄氏",
)
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", range(10), strict=True))
_CIRCLED = {chr(0x2460 + n): n + 1 for n in range(20)}
_GREEK = {
    "α": "阿尔法", "β": "贝塔", "γ": "伽马", "δ": "德尔塔", "Δ": "德尔塔", "ε": "艾普西龙", "θ": "西塔",
    "λ": "兰布达", "μ": "缪", "π": "派", "ρ": "柔", "σ": "西格玛", "Σ": "西格玛", "τ": "陶", "φ": "斐",
    "χ": "希", "ψ": "普西", "ω": "欧米伽", "Ω": "欧米伽",
}  # fmt: skip
_SIGNS = {"+": "加", "-": "减", "−": "减", "×": "乘", "*": "乘", "÷": "除以", "=": "等于"}
_MARK_MAP = str.maketrans(
    {
        "，": ",", "、": ",", "；": ",", "：": ",", ";": ",", ":": ",", "。": ".", "！": "!", "？": "?", "·": ",",
        "\n": ".", "—": "-", "～": "…", "~": "…",
    }
)  # fmt: skip


@cache
def _simplified_table() -> dict[int, str]:
    traditional, simplified = (
        (DATA / "traditional_to_simplified.txt").read_text(encoding="utf-8").split("\n")[:2]
    )
    return {ord(old): new for old, new in zip(traditional, simplified, strict=True)}


def simplified(text: str) -> str:
    """Traditional characters replaced one by one (the length stays the same)."""
    return text.translate(_simplified_table())


def cardinal(digits: str) -> str:
    """ "10234" -> 一万零二百三十四; leading zeros are ignored; beyond 10**16 digit by digit."""
    digits = digits.lstrip("0")
    if not digits:
        return "零"
    if len(digits) > 16:
        return by_digit(digits)
    groups = []
    while digits:
        groups.append(digits[-4:])
        digits = digits[:-4]
    spoken, gap = "", False
    for power, group in reversed(list(enumerate(groups))):
        if not int(group):
            gap = True
            continue
        if spoken and (gap or int(group) < 1000):
            spoken += "零"
        spoken += _below_ten_thousand(int(group)) + ["", "万", "亿", "万亿"][power]
        gap = False
    return spoken[1:] if spoken.startswith("一十") else spoken


def _below_ten_thousand(number: int) -> str:
    spoken, gap = "", False
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            spoken += ("零" if gap and spoken else "") + _DIGITS[digit] + name
            gap = False
        else:
            gap = True
    return spoken


def by_digit(digits: str, *, yao: bool = False) -> str:
    """Digit by digit; ``yao`` says 幺 for 1 as in telephone numbers."""
    spoken = "".join(_DIGITS[int(digit)] for digit in digits if digit.isdigit())
    return spoken.replace("一", "幺") if yao else spoken


def number(text: str) -> str:
    """A number with sign, thousands commas and decimals."""
    text = text.replace(",", "")
    sign = "负" if text[:1] in "-−" else ""
    whole, _, fraction = text.lstrip("-−").partition(".")
    return sign + cardinal(whole) + (f"点{by_digit(fraction)}" if fraction else "")


def _quantity(text: str) -> str:
    spoken = number(text)
    return "两" if spoken == "二" else spoken


def _date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{by_digit(match['year'])}年{cardinal(str(month))}月{cardinal(str(day))}日"


def _time(match: re.Match[str]) -> str:
    spoken = _clock(match["hour"], match["minute"], match["second"])
    if match["hour2"]:
        spoken += "至" + _clock(match["hour2"], match["minute2"], match["second2"])
    return spoken


def _clock(hour: str, minute: str, second: str | None) -> str:
    spoken = f"{_quantity(hour)}点" if int(hour) == 2 else f"{cardinal(hour)}点"
    if minute == "30" and not second:
        return spoken + "半"
    if int(minute) or second:
        spoken += ("零" if minute[0] == "0" and int(minute) else "") + cardinal(minute) + "分"
    if second and int(second):
        spoken += ("零" if second[0] == "0" else "") + cardinal(second) + "秒"
    return spoken


def _phone(match: re.Match[str]) -> str:
    return ",".join(by_digit(part, yao=True) for part in re.findall(r"\d+", match[0]))


def _measure(match: re.Match[str]) -> str:
    return number(match["number"]) + UNITS[match["unit"]]


def _money(match: re.Match[str]) -> str:
    return number(match["number"]) + (match["scale"] or "") + _MONEY[match["sign"]]


def _percent(match: re.Match[str]) -> str:
    spoken = number(match["number"])
    kind = "千分之" if match["kind"] == "‰" else "百分之"
    return f"负{kind}{spoken[1:]}" if spoken.startswith("负") else kind + spoken


def _counted(match: re.Match[str]) -> str:
    text = match[0].rstrip("+")
    if text.startswith("0") and len(text) > 1:
        return by_digit(text, yao=True)
    spoken = number(text) if match["ordinal"] else _quantity(text)  # 二月, but 两个
    return spoken + ("多" if match[0].endswith("+") else "")


def _bare(match: re.Match[str]) -> str:
    """A number without a measure word: a code if it is long or begins with 0, a round or short number otherwise."""
    text = match[0]
    if "," in text or len(text) <= 2:
        return number(text)
    if len(text) > 4 and text[0] != "0" and text.endswith("000"):
        return cardinal(text)
    return by_digit(text, yao=True)


_NUMBER = r"(?P<number>[-−]?\d+(?:,\d{3})*(?:\.\d+)?)"
_TIME = r"(?P<hour{0}>[01]?\d|2[0-4]):(?P<minute{0}>[0-5]\d)(?::(?P<second{0}>[0-5]\d))?"
_RULES = (
    (r"(?<!\d)(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)(?!\d)", _date),
    (r"(?<!\d)(\d{4})\s?[-~～—–至到]\s?(\d{4})(?=年)", lambda m: f"{by_digit(m[1])}至{by_digit(m[2])}"),
    (r"(?<!\d)([5-9]0|0[05])(?=后)", lambda m: by_digit(m[1])),
    (r"(?:(?<=\d[%℃度mgs])|(?<=°[CF]))\s?[-~～–](?=[-−]?\d)", lambda _: "至"),
    (r"±", lambda _: "正负"),
    (r"(?<!\d)(\d{4}|\d{2})(?=年(?!级|后|前|来|间|以))", lambda m: by_digit(m[1])),
    (rf"(?<!\d){_TIME.format('')}(?:\s?[-~～–—至到]\s?{_TIME.format('2')})?(?!\d)", _time),
    (r"(?<![\d:])(\d+):(\d+)(?![\d:])", lambda m: f"{cardinal(m[1])}比{cardinal(m[2])}"),
    (r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)", _phone),
    (r"(?<!\d)\(?0\d{2,3}\)?[- ]\d{7,8}(?!\d)|(?<!\d)400[- ]?\d{3}[- ]?\d{4}(?!\d)", _phone),
    (rf"(?P<sign>[$¥￥€£]){_NUMBER}(?P<scale>万亿|亿|万|千|百)?", _money),
    (
        rf"(?<![\d.]){_NUMBER}\s?[-~～–](?=\d+(?:\.\d+)?\s?(?:{_UNIT}|[{MEASURES}%]))",
        lambda m: _quantity(m[1]) + "到",
    ),
    (rf"(?:(?<![\d.])|(?<=\d)(?=\d)){_NUMBER}(?P<kind>[%‰％])", _percent),
    (rf"{_NUMBER}\s?(?P<unit>{_UNIT})(?![A-Za-z])", _measure),
    (
        r"(?<![\d/])(?P<sign>-?)(\d+)/(\d+)(?![\d/])",
        lambda m: f"{'负' * len(m[1])}{cardinal(m[3])}分之{cardinal(m[2])}",
    ),
    (r"\d+(?:\.\d+){2,}", lambda m: "点".join(by_digit(part) for part in m[0].split("."))),
    (r"(?<=[\dA-Za-z)⁰-⁹²³¹])\s?([+×*÷=])\s?(?=[-\dA-Za-z(])", lambda m: _SIGNS[m[1]]),
    (r"(?<=\d)\s?[-−](?=\d)", lambda _: "减"),
    (r"(?<=[\d])[~～](?=\d)", lambda _: "至"),
    (r"[-−]?\d+(?:,\d{3})*\.\d+", lambda m: number(m[0])),
    (r"第\d+", lambda m: "第" + cardinal(m[0][1:])),
    (
        rf"[-−]?\d+(?:,\d{{3}})*\+?(?=(?P<ordinal>[号楼级月日届])|[{MEASURES}]|{'|'.join(_MANY_LETTERS)})",
        _counted,
    ),
    (r"(?<![\d\w])[-−](?=\d)", lambda _: "负"),
    (r"\d+(?:,\d{3})*", _bare),
)
_COMPILED = tuple((re.compile(pattern), spoken) for pattern, spoken in _RULES)


def verbalized(text: str) -> str:
    """Numbers and signs as simplified characters; letters and punctuation stay as they are."""
    text = simplified(text)
    text = "".join(
        unicodedata.normalize("NFKC", letter)
        if "！" < letter < "｠" and letter not in "，：；？～￥％（）"
        else letter
        for letter in text
    )
    text = re.sub("[⁰¹²³⁴-⁹]+", _power, text) if not re.search(r"[mM][²³]", text) else text
    for pattern, spoken in _COMPILED:
        text = pattern.sub(spoken, text)
    text = "".join(cardinal(str(_CIRCLED[letter])) if letter in _CIRCLED else letter for letter in text)
    text = "".join(_GREEK.get(letter, letter) for letter in text)
    return text.replace("/", "每").replace("%", "百分号")


def _power(match: re.Match[str]) -> str:
    exponent = "".join(str(_SUPERSCRIPTS[letter]) for letter in match[0])
    return f"的{cardinal(exponent)}次方"


def normalize(text: str) -> str:
    """Simplified characters and the marks ``! ? … , . -`` only, never two marks in a row."""
    text = re.sub(
        r"[《》【】<>{}()（）#&@“”\"‘’'「」『』^_|\\\s]", "", verbalized(re.sub(r"(?<=\d) (?=\d)", ",", text))
    )
    text = text.replace("嗯", "恩").replace("呣", "母").replace("...", "…").translate(_MARK_MAP)
    text = re.sub(rf"[^\u4e00-\u9fa5{re.escape(MARKS)}]", "", text)
    text = re.sub(r"(?<=[\u4e00-\u9fa5])-+(?=[\u4e00-\u9fa5])", "", text)
    marks = re.escape(MARKS)
    return re.sub(f"([{marks}])[{marks}]+", r"\1", text)
