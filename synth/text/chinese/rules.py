"""Numbers, dates, times, money, measures and formulas in Chinese words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from synth.text.characters import roman
from synth.text.chinese.numbers import by_digit, cardinal, number, quantity
from synth.text.chinese.tables import MANY_LETTERS, MEASURES, MONEY, SIGNS, UNIT, UNITS

_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_TIMES = {"k": 3, "K": 3, "m": 6, "M": 6, "b": 9, "B": 9, "w": 4, "W": 4}


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
    return scaled(match["number"], match["scale"]) + MONEY[match["sign"]]


def _money_from(match: re.Match[str]) -> str:
    """The first of two sums: $5-$10 -> 五到$10; the unit is said with the second."""
    return f"{scaled(match['number'], match['scale'])}到{match['sign']}"


def scaled(digits: str, scale: str | None) -> str:
    """5, 万 -> 五万; 1.5, M -> 一百五十万."""
    return number(multiplied(digits, scale)) if scale and scale in _TIMES else number(digits) + (scale or "")


def multiplied(digits: str, scale: str) -> str:
    """1.5, M -> 1500000."""
    whole, _, fraction = digits.replace(",", "").partition(".")
    shift = _TIMES[scale]
    rest = fraction[shift:]
    return whole + fraction[:shift].ljust(shift, "0") + (f".{rest}" if rest else "")


def _international(match: re.Match[str]) -> str:
    country, *rest = re.findall(r"\d+", match[0])
    return "加" + ",".join([by_digit(country), *(by_digit(part, yao=True) for part in rest)])


def _blank_thousands(match: re.Match[str]) -> str:
    if _CODE_BEFORE.search(match.string[max(0, match.start() - 12) : match.start()]):
        return _groups(match)
    return number(match[0].replace(" ", ""))


def _groups(match: re.Match[str]) -> str:
    if len(match[0].replace(" ", "")) < 7 and match[0][0] != "0":
        return match[0]
    return ",".join(by_digit(part, yao=True) for part in match[0].split())


def _room(match: re.Match[str]) -> str:
    *houses, last = re.findall(r"\d+", match[0])
    said = [cardinal(house) if len(house) < 3 else by_digit(house, yao=True) for house in houses]
    return "杠".join([*said, by_digit(last, yao=True)])


def _european(match: re.Match[str]) -> str:
    whole, _, fraction = match[0].partition(",")
    return f"{whole.replace('.', '')}.{fraction}"


def _fraction(match: re.Match[str]) -> str:
    upper, lower = match[2], match[3]
    if len(upper) == len(lower) == 2 and int(upper) + int(lower) == 100:
        return f"{cardinal(upper)}比{cardinal(lower)}"
    return f"{'负' * len(match[1])}{cardinal(lower)}分之{cardinal(upper)}"


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
    return "".join(SIGNS.get(part) or number(part) for part in parts)


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
DIGIT_NAMES = "零一二三四五六七八九十"
# What makes a year of two digits before 年 one of this century, and no span of time.
_OF_A_YEAR = (
    "的?(?:[春夏秋冬][天季]?|第?[一二三四]季度|[上下]半年|元旦|春节|清明|端午|中秋|国庆|寒假|暑假|高考)"
    "|起|开始|毕业|入学|入职|出生|上市|发布|推出|成立|创立|建成|竣工|开业|开通|出版|上映"
)
_AT = "(?:(?<=[在从自于])(?<![存现]在)(?<![少低高等大小多长短]于)|(?<=截至))"
_LASTING = "[级后前来间以里内中之多的减缩改增延变降升提]"
# Before these a number names which one, not how many.
_ORDINAL = "[号楼级月届班环]|日(?![内后前])|年级|季度|等奖|手[车房机货]|单元|车间|两"
_CODE_BEFORE = re.compile(
    r"(?:电话|手机|热线|卡号|帐号|账号|号码|编号|验证码|密码|单号|身份证|学号|工号)[^。！？]{0,6}$"
)
_SUM = r"(?P<number>\d+(?:,\d{3}){0,8}(?:\.\d+)?)"
_SIGN = r"(?P<sign>(?:US|HK|NT|A|C)?\$|[¥￥€£₩₹₽])"
_SCALE = r"(?P<scale>万亿|亿|万|千|百|[kKMBmb](?![A-Za-z]))?"
_RULES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"(?<![\d,.])\d{1,3}(?:\.\d{3})+,\d{1,2}(?![\d,])|(?<=[€£])\d+,\d\d?(?![\d,])", _european),
    (rf"(?<![\d,.])\d+,\d\d?(?=\s?(?:{UNIT}|[€米克元升度]))", _european),
    (
        r"(?:^|(?<=[。；;！!？?：:\s]))[(（]?(\d{1,2})(?:[.．)）]\s*|、)(?=[^\d\s])",
        lambda m: cardinal(m[1]) + ",",
    ),
    (r"(?<![\d+])\+(?!86[- ]?1)\d{1,3}(?:[- ]\(?\d{2,4}\)?){2,4}(?!\d)", _international),
    (r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)", _phone),
    (r"(?<!\d)\(?0\d{2,3}\)?[- ]?\d{7,8}(?!\d)|(?<!\d)[48]00[- ]?\d{3}[- ]?\d{4}(?!\d)", _phone),
    (r"(?<![\d.,:])(?<!\d )[1-9]\d{0,2}(?: \d{3}){1,8}(?! ?\d|-\d|\.\d|[/:%])", _blank_thousands),
    (r"(?<![\d.,:$€£¥/-])\d{2,8}(?: \d{2,8}){1,7}(?![\d:/%]|[.,]\d|-\d)", _groups),
    (r"(?<=\d) (?=\d)", lambda _: ","),
    (r"(?<!\d)0(?=[1-9](?:月|日|号(?![楼线房室院馆])))", lambda _: ""),
    (
        r"(?<![\d-])\d{1,4}(?:-\d{1,4}){1,3}(?=号?(?:房|室))|(?:(?<=房号)|(?<=门牌)|(?<=房间))\d{1,3}(?:-\d{1,4}){1,3}",
        _room,
    ),
    (r"(?<![\d.,-])\d{3,4}(?=室|房(?![价贷产租子屋]))", lambda m: by_digit(m[0], yao=True)),
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
    (rf"(?<=[{DIGIT_NAMES}])[·•](?=[{DIGIT_NAMES}])", lambda _: ""),
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
    (
        rf"{_SIGN}\s?{_SUM}{_SCALE}\s?(?:{_DASH}|[至到])\s?(?:(?:US|HK|NT|A|C)?\$|[¥￥€£₩₹₽])?(?=\d)",
        _money_from,
    ),
    (rf"{_SIGN}\s?{_NUMBER}{_SCALE}元?", _money),
    (
        rf"(?<![\d.]){_NUMBER}\s?{_DASH}\s?(?=\d+(?:\.\d+)?\s?(?:{UNIT}|[{MEASURES}%]))",
        _range,
    ),
    (rf"(?:(?<![\d.])|(?<=\d)(?=\d)){_NUMBER}(?P<kind>[%‰％])", _percent),
    (rf"(?:零下)?[-−]{_NUMBER}\s?(?P<unit>℃|°C|度|摄氏度)", _temperature),
    (rf"{_NUMBER}\s?(?P<unit>{UNIT})(?![A-Za-z])", _measure),
    (rf"(\d*)([{_VULGAR}])", _vulgar),
    (
        rf"(?<![\d.]){_PLAIN}(?:\s?[-+−×*÷=≠≈]\s?{_PLAIN}){{0,16}}\s?[+×*÷=≠≈]\s?[-−]?{_PLAIN}(?![\d.])(?:\s?[-+−×*÷=≠≈]\s?{_PLAIN}){{0,16}}",
        _arithmetic,
    ),
    (r"(?<![\d/])(?P<sign>-?)(\d{1,24})/(\d{1,24})(?![\d/])", _fraction),
    (r"(\d+)['′]\s?(\d+)(?:\"|″|'')", lambda m: f"{cardinal(m[1])}分{cardinal(m[2])}秒"),
    (r"\d+(?:\.\d+){2,}", lambda m: "点".join(by_digit(part) for part in m[0].split("."))),
    (r"(?<=[\dA-Za-z)⁰-⁹²³¹])\s?([+×*÷=])\s?(?=[-\dA-Za-z(])", lambda m: SIGNS[m[1]]),
    (r"\s?(!=|<=|>=|==|[≥≤≠≈±])\s?|[<>](?=\s?\d)", lambda m: SIGNS[m[0].strip()]),
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
        rf"[-−]?\d+(?:,\d{{3}}){{0,8}}\+?(?=(?P<ordinal>{_ORDINAL})|[{MEASURES}]|{'|'.join(MANY_LETTERS)})",
        _counted,
    ),
    (r"(?<!\d)\d+(?:,\d{3}){0,8}\+(?![\d+])", lambda m: number(m[0][:-1]) + "多"),
    (r"(?:(?<!\w)|(?<=[是为到至和与或于达在约有跌降低等比]))[-−](?=\d)", lambda _: "负"),
    (r"(?<!\d)[48]00(?=电话|热线|客服|开头)", lambda m: by_digit(m[0])),
    (r"(?<=等于)\d+(?:,\d{3}){0,8}", lambda m: number(m[0])),
    (r"\d+(?:,\d{3}){0,8}", _bare),
)
_COMPILED = tuple((re.compile(pattern, re.MULTILINE), spoken) for pattern, spoken in _RULES)


def in_words(text: str) -> str:
    """The text with words for everything that is written in digits and signs."""
    for pattern, spoken in _COMPILED:
        text = pattern.sub(spoken, text)
    return text
