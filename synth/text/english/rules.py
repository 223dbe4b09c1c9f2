"""Numbers, dates, times, money, measures, formulas and addresses in English words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from synth.text.characters import roman
from synth.text.english.numbers import (
    cardinal,
    decade,
    decimal,
    digits,
    letters,
    ordinal,
    paired,
    parts,
    year,
)
from synth.text.english.tables import MONEY, MONTH, MONTHS, SCALES, SIGNS, UNIT, UNITS

VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![A-Za-z])"
# After a king's, queen's or pope's name a Roman number is which one it was.
_REGNAL = (
    "Henry|Louis|Charles|George|Edward|William|James|Richard|Elizabeth|Catherine|Philip|Ferdinand|Frederick|Napoleon|"
    "Nicholas|Alexander|Ivan|Peter|Pius|Paul|John|Benedict|Gregory|Leo|Innocent|Urban|Clement|Francis|Ramses|Ptolemy|"
    "Mary|Margaret|Christian|Gustav|Carl|Haakon|Harald|Olav|Umberto|Victor|Wilhelm|Otto|Leopold|Joseph|Isabella|"
    "Alfonso|Felipe|Carlos|Juan|Pedro|Rama|Mehmed|Selim|Murad|Darius|Xerxes|Cyrus|Artaxerxes|Cleopatra|Thutmose|"
    "Amenhotep|Seti|Stephen|Robert|David|Malcolm|Duncan|Constantine|Justinian|Boniface|Celestine|Sixtus|Julius|"
    "Adrian|Martin|Eugene|Nikolai|Theodore|Albert|Rainier|Hans|Ludwig|Maximilian|Akbar|Naruhito|Sigismund|Casimir"
)
_PARTS = (
    "Chapter|Part|Volume|Vol|Book|Act|Scene|Section|Article|Title|Appendix|Phase|Type|Class|Stage|Level|Grade|War|Bowl|"
    "Table|Figure|Schedule|Division|Group|Mark|Apollo|Rocky|Fantasy|Episode|Season|Unit|Lesson|Round|Step|Zone|Tier"
)
_NAMED = "[Rr]oom|[Ff]light|[Ss]uite|[Aa]partment|[Gg]ate|[Hh]ighway|[Rr]oute|[Ii]nterstate|[Bb]us|[Uu]nit"
_PHONE_BEFORE = re.compile(
    r"(?:phone|call|dial|tel|telephone|number|mobile|fax|text|code|card|pin|account|id|isbn|serial)\b[^.!?]{0,15}$",
    re.IGNORECASE,
)
_WHOLE = r"\d{1,24}(?:,\d{3}){0,8}"
_SUM = rf"{_WHOLE}(?:\.\d{{1,24}})?"
_AMOUNT = rf"(?P<amount>{_SUM}|\.\d{{1,24}})"
_OF_DECADE = "|".join(
    f"(?<={word})" for word in ("the ", "early ", "late ", "mid-", "my ", "his ", "her ", "their ")
)
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿ", "0123456789-n")


def _money(match: re.Match[str]) -> str:
    one, many, small_one, small_many = MONEY[match["sign"]]
    amount, scale = match["amount"].replace(",", ""), match["scale"]
    scale = SCALES.get(scale, scale)
    if scale:
        return f"{decimal(amount)} {scale} {many}"
    whole, _, part = amount.partition(".")
    if len(part) > 2:
        return f"{decimal(amount)} {many}"
    units, cents = int(whole or 0), int(part.ljust(2, "0") or 0)
    spoken = []
    if units or not cents:
        spoken.append(f"{cardinal(units)} {one if units == 1 else many}")
    if cents:
        spoken.append(f"{cardinal(cents)} {small_one if cents == 1 else small_many}")
    return " and ".join(spoken)


def _money_from(match: re.Match[str]) -> str:
    """The first of two sums: $5-$10 -> five to $10; the unit is said with the second."""
    amount, scale = match["amount"].replace(",", ""), SCALES.get(match["scale"], match["scale"])
    first = f"{decimal(amount)} {scale}" if scale else decimal(amount)
    if not scale and re.fullmatch(r"\d+\.\d\d", amount):
        first = _money(match)
    return f"{first} to {match['sign']}"


def _measure(match: re.Match[str]) -> str:
    one, many = UNITS[match["unit"]]
    return f"{decimal(match['amount'])} {one if match['amount'] == '1' else many}"


def _time(match: re.Match[str]) -> str:
    """Before a dash and another number it is where a span begins: 2:00-4:00 PM -> two to four P M."""
    hour, minute, half = int(match["hour"]), int(match["minute"]), match["half"]
    to = " to " if match["to"] else ""
    if match["second"]:
        seconds = int(match["second"])
        return f"{cardinal(hour)} {_minutes(minute)} and {cardinal(seconds)} second{'s' * (seconds != 1)}{to}"
    if half:
        half = f" {letters(half[0])} M"
    elif hour > 12:
        hour, half = hour - 12, " P M"
    spoken = cardinal(hour)
    if minute:
        spoken += " " + _minutes(minute)
    elif not half and not to:
        spoken += " o'clock"
    return spoken + (half or "") + to


def _minutes(minute: int) -> str:
    return ("oh " if minute < 10 else "") + cardinal(minute)


def _hours(match: re.Match[str]) -> str:
    to = " to " if not match[0][-1].isalpha() else ""
    return f"{cardinal(int(match['hour']))} {match['half'].upper()} M{to}"


def _height(match: re.Match[str]) -> str:
    return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}"


def _feet_inches(match: re.Match[str]) -> str:
    inches = int(match[2])
    return f"{cardinal(int(match[1]))} feet {cardinal(inches)} inch{'es' * (inches != 1)}"


def _vulgar(match: re.Match[str]) -> str:
    upper, _, lower = unicodedata.normalize("NFKC", match[2]).partition("⁄")
    part = parts(int(upper), int(lower or 1))
    if not match[1]:
        return f" {part} "
    return f" {cardinal(int(match[1]))} and {'a half' if lower == '2' else part} "


def _month(name: str) -> str:
    return next(month for month in MONTHS if month[:3] == name[:3])


def _day_month(match: re.Match[str]) -> str:
    named = f"the {ordinal(int(match['day']))} of {_month(match['month'])}"
    return named + (f", {year(int(match['year']))}" if match["year"] else "")


def _month_day(match: re.Match[str]) -> str:
    return f"{_month(match['month'])} {ordinal(int(match['day']))}"


def _date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    full = (
        match["year"]
        if len(match["year"]) == 4
        else ("20" if int(match["year"]) < 50 else "19") + match["year"]
    )
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(int(full))}"


def _reigning(match: re.Match[str]) -> str:
    """Henry VIII; after I a name may also go on with a verb: Henry I think."""
    behind = match.string[match.end() :]
    if match[2] == "I" and re.match(
        r"\s+(?!of\b|was\b|is\b|and\b|had\b|ruled\b|died\b|reigned\b)[a-z]", behind
    ):
        return match[0]
    return f"{match[1]} the {ordinal(roman(match[2]))}"


def _to_power(match: re.Match[str]) -> str:
    power = (match["written"] or match["raised"]).translate(_POWERS).replace("−", "-").lstrip("+")
    if power in {"2", "3"}:
        return {"2": " squared ", "3": " cubed "}[power]
    if not power.lstrip("-").isdigit():
        return f" to the {power} " if power.isalpha() else match[0]
    return f" to the power of {'minus ' * power.startswith('-')}{cardinal(int(power.lstrip('-')))} "


def _fraction(match: re.Match[str]) -> str:
    upper, lower = int(match[2]), int(match[3])
    if match["whole"]:
        half = (upper, lower) == (1, 2)
        return f"{cardinal(int(match['whole']))} and {'a half' if half else parts(upper, lower)}"
    if len(match[2]) == len(match[3]) == 2 and (upper == lower or upper + lower == 100):
        return f"{cardinal(upper)} {cardinal(lower)}"  # shares: 50/50, 60/40
    return parts(upper, lower)


def _european(match: re.Match[str]) -> str:
    """1.234,56 and 3,14 with dots for decimals."""
    whole, _, fraction = match[0].partition(",")
    return f"{whole.replace('.', '')}.{fraction}"


def _before(match: re.Match[str], length: int) -> str:
    """The characters before a match, so many at most."""
    return match.string[max(0, match.start() - length) : match.start()]


def _blank_thousands(match: re.Match[str]) -> str:
    if _PHONE_BEFORE.search(_before(match, 40)):
        return _groups(match)
    return match[0].replace(" ", ",")


def _groups(match: re.Match[str]) -> str:
    """Digits in groups, one by one, with a short pause between the groups; two years stay years."""
    groups = re.findall(r"\d+", match[0])
    if sum(map(len, groups)) < 7 and groups[0][0] != "0":
        return match[0]
    if len(groups) == 2 and all(re.fullmatch(r"(?:1[5-9]|20)\d\d", group) for group in groups):
        return match[0]
    return ", ".join(digits(group) for group in groups)


def _code(match: re.Match[str]) -> str:
    """A number behind letters: A320 -> A three twenty, A1234567 digit by digit."""
    number = match["digits"]
    spoken = paired(number) if len(number) == 3 else digits(number)
    return f"{letters(match['letters'])} {spoken}"


def _scientific(match: re.Match[str]) -> str:
    sign = "minus " if match[2] in {"-", "−"} else ""
    return f"{decimal(match[1])} times ten to the power of {sign}{cardinal(int(match[3]))}"


def _is_year(match: re.Match[str], number: int) -> bool:
    if 1000 < number < 1100:
        return re.search(r"\b(?:in|since|by|until|before|after|year|of) $", _before(match, 12)) is not None
    return 1100 <= number < 2100 and number % 1000 != 0


def _number(match: re.Match[str]) -> str:
    text = match[0].replace(",", "")
    if len(text) > 15 or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    number = int(text)
    if re.search(r"\b(?:equals|plus|minus|times) +$", _before(match, 12)):
        return cardinal(number)
    return year(number) if "," not in match[0] and _is_year(match, number) else cardinal(number)


_IN_ADDRESSES = {
    ".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", ":": "", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "+": "plus",
}  # fmt: skip


def _address(match: re.Match[str]) -> str:
    plain = re.sub(r"^https?://", "", match[0]).strip("/")
    return re.sub(r"[.@/:_?=&#%+-]", lambda mark: f" {_IN_ADDRESSES[mark[0]]} ", plain)


_RULES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (
        r"(?:https?://|www\.)[\w./-]*\w(?:[?#][\w=&%+.-]*\w)?|(?<![\w.-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
        r"|\b[A-Za-z][\w-]*(?:\.[a-z][\w-]+)*\.(?:com|org|net|edu|gov|io|ai|cn|uk|de|jp|fr|info|co\.uk|com\.cn)\b(?:/[\w./-]*\w)?",
        _address,
    ),
    (r"(?<![\d,.])\d{1,3}(?:\.\d{3})+,\d{1,2}(?![\d,])|(?<![\d,.])\d{1,3},\d{1,2}(?![\d,]|\.\d)", _european),
    (r"(?<![\d.,:])(?<!\d )[1-9]\d{0,2}(?: \d{3}){1,8}(?! ?\d|,\d|-\d|\.\d|[/:%])", _blank_thousands),
    (r"(?<![\w.,:$£€-])\d{2,6}(?: \d{2,6}){1,7}(?![\d:]|[.,]\d| ?[/:] ?\d|-\d)", _groups),
    (r"\b([12]\d\d)0s\b(?! of)", lambda m: decade(int(m[1] + "0"))),
    (r"\b(1(?:0{2}|0{3}|0{6}))s\b", lambda m: cardinal(int(m[1])).removeprefix("one ") + "s"),
    (
        rf"(?:{_OF_DECADE})'?([2-9]0)s\b|(?<!\w)'([2-9]0)s\b",
        lambda m: cardinal(int(m[1] or m[2]))[:-1] + "ies",
    ),
    (
        rf"\b(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?\s(?P<month>{MONTH})\b(?:,?\s(?P<year>[12]\d{{3}})\b)?",
        _day_month,
    ),
    (r"(?<!\w)(\d)['′]\s?(\d\d?)(?:\"|″|'')", _height),
    (r"\b(\d+)\s?ft\.?\s?(\d+)\s?in\b\.?", _feet_inches),
    (rf"(?<![\d.])(\d{{0,24}})\s?([{VULGAR}])", _vulgar),
    (r"\b(\d\d?)(\d\d)(?=p\b)", lambda m: f"{cardinal(int(m[1]))} {cardinal(int(m[2]))} "),
    (r"\b(\d+)h\s?(\d+)m(?:in)?\b", lambda m: f"{m[1]} h {m[2]} min"),
    (rf"\b({_PARTS})\s({_ROMAN})", lambda m: f"{m[1]} {cardinal(roman(m[2]))}"),
    (rf"\b({_REGNAL})\s({_ROMAN})", _reigning),
    (r"\b([A-Z][a-z]+ [A-Z][a-z]+),?\s((?=II|IV|VI|IX)[IVX]+)\b(?=[\s.,;!?)]|$)", _reigning),
    (r"(?<![\w.])(\d(?:\.\d+)?)[eE]([+−-]?)(\d{1,3})\b", _scientific),
    (r"(?<=[A-Za-z0-9)])(?:\^(?P<written>\(?[-−+]?(?:\d+|[a-z]\b)\)?)|(?P<raised>[⁻⁰¹²³⁴-⁹ⁿ]+))", _to_power),
    (r"\b(?P<year>[12]\d{3})[-/](?P<month>\d\d?)[-/](?P<day>\d\d?)\b", _date),
    (rf"\b(?P<month>{MONTH})\s(?P<day>\d\d?)(?:st|nd|rd|th)?\b(?!:)", _month_day),
    (
        r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?![\d])(?::(?P<second>[0-5]\d)\b)?"
        r"(?:\s?(?P<half>[AP] M\b|[apAP][mM]\b))?(?P<to>\s?[-–—]\s?(?=\d))?",
        _time,
    ),
    (r"\b(?P<hour>1[0-2]|[1-9])\s?(?P<half>[apAP])(?:m|M| M)\b(?:\s?[-–]\s?(?=\d))?", _hours),
    (r"(?<![\w:.])(\d{1,3}):(\d{1,3})(?![\w:])", lambda m: f"{cardinal(int(m[1]))} to {cardinal(int(m[2]))}"),
    (r"\b9/11\b", lambda _: "nine eleven"),
    (
        rf"(?P<sign>[$£€¥￥₹₩])\s?{_AMOUNT}(?:\s?(?P<scale>million|billion|trillion|thousand|bn|[kKmMB])\b)?"
        r"\s?(?:[-–—~]|to)\s?[$£€¥￥₹₩]?(?=\d)",
        _money_from,
    ),
    (
        rf"(?P<sign>[$£€¥￥₹₩])\s?{_AMOUNT}(?:\s?(?P<scale>million|billion|trillion|thousand|bn|[kKmMB])\b)?",
        _money,
    ),
    (rf"{_AMOUNT}\s?(?P<sign>[$£€])(?P<scale>)", _money),
    (r"\b(?P<month>0?[1-9]|1[0-2])/(?P<day>\d\d?)/(?P<year>[12]\d{3}|\d\d)\b", _date),
    (r"\b24/7\b", lambda _: "twenty-four seven"),
    (r"\b1¢", lambda _: "one cent"),
    (r"(?<=\d)¢", lambda _: " cents"),
    (r"(?<![\d.,])(\d+)\s?[-−]\s?(?=\d+(?:\s?[-−+×*÷/]\s?\d+){0,8}\s?=)", lambda m: f"{m[1]} minus "),
    (r"(?<=\d)\s?−\s?(?=\d)", lambda _: " minus "),
    (r"(?<![\w)])[-−](?=\.?\d)", lambda _: "negative "),
    (
        r"(?<!\w)\+?\d{1,3}[- ]\(?\d{3}\)?[- ]\d{3}[- ]\d{4}\b",
        lambda m: "plus " * m[0].startswith("+") + digits(m[0]),
    ),
    (r"(?<![\w-])\(?\d{3}\)?[- ]\d{3}-\d{4}\b|(?<![\w-])\d{3}-\d{4}\b", lambda m: digits(m[0])),
    (r"(?<![\w.-])\d+(?:-\d+){2,}(?![\w-])", lambda m: ", ".join(digits(part) for part in m[0].split("-"))),
    (r"(?<![\w.-])(\d+)[-–~](?=\d+(?:[^\w-]|[A-Za-z]{1,4}\b|$))", lambda m: f"{m[1]} to "),
    (rf"(?<![\w.]){_AMOUNT}\s?(?P<unit>{UNIT})(?![\w°])", _measure),
    (r"\b(\d+(?:\.\d+)?)(?P<scale>M|B|bn)\b(?! [A-Z])", lambda m: f"{decimal(m[1])} {SCALES[m['scale']]}"),
    (r"(?<=\d)\s?%", lambda _: " percent"),
    (r"(?<![\w/.])(?:(?P<whole>\d{1,24}) )?(\d{1,24})/(\d{1,24})(?![\w/])", _fraction),
    (r"\s?([≠≤≥≈]|!=|<=|>=|==)\s?", lambda m: f" {SIGNS[m[1]]} "),
    (r"(?<=\d)\s?([<>])\s?(?=[-−]?\d)|(?<=[A-Za-z)])\s([<>])\s(?=[-−A-Za-z\d(])", lambda m: f" {SIGNS[m[1] or m[2]]} "),
    (r"(?<=[\dA-Za-z)])\s+([+\-−×*÷=])\s+(?=[-\dA-Za-z(])", lambda m: f" {SIGNS[m[1]]} "),
    (r"(?<=\d)\s?([+×*÷=])\s?(?=[-\d(])|(?<=[A-Za-z)])\s?(=)\s?(?=[-\dA-Za-z(])", lambda m: f" {SIGNS[m[1] or m[2]]} "),
    (r"(?<=[\dA-Za-z])\s?([+=×÷])\s?(?=[\dA-Za-z])", lambda m: f" {SIGNS[m[1]]} "),
    (r"(?<![\w.])(\d+)\s?x\s?(?=\d)", lambda m: f"{m[1]} by "),
    (r"(?<![\w.])(\d+(?:\.\d+)?)x\b", lambda m: f"{decimal(m[1])} times"),
    (
        r"\b(?P<number>\d{1,24}(?:,\d{3}){0,8})(?:st|nd|rd|th)\b",
        lambda m: ordinal(int(m["number"].replace(",", ""))),
    ),
    (rf"\b((?:{_NAMED}) )(\d{{3,4}})\b", lambda m: m[1] + paired(m[2])),
    (r"\b(?P<letters>[A-Z]{1,4})-?(?P<digits>\d{3,24})\b", _code),
    (r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", lambda m: " dot ".join(digits(part) for part in m[0].split("."))),
    (
        r"(?<![\d.])\d+(?:\.\d+){2,}",
        lambda m: " point ".join(cardinal(int(part)) for part in m[0].split(".")),
    ),
    (rf"{_WHOLE}\.\d+|(?<!\w)\.\d+", lambda m: f" {decimal(m[0])} "),
    (r"\d{1,3}(?:,\d{3}){1,8}(?!\d)|\d+", lambda m: f" {_number(m)} "),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern, re.MULTILINE), spoken) for pattern, spoken in _RULES)


def in_words(text: str) -> str:
    """The text with words for everything that is written in digits and signs."""
    for rule, spoken in _COMPILED:
        text = rule.sub(spoken, text)
    return text
