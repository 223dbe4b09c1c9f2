"""Written Chinese as it is read aloud: dates, times, numbers with measure words, money, units, phone numbers."""

from __future__ import annotations

import re
import string
import unicodedata
from functools import cache

from synth.text import chinese_original
from synth.text.characters import plain_digits, roman
from synth.text.chinese_numbers import by_digit, cardinal, number, quantity
from synth.text.symbols import DATA, MARKS

__all__ = ["MEASURES", "UNITS", "by_digit", "cardinal", "normalize", "number", "simplified", "verbalized"]

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
    "mAh": "毫安时",
    "mA": "毫安",
    "kV": "千伏",
    "V": "伏",
    "W": "瓦",
    "MPa": "兆帕",
    "kPa": "千帕",
    "kcal": "千卡",
    "kJ": "千焦",
    "Mbps": "兆比特每秒",
    "fps": "帧每秒",
    "KB": "千字节",
    "MB": "兆字节",
    "GB": "吉字节",
    "TB": "太字节",
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
_MONEY = {
    "$": "美元", "US$": "美元", "HK$": "港元", "NT$": "新台币", "A$": "澳元", "C$": "加元", "¥": "元", "￥": "元",
    "€": "欧元", "£": "英镑", "₩": "韩元", "₹": "卢比", "₽": "卢布",
}  # fmt: skip
# Characters that count things or follow a quantity: a number before them is a quantity, never a code.
MEASURES = (
    "个只条头匹座架辆艘张本册页篇句段首支枝根块片颗粒滴朵棵株把件套双对副群位名人家户层楼间栋幢所处道门"
    "次回场遍趟顿番届期批份封幅部台元角毛分钱斤两吨克升米里尺寸亩岁年月日号天周时点刻秒季代级度倍成步"
    "种类项环集章节排行列队班桌碗杯瓶盒箱袋桶盘盆壶罐包盏口手笔字题夜串筐篮锅股束万亿千百十多余几"
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
_SIGNS = {
    "+": "加", "-": "减", "−": "减", "×": "乘", "*": "乘", "÷": "除以", "=": "等于", "≠": "不等于", "≈": "约等于",
    "≥": "大于等于", "≤": "小于等于", ">": "大于", "<": "小于", "±": "正负",
}  # fmt: skip
_WIDE_ALPHANUMERICS = frozenset(chr(ord(letter) + 0xFEE0) for letter in string.digits + string.ascii_letters)
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_ROMAN = {chr(0x2160 + n): n + 1 for n in range(12)} | {chr(0x2170 + n): n + 1 for n in range(12)}
# 乾 is qián in these and 干 elsewhere; 著 is zhù in these and 着 elsewhere in traditional writing.
_QIAN = re.compile("乾(?=[隆坤卦陵县縣元清嘉])")
_ZHE = re.compile("(?<![名显顯原巨论論编編专專译譯遗遺昭卓土拙合所新大])著(?![名作者述书書称稱录錄])")
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
    plain = text.translate(_simplified_table())
    for kept in _QIAN.finditer(text):
        plain = plain[: kept.start()] + "乾" + plain[kept.end() :]
    return _ZHE.sub("着", plain) if "著" in plain else plain


def _date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{by_digit(match['year'])}年{cardinal(str(month))}月{cardinal(str(day))}日"


def _short_year(match: re.Match[str]) -> str:
    """98年, 08年 and 24年3月 are years; 10年 and 24年 with nothing to go by last so long."""
    text = match[0]
    named = match["rest"] or text[0] == "0" or (int(text) > 50 and text[1] != "0")
    return by_digit(text) if named else cardinal(text)


def _long_year(match: re.Match[str]) -> str:
    return by_digit(match[0]) if 1000 < int(match[0]) <= 2100 else number(match[0])


def vehicles(text: str, *, yao: bool = True) -> str:
    """Numbers of trains and flights digit by digit, short ones as numbers; their letters stay.

    To be done before languages are told apart: afterwards the letters are English and their digits stand alone.
    ``yao``: 1 is 幺, as in Mandarin.
    """

    def said(match: re.Match[str]) -> str:
        digits = match["train"] or match["flight"] or match["named"]
        spoken = by_digit(digits, yao=yao) if len(digits) > 2 else cardinal(digits)
        return match[0][: -len(digits)] + spoken

    return _VEHICLE.sub(said, text)


def _time(match: re.Match[str]) -> str:
    spoken = _clock(match["hour"], match["minute"], match["second"])
    if match["hour2"]:
        spoken += "至" + _clock(match["hour2"], match["minute2"], match["second2"])
    return spoken


def _clock(hour: str, minute: str, second: str | None) -> str:
    spoken = f"{quantity(hour) if int(hour) == 2 else cardinal(hour)}点"
    if minute == "30" and not second:
        return spoken + "半"
    if int(minute) or second:
        spoken += ("零" if minute[0] == "0" and int(minute) else "") + cardinal(minute) + "分"
    if second and int(second):
        spoken += ("零" if second[0] == "0" else "") + cardinal(second) + "秒"
    return spoken


def _phone(match: re.Match[str]) -> str:
    return ",".join(by_digit(part, yao=True) for part in re.findall(r"\d+", match[0]))


def _temperature(match: re.Match[str]) -> str:
    return f"零下{number(match['number'])}{'摄氏度' if match['unit'] == '摄氏度' else '度'}"


def _measure(match: re.Match[str]) -> str:
    unit = UNITS[match["unit"]]
    return (number if unit.endswith("度") else quantity)(match["number"]) + unit


def _money(match: re.Match[str]) -> str:
    return number(match["number"]) + (match["scale"] or "") + _MONEY[match["sign"]]


def _percent(match: re.Match[str]) -> str:
    spoken = number(match["number"])
    kind = "千分之" if match["kind"] == "‰" else "百分之"
    return f"负{kind}{spoken[1:]}" if spoken.startswith("负") else kind + spoken


def _vulgar(match: re.Match[str]) -> str:
    upper, _, lower = unicodedata.normalize("NFKC", match[2]).partition("⁄")
    return (f"{number(match[1])}又" if match[1] else "") + f"{cardinal(lower)}分之{cardinal(upper)}"


def _range(match: re.Match[str]) -> str:
    which = match.string[: match.start()].endswith("第")
    return (number if which else quantity)(match["number"]) + "到"


def _score(match: re.Match[str]) -> str:
    return f"{cardinal(match[1])}比{cardinal(match[2])}"


def _arithmetic(match: re.Match[str]) -> str:
    """Numbers in a formula are amounts, however long."""
    parts = re.findall(rf"{_PLAIN}|[-+−×*÷=≠≈]", match[0])
    return "".join(_SIGNS.get(part) or number(part) for part in parts)


def _from_to(match: re.Match[str]) -> str:
    """Two numbers joined by a dash and nothing else to go by: years, rising numbers, a code or a difference."""
    first, second = match[1], match[2]
    if len(first) == len(second) == 4 and 1000 < int(first) < int(second) <= 2100:
        return f"{by_digit(first)}至{by_digit(second)}"
    if first[0] == "0" or second[0] == "0" or len(first) > 4 or len(second) > 4:
        return f"{by_digit(first, yao=True)},{by_digit(second, yao=True)}"
    return f"{number(first)}{'到' if int(first) < int(second) else '减'}{number(second)}"


def _counted(match: re.Match[str]) -> str:
    text = match[0].rstrip("+")
    ordinal = match["ordinal"]
    if text.startswith("0") and len(text) > 1:
        return by_digit(text, yao=True)
    if ordinal == "号" and len(text) > 2 and text.isdigit() and not text.endswith("00"):
        return by_digit(text, yao=True)  # a house, a room
    inside = match.start() and match.string[match.start() - 1] in "万亿"  # 两万二千
    spoken = cardinal(text) if inside else number(text) if ordinal else quantity(text)  # 二月, but 两个
    return spoken + ("多" if match[0].endswith("+") else "")


def _bare(match: re.Match[str]) -> str:
    """A number without a measure word: round or short ones are amounts, others are codes."""
    text = match[0]
    if "," in text or len(text) <= 2 or re.fullmatch("[1-9]0+", text):
        return number(text)
    if len(text) > 4 and text[0] != "0" and text.endswith("000"):
        return number(text)
    return by_digit(text, yao=True)


_NUMBER = r"(?P<number>[-−]?\d+(?:,\d{3}){0,8}(?:\.\d+)?)"
_PLAIN = r"\d+(?:\.\d+)?"
_DASH = "[-~～–—−]"
_TIME = r"(?P<hour{0}>[01]?\d|2[0-4]):(?P<minute{0}>[0-5]\d)(?::(?P<second{0}>[0-5]\d))?"
_WON = "战胜|击败|大胜|险胜|完胜|获胜|取胜|战平|负于|不敌|领先|落后|输给|力克|淘汰|逆转"
_WEEKDAY = "[一二三四五六日天]"
_DIGIT_NAMES = "零一二三四五六七八九十"
_VEHICLE = re.compile(
    r"(?<![A-Za-z0-9.])(?:[GDCZTKYSL](?P<train>\d{1,4})(?=\s?次(?![方幂]))"
    r"|(?:[A-Z]{2}|[A-Z]\d|\d[A-Z])(?P<flight>\d{3,4})(?=\s?(?:次|号)?(?:航班|班机)))"
    r"|(?:(?<=航班)|(?<=航班号)|(?<=车次)|(?<=列车))[A-Z]{1,2}(?P<named>\d{1,4})(?![A-Za-z0-9])"
)
# What makes a year of two digits before 年 one of this century, and no span of time.
_OF_A_YEAR = (
    "的?(?:[春夏秋冬][天季]?|第?[一二三四]季度|[上下]半年|元旦|春节|清明|端午|中秋|国庆|寒假|暑假|高考)"
    "|起|开始|毕业|入学|入职|出生|上市|发布|推出|成立|创立|建成|竣工|开业|开通|出版|上映"
)
_AT = "(?:(?<=[在从自于])(?<![存现]在)(?<![少低高等大小多长短]于)|(?<=截至))"
_LASTING = "[级后前来间以里内中之多的减缩改增延变降升提]"
# Before these a number names which one, not how many.
_ORDINAL = "[号楼级月届班环]|日(?![内后前])|年级|季度|等奖|手[车房机货]|单元|车间|两"
_RULES = (
    (r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)", _phone),
    (r"(?<!\d)\(?0\d{2,3}\)?[- ]?\d{7,8}(?!\d)|(?<!\d)[48]00[- ]?\d{3}[- ]?\d{4}(?!\d)", _phone),
    (r"(?<=\d) (?=\d)", lambda _: ","),
    (r"(?<!\d)(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)(?!\d)", _date),
    (
        rf"(?<!\d)(\d{{4}})\s?(?:{_DASH}|[至到])\s?(\d{{4}})(?=年)",
        lambda m: f"{by_digit(m[1])}至{by_digit(m[2])}",
    ),
    (r"(?<!\d)([5-9]0|0[05])(?=后)", lambda m: by_digit(m[1])),
    (r"(?<!\d)\d\d(?=年代)", lambda m: cardinal(m[0])),
    (r"(?<!\d)(\d{1,2})[·•](\d{1,2})(?!\d)", lambda m: by_digit(m[1] + m[2])),
    (
        r"(?<![\d.])(\d\d?)\.(\d\d?)(?=劳动节|儿童节|国庆|大促|购物节|事件|地震)",
        lambda m: by_digit(m[1] + m[2]),
    ),
    (rf"(?<=[{_DIGIT_NAMES}])[·•](?=[{_DIGIT_NAMES}])", lambda _: ""),
    (rf"(?:(?<=\d[%℃度mgs])|(?<=°[CF]))\s?{_DASH}(?=[-−]?\d)", lambda _: "至"),
    (
        rf"(?:(?<=[年月日号点时分秒元岁天])|(?<=[周期]{_WEEKDAY}))\s?{_DASH}{{1,2}}\s?(?=\d|周|星期)",
        lambda _: "到",
    ),
    (r"(?<!\d)\d{4}(?=年(?!级|后|前|来|间|以))", _long_year),
    (
        rf"{_AT}[0-2]\d(?=年(?!{_LASTING}))|(?<![\d第了过近约满])\d\d(?=年(?:{_OF_A_YEAR}))"
        r"|(?<![^,，。.!！?？;；\s])[0-2]\d(?=年(?:[我你他她咱](?!.{0,4}(?:一直|始终|都|从未|没))|公司|全国|全球))",
        lambda m: by_digit(m[0]),
    ),
    (r"(?<!\d)\d\d(?=年(?P<rest>\d|[初底末中春夏秋冬])?(?!级|后|前|来|间|以))", _short_year),
    (rf"(?<!\d){_TIME.format('')}(?:\s?(?:{_DASH}|[至到])\s?{_TIME.format('2')})?(?![\d:])", _time),
    (rf"(?:(?<=比分)|(?<=比分[为是])|(?<=以))\s?(\d{{1,3}}){_DASH}(\d{{1,3}})(?!\d|[{MEASURES}%])", _score),
    (rf"(?<![\d.])(\d{{1,3}}){_DASH}(\d{{1,3}})(?={_WON})", _score),
    (r"(?<![\d:])(\d+):(\d+)(?![\d:])", _score),
    (rf"(?P<sign>(?:US|HK|NT|A|C)?\$|[¥￥€£₩₹₽])\s?{_NUMBER}(?P<scale>万亿|亿|万|千|百)?元?", _money),
    (
        rf"(?<![\d.]){_NUMBER}\s?{_DASH}\s?(?=\d+(?:\.\d+)?\s?(?:{_UNIT}|[{MEASURES}%]))",
        _range,
    ),
    (rf"(?:(?<![\d.])|(?<=\d)(?=\d)){_NUMBER}(?P<kind>[%‰％])", _percent),
    (rf"(?:零下)?[-−]{_NUMBER}\s?(?P<unit>℃|°C|度|摄氏度)", _temperature),
    (rf"{_NUMBER}\s?(?P<unit>{_UNIT})(?![A-Za-z])", _measure),
    (rf"(\d*)([{_VULGAR}])", _vulgar),
    (
        rf"(?<![\d.]){_PLAIN}(?:\s?[-+−×*÷=≠≈]\s?{_PLAIN}){{0,16}}\s?[+×*÷=≠≈]\s?[-−]?{_PLAIN}(?![\d.])(?:\s?[-+−×*÷=≠≈]\s?{_PLAIN}){{0,16}}",
        _arithmetic,
    ),
    (
        r"(?<![\d/])(?P<sign>-?)(\d+)/(\d+)(?![\d/])",
        lambda m: f"{'负' * len(m[1])}{cardinal(m[3])}分之{cardinal(m[2])}",
    ),
    (r"(\d+)['′]\s?(\d+)(?:\"|″|'')", lambda m: f"{cardinal(m[1])}分{cardinal(m[2])}秒"),
    (r"\d+(?:\.\d+){2,}", lambda m: "点".join(by_digit(part) for part in m[0].split("."))),
    (r"(?<=[\dA-Za-z)⁰-⁹²³¹])\s?([+×*÷=])\s?(?=[-\dA-Za-z(])", lambda m: _SIGNS[m[1]]),
    (r"[≥≤≠≈±]|[<>](?=\s?\d)", lambda m: _SIGNS[m[0]]),
    (rf"(?<![\d.-])(\d+)\s?{_DASH}\s?(\d+)(?![\d.-])", _from_to),
    (r"(?<=\d)\s?[-−](?=\d)", lambda _: "减"),
    (r"(?<=\d)[~～](?=\d)", lambda _: "至"),
    (r"[-−]?\d+(?:,\d{3}){0,8}\.\d+", lambda m: number(m[0])),
    (r"第\d+", lambda m: "第" + cardinal(m[0][1:])),
    (r"(?<=第)[IVX]+(?=[章卷部代期册节课回幕季])", lambda m: cardinal(str(roman(m[0])))),
    (
        rf"(?<=\d米)(\d\d)(?![\d{MEASURES}])|(?<=\d块)(\d\d?)(?![\d{MEASURES}])",
        lambda m: by_digit(m[0].rstrip("0") or "0"),
    ),
    (
        rf"[-−]?\d+(?:,\d{{3}}){{0,8}}\+?(?=(?P<ordinal>{_ORDINAL})|[{MEASURES}]|{'|'.join(_MANY_LETTERS)})",
        _counted,
    ),
    (r"(?<!\d)\d+(?:,\d{3}){0,8}\+(?![\d+])", lambda m: number(m[0][:-1]) + "多"),
    (r"(?:(?<!\w)|(?<=[是为到至和与或于达在约有跌降低等比]))[-−](?=\d)", lambda _: "负"),
    (r"(?<!\d)[48]00(?=电话|热线|客服|开头)", lambda m: by_digit(m[0])),
    (r"\d+(?:,\d{3}){0,8}", _bare),
)
_COMPILED = tuple((re.compile(pattern), spoken) for pattern, spoken in _RULES)


def verbalized(text: str) -> str:
    """Numbers and signs as simplified characters; letters and punctuation stay as they are."""
    text = "".join(_compatible(letter) for letter in simplified(plain_digits(text)))
    text = re.sub(r"\d{25,}", lambda m: by_digit(m[0]), text)  # no number that anybody would read as one
    text = re.sub(r"(?<=\d)：(?=\d)", ":", text)
    text = re.sub(f"(?<=[{_DIGIT_NAMES}])[〇○]|[〇○](?=[{_DIGIT_NAMES}])", "零", text).replace("〇", "零")
    for pattern, spoken in _COMPILED:
        text = pattern.sub(spoken, text)
    text = re.sub("[⁰¹²³⁴-⁹]+", _power, text)
    text = "".join(_GREEK.get(letter, letter) for letter in text)
    return text.replace("/", "每").replace("%", "百分号")


def _compatible(letter: str) -> str:
    """Letters of other widths, circled and Roman numbers as plain ones."""
    if letter in _CIRCLED or letter in _ROMAN:
        return cardinal(str(_CIRCLED.get(letter) or _ROMAN[letter]))
    wide = "！" < letter < "｠" and letter not in "，：；？～￥％（）"
    if wide or "\u3220" <= letter <= "\u33ff" or "\u2474" <= letter <= "\u249b":
        return unicodedata.normalize("NFKC", letter)
    return letter


def _half_width(letter: str) -> str:
    return chr(ord(letter) - 0xFEE0) if letter in _WIDE_ALPHANUMERICS else letter


def _power(match: re.Match[str]) -> str:
    exponent = "".join(str(_SUPERSCRIPTS[letter]) for letter in match[0])
    return f"的{cardinal(exponent)}次方"


def normalize(text: str, *, original: bool = False) -> str:
    """Simplified characters and the marks ``! ? … , . -`` only, never two marks in a row.

    ``original``: in the words of GPT-SoVITS's own front-end, see `chinese_original`.
    """
    if original:
        return chinese_original.normalize("".join(map(_half_width, simplified(text))))
    text = re.sub(r"[^\S\n ]+", " ", text)
    text = re.sub(r"[《》【】<>{}()（）#&@“”\"‘’'「」『』^_|\\\s]", "", verbalized(text))
    text = re.sub("—+", ",", text.strip("—"))
    text = text.replace("嗯", "恩").replace("呣", "母").replace("...", "…").translate(_MARK_MAP)
    text = re.sub(rf"[^\u4e00-\u9fa5{re.escape(MARKS)}]", "", text)
    text = re.sub(r"(?<=[\u4e00-\u9fa5])-+(?=[\u4e00-\u9fa5])", "", text)
    marks = re.escape(MARKS)
    return re.sub(f"([{marks}])[{marks}]+", r"\1", text)
