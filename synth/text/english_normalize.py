"""Written English as words: numbers, dates, times, money, units, abbreviations, acronyms."""

from __future__ import annotations

import re
import unicodedata

from synth.text.characters import plain_digits, roman
from synth.text.english_lexicon import in_dictionary
from synth.text.symbols import word_list

_ONES = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = word_list("- - twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_MONTHS = word_list("January February March April May June July August September October November December")
_MONTH = "|".join([*_MONTHS, *(month[:3] + r"\.?" for month in _MONTHS if month != "May"), r"Sept\.?"])

# Unit: singular, plural. Case matters: 5 M is not five metres.
_UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "m/s": ("meter per second", "meters per second"),
    "mph": ("mile per hour", "miles per hour"),
    "°C": ("degree celsius", "degrees celsius"),
    "℃": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "℉": ("degree fahrenheit", "degrees fahrenheit"),
    "°": ("degree", "degrees"),
    "km2": ("square kilometer", "square kilometers"),
    "cm2": ("square centimeter", "square centimeters"),
    "m2": ("square meter", "square meters"),
    "m3": ("cubic meter", "cubic meters"),
    "ft2": ("square foot", "square feet"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "lbs": ("pound", "pounds"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ft": ("foot", "feet"),
    "tbsp": ("tablespoon", "tablespoons"),
    "tsp": ("teaspoon", "teaspoons"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "Hz": ("hertz", "hertz"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "mAh": ("milliamp hour", "milliamp hours"),
    "min": ("minute", "minutes"),
    "hrs": ("hour", "hours"),
    "ms": ("millisecond", "milliseconds"),
    "m": ("meter", "meters"),
    "L": ("liter", "liters"),
    "h": ("hour", "hours"),
    "s": ("second", "seconds"),
    "g": ("gram", "grams"),
}
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_MONEY = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yuan", "yuan", "fen", "fen"),
    "￥": ("yuan", "yuan", "fen", "fen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
}
_SCALES_SHORT = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "bn": "billion",
    "B": "billion",
}
_SYMBOLS = {
    "≥": " is at least ", "≤": " is at most ", "≠": " is not equal to ", "≈": " approximately ",
    "±": " plus or minus ", "√": " square root of ", "°": " degrees ", "÷": " divided by ", "×": " times ",
    "α": " alpha ", "β": " beta ", "γ": " gamma ", "δ": " delta ", "Δ": " delta ", "ε": " epsilon ", "θ": " theta ",
    "λ": " lambda ", "μ": " mu ", "µ": " mu ", "π": " pi ", "σ": " sigma ", "Σ": " sigma ", "τ": " tau ", "φ": " phi ",
    "ω": " omega ", "Ω": " omega ", "²": " squared ", "³": " cubed ",
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ß": "ss", "đ": "d",
    "Đ": "D", "þ": "th", "Þ": "Th", "ð": "th", "ı": "i",
}  # fmt: skip
_VULGAR = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_ROMAN = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
# After a king's, queen's or pope's name a Roman number is which one it was.
_REGNAL = (
    "Henry|Louis|Charles|George|Edward|William|James|Richard|Elizabeth|Catherine|Philip|Ferdinand|Frederick|Napoleon|"
    "Nicholas|Alexander|Ivan|Peter|Pius|Paul|John|Benedict|Gregory|Leo|Innocent|Urban|Clement|Francis|Ramses|Ptolemy"
)
_PARTS = (
    "Chapter|Part|Volume|Vol|Book|Act|Scene|Section|Article|Title|Appendix|Phase|Type|Class|Stage|Level|Grade|War|Bowl|"
    "Table|Figure|Schedule|Division|Group|Mark|Apollo|Rocky|Fantasy"
)
_SYLLABLES = re.compile("(?:[B-DF-HJ-NP-TV-Z][AEIOU]){2,}[B-DF-HJ-NP-TV-Z]?")
_SIGNS = {
    "+": "plus",
    "-": "minus",
    "−": "minus",
    "×": "times",
    "*": "times",
    "÷": "divided by",
    "=": "equals",
}
# Followed by a capital: a title. (St. is a saint before a name and a street after one.)
_TITLES = {
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Dr": "Doctor",
    "Prof": "Professor",
    "Gen": "General",
    "Capt": "Captain",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "St": "Saint",
    "Rev": "Reverend",
}
_ABBREVIATIONS = (
    (r"\bi\.\s?e\.", "that is"),
    (r"\be\.\s?g\.", "for example"),
    (r"\betc\.(?=\s*[,;a-z])", "et cetera"),
    (r"\betc\.", "et cetera."),
    (r"\bvs\.?(?=\s|$)", "versus"),
    (r"\bPh\.?D\b\.?", "P H D"),
    (r"\b(?:Mr)\.", "Mister"),
    (r"\b(?:Mrs)\.", "Missus"),
    (r"\bMs\.", "Miz"),
    (r"\bJr\.", "Junior"),
    (r"\bSr\.", "Senior"),
    (r"\bInc\.", "Incorporated"),
    (r"\bLtd\.", "Limited"),
    (r"\bpp\.\s?(?=\d)", "pages "),
    (r"\bp\.\s?(?=\d)", "page "),
    (r"\b[Ff]igs?\.\s?(?=\d)", "figure "),
    (r"\b[Vv]ol\.\s?(?=\d|[IVX])", "volume "),
    (r"\b[Cc]h\.\s?(?=\d|[IVX])", "chapter "),
    (r"\bApt\.\s?(?=\d)", "Apartment "),
    (r"(?<!\w)#(?=\d)", "number "),
    (r"\bCtrl\b", "Control"),
    (r"\b(Control|Alt|Shift|Cmd|Command|Option|Win|Fn)\s?\+\s?(?=\w)", r"\1 "),
    (r"\bC#", "C sharp"),
    (r"(?<!\w)\.NET\b", "dot net"),
    (r"\bv(?=\d+\.\d)", "version "),
    (r"\bapprox\.", "approximately"),
    (r"\bNo\.\s?(?=\d)", "number "),
    (r"(?<=[a-z]) St\.(?=\s|,|$)", " Street"),
    (r"(?<=[a-z]) Ave\.(?=\s|,|$)", " Avenue"),
    (r"(?<=[a-z]) Rd\.(?=\s|,|$)", " Road"),
    (r"\bw/o\b", "without"),
)


def cardinal(number: int) -> str:
    """123 -> "one hundred twenty-three"; any size below 10**15, beyond that digit by digit."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if number >= 10**15:
        return " ".join(_ONES[int(digit)] for digit in str(number))
    for size, name in _SCALES:
        if number >= size:
            count, rest = divmod(number, size)
            return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")
    raise AssertionError(number)


def ordinal(number: int) -> str:
    """21 -> "twenty-first"."""
    head, separator, last = re.fullmatch(r"(.*?)([ -]?)(\w+)", cardinal(number)).groups()  # type: ignore[union-attr]
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    last = _ORDINALS.get(last, regular)
    return head + separator + last


def year(number: int) -> str:
    """1998 -> "nineteen ninety-eight", 2007 -> "two thousand seven", 1900 -> "nineteen hundred"."""
    century, rest = divmod(number, 100)
    if 2000 <= number < 2010:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred" if century % 10 else cardinal(number)
    return f"{cardinal(century)} " + (f"oh {_ONES[rest]}" if rest < 10 else cardinal(rest))


def digits(text: str) -> str:
    """Each digit by name."""
    return " ".join(_ONES[int(digit)] for digit in text if digit.isdigit())


def decimal(text: str) -> str:
    """ "3.50" -> "three point five zero"."""
    whole, _, fraction = text.replace(",", "").partition(".")
    spoken = cardinal(int(whole)) if whole else "zero"
    return f"{spoken} point {digits(fraction)}" if fraction else spoken


def letters(word: str) -> str:
    """A word spelled: capital letters apart."""
    return " ".join(word.upper())


def _money(match: re.Match[str]) -> str:
    one, many, small_one, small_many = _MONEY[match["sign"]]
    amount, scale = match["amount"].replace(",", ""), match["scale"]
    scale = _SCALES_SHORT.get(scale, scale)
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


def _measure(match: re.Match[str]) -> str:
    one, many = _UNITS[match["unit"]]
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


def _height(match: re.Match[str]) -> str:
    return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}"


def _feet_inches(match: re.Match[str]) -> str:
    inches = int(match[2])
    return f"{cardinal(int(match[1]))} feet {cardinal(inches)} inch{'es' * (inches != 1)}"


def _vulgar(match: re.Match[str]) -> str:
    upper, _, lower = unicodedata.normalize("NFKC", match[2]).partition("⁄")
    part = _parts(int(upper), int(lower))
    if not match[1]:
        return f" {part} "
    return f" {cardinal(int(match[1]))} and {'a half' if lower == '2' else part} "


def _day_month(match: re.Match[str]) -> str:
    name = next(month for month in _MONTHS if month[:3] == match["month"][:3])
    return f"the {ordinal(int(match['day']))} of {name}" + (
        f", {year(int(match['year']))}" if match["year"] else ""
    )


def _times(match: re.Match[str]) -> str:
    return f"{decimal(match[1])} times"


def _numbered(match: re.Match[str]) -> str:
    return f"{match[1]} {cardinal(roman(match[2]))}"


def _reigning(match: re.Match[str]) -> str:
    return f"{match[1]} the {ordinal(roman(match[2]))}"


def _to_squared(match: re.Match[str]) -> str:
    return {"2": " squared", "3": " cubed"}.get(match[1], f" to the power of {match[1]}")


def _ip(match: re.Match[str]) -> str:
    return " dot ".join(digits(part) for part in match[0].split("."))


def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{_MONTHS[month - 1]} {ordinal(day)}, {year(int(match['year']))}"


def _month_day(match: re.Match[str]) -> str:
    name = next(month for month in _MONTHS if month[:3] == match["month"][:3])
    return f"{name} {ordinal(int(match['day']))}"


def _fraction(match: re.Match[str]) -> str:
    if match["whole"]:
        half = match[2] == "1" and match[3] == "2"
        return f"{cardinal(int(match['whole']))} and {'a half' if half else _parts(int(match[2]), int(match[3]))}"
    return _parts(int(match[2]), int(match[3]))


def _parts(upper: int, lower: int) -> str:
    if lower in (0, 1) or lower > 100:
        return f"{cardinal(upper)} over {cardinal(lower)}"
    name = "half" if lower == 2 else ordinal(lower)
    many = "halves" if lower == 2 else name + "s"
    return f"{cardinal(upper)} {name if upper == 1 else many}"


def _is_year(match: re.Match[str], number: int) -> bool:
    if 1000 < number < 1100:
        return (
            re.search(r"\b(?:in|since|by|until|before|after|year|of) $", match.string[: match.start()])
            is not None
        )
    return 1100 <= number < 2100 and number % 1000 != 0


def _hours(match: re.Match[str]) -> str:
    to = " to " if not match[0][-1].isalpha() else ""
    return f"{cardinal(int(match['hour']))} {match['half'].upper()} M{to}"


def _number(match: re.Match[str]) -> str:
    text = match[0].replace(",", "")
    if len(text) > 15:
        return digits(text)
    number = int(text)
    if len(text) > 1 and text[0] == "0":
        return digits(text)
    if "," not in match[0] and _is_year(match, number):
        return year(number)
    return cardinal(number)


def _address(match: re.Match[str]) -> str:
    names = {".": " dot ", "@": " at ", "/": " slash ", "-": " dash ", "_": " underscore ", ":": " "}
    plain = re.sub(r"^https?://|[?#].*", "", match[0]).strip("/")
    return re.sub(r"[.@/:_-]+", lambda mark: names[mark[0][0]], plain)


_OF_DECADE = "|".join(
    f"(?<={word})" for word in ("the ", "early ", "late ", "mid-", "my ", "his ", "her ", "their ")
)
_SUM = r"\d[\d,]{0,30}(?:\.\d+)?"
_AMOUNT = r"(?P<amount>\d[\d,]{0,30}(?:\.\d+)?|\.\d+)"
_RULES = (
    (r"(?:https?://|www\.)[\w./-]*\w(?:[?#][\w=&%+.-]*)?|(?<![\w.-])[\w.-]+@[\w-]+(?:\.[\w-]+)+", _address),
    (r"\b([12]\d\d)0s\b(?! of)", lambda m: _decade(int(m[1] + "0"))),
    (r"\b(1(?:0{2}|0{3}|0{6}))s\b", lambda m: cardinal(int(m[1])).removeprefix("one ") + "s"),
    (
        rf"(?:{_OF_DECADE})'?([2-9]0)s\b|(?<!\w)'([2-9]0)s\b",
        lambda m: cardinal(int(m[1] or m[2]))[:-1] + "ies",
    ),
    (
        rf"\b(?P<day>[12]?\d|3[01])(?:st|nd|rd|th)?\s(?P<month>{_MONTH})\b(?:,?\s(?P<year>[12]\d{{3}})\b)?",
        _day_month,
    ),
    (r"(?<!\w)(\d)['′]\s?(\d\d?)(?:\"|″|'')", _height),
    (r"\b(\d+)\s?ft\.?\s?(\d+)\s?in\b\.?", _feet_inches),
    (rf"(?<![\d.])(\d*)\s?([{_VULGAR}])", _vulgar),
    (r"\b(\d\d?)(\d\d)(?=p\b)", lambda m: f"{cardinal(int(m[1]))} {cardinal(int(m[2]))} "),
    (r"\b(\d+)h\s?(\d+)m(?:in)?\b", lambda m: f"{m[1]} h {m[2]} min"),
    (rf"\b({_PARTS})\s({_ROMAN})\b", _numbered),
    (rf"\b({_REGNAL})\s({_ROMAN})\b(?!\.)", _reigning),
    (r"(?<=[A-Za-z0-9)])\^(\d+)", _to_squared),
    (r"\b(?P<year>[12]\d{3})[-/](?P<month>\d\d?)[-/](?P<day>\d\d?)\b", _iso_date),
    (rf"\b(?P<month>{_MONTH})\s(?P<day>\d\d?)(?:st|nd|rd|th)?\b(?!:)", _month_day),
    (
        r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?![\d])(?::(?P<second>[0-5]\d)\b)?(?:\s?(?P<half>[ap]\.m\.(?=\s*[a-z,–-])|[ap]\.m(?=\.)|[apAP][mM]\b))?(?P<to>\s?[-–—]\s?(?=\d))?",
        _time,
    ),
    (r"\b(?P<hour>1[0-2]|[1-9])\s?(?P<half>[ap])m\b(?:\s?[-–]\s?(?=\d))?", _hours),
    (r"(?<![\w:.])(\d{1,3}):(\d{1,3})(?![\w:])", lambda m: f"{cardinal(int(m[1]))} to {cardinal(int(m[2]))}"),
    (r"\b9/11\b", lambda _: "nine eleven"),
    (
        rf"(?P<sign>[$£€¥￥])({_SUM})\s?[-–]\s?[$£€¥￥]?(?={_SUM})",
        lambda m: f"{decimal(m[2])} to {m['sign']}",
    ),
    (
        rf"(?P<sign>[$£€¥￥₹₩])\s?{_AMOUNT}(?:\s?(?P<scale>million|billion|trillion|thousand|bn|[kKmMB])\b)?",
        _money,
    ),
    (rf"{_AMOUNT}\s?(?P<sign>[$£€])(?P<scale>)", _money),
    (r"\b(?P<month>0?[1-9]|1[0-2])/(?P<day>\d\d?)/(?P<year>[12]\d{3})\b", _iso_date),
    (r"\b24/7\b", lambda _: "twenty-four seven"),
    (r"\b1¢", lambda _: "one cent"),
    (r"(?<=\d)¢", lambda _: " cents"),
    (r"(?<![\w)])[-−](?=\.?\d)", lambda _: "negative "),
    (r"(?<!\w)\+?\d{1,3}[- ]\d{3}[- ]\d{3}[- ]\d{4}\b", lambda m: digits(m[0])),
    (r"(?<![\w-])\(?\d{3}\)?[- ]\d{3}-\d{4}\b|(?<![\w-])\d{3}-\d{4}\b", lambda m: digits(m[0])),
    (r"(?<![\w.-])(\d+)[-–~](?=\d+(?:[^\w-]|[A-Za-z]{1,4}\b|$))", lambda m: f"{m[1]} to "),
    (rf"(?<![\w.]){_AMOUNT}\s?(?P<unit>{_UNIT})(?![\w°])", _measure),
    (r"(?<=\d)\s?%", lambda _: " percent"),
    (r"(?<![\w/.])(?:(?P<whole>\d+) )?(\d+)/(\d+)(?![\w/])", _fraction),
    (r"(?<=[\dA-Za-z])\s+([+\-−×*÷=])\s+(?=[-\dA-Za-z])", lambda m: f" {_SIGNS[m[1]]} "),
    (r"(?<=\d)([+×*÷=])(?=[-\d])|(?<=[A-Za-z])(=)(?=[-\dA-Za-z])", lambda m: f" {_SIGNS[m[1] or m[2]]} "),
    (r"(?<![\w.])(\d+)\s?x\s?(?=\d)", lambda m: f"{m[1]} by "),
    (r"(?<![\w.])(\d+(?:\.\d+)?)x\b", _times),
    (
        r"\b(?P<number>\d+(?:,\d{3}){0,8})(?:st|nd|rd|th)\b",
        lambda m: ordinal(int(m["number"].replace(",", ""))),
    ),
    (r"^(?P<number>\d+)\.\s(?=\D)", lambda m: ordinal(int(m["number"])) + ", "),
    (r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", _ip),
    (
        r"(?<![\d.])\d+(?:\.\d+){2,}",
        lambda m: " point ".join(cardinal(int(part)) for part in m[0].split(".")),
    ),
    (r"\d[\d,]{0,30}\.\d+|(?<!\w)\.\d+", lambda m: f" {decimal(m[0])} "),
    (r"\d{1,3}(?:,\d{3}){1,8}|\d+", lambda m: f" {_number(m)} "),
)
_COMPILED = tuple((re.compile(pattern, re.MULTILINE), spoken) for pattern, spoken in _RULES)


def _decade(number: int) -> str:
    spoken = year(number)
    return spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"


def normalize(text: str) -> str:
    """Words, apostrophes, hyphens and the marks ``. , ? !`` only; spelled letters stand alone as capitals."""
    text = plain_digits(text).replace("…", "...")
    text = re.sub(
        r"(?<=\d)(\s?(?:km|cm|mm|ft|m))([²³])", lambda m: m[1] + ("2" if m[2] == "²" else "3"), text
    )
    text = re.sub("[²³łŁøØœŒæÆßđĐþÞðı]", lambda m: _SYMBOLS[m[0]], text)
    text = "".join(letter if letter in _VULGAR else unicodedata.normalize("NFKC", letter) for letter in text)
    text = text.replace("°C", "℃").replace("°F", "℉").translate(str.maketrans("’‘。、！？；：", "''.,!?;:"))
    text = re.sub(r"\d{25,}", lambda m: digits(m[0]), text)  # no number that anybody would read as one
    for pattern, words in _ABBREVIATIONS:
        text = re.sub(pattern, words, text)
    text = re.sub(rf"\b({'|'.join(_TITLES)})\.(?=\s[A-Z])", lambda match: _TITLES[match[1]], text)
    text = re.sub(r"\b(?:[A-Z]\.){2,}(?=(\s+[a-z]|,|\s*$|\s)?)", _initials, text)
    for rule, spoken in _COMPILED:
        text = rule.sub(spoken, text)
    text = re.sub(r"\b([ap])\.\s?m\.(?=\s*[a-z,])|\b([ap])\.\s?m(?=\.)", _half_of_day, text)
    text = re.sub("[" + "".join(_SYMBOLS) + "]", lambda m: _SYMBOLS[m[0]], text)
    text = re.sub(r"&(?:amp|lt|gt|quot|nbsp);", lambda m: " and " if m[0] == "&amp;" else " ", text)
    text = re.sub(r"(?<=\w)\s?&\s?(?=\w)", " and ", text).replace("&", " ")
    text = text.replace("@", " at ").replace("+", " plus ")
    text = "".join(
        letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter) != "Mn"
    )
    text = re.sub(r"[;:—–()\[\]\n]+", ",", text)
    text = re.sub(r"[^ A-Za-z'.,?!-]", " ", text)
    text = " ".join(_cased(word) for word in text.split())
    text = re.sub(r"\s+-|-\s+", " ", text)
    text = re.sub(r" (?=[.,?!])", "", re.sub(r"\s+", " ", text))
    text = re.sub(r"([.,?!])[\s.,?!]*(?=[.,?!])", r"\1", text)
    text = re.sub(r"([.,?!])[.,?!]+", r"\1", text)
    return re.sub(r"\s+", " ", text).strip().lstrip(",").strip()


def _half_of_day(match: re.Match[str]) -> str:
    return f"{(match[1] or match[2]).upper()} M"


def _initials(match: re.Match[str]) -> str:
    """U.K. -> U K; the last dot stays where a sentence may end with it."""
    ends = not (match[1] or "").strip()[:1].islower() and match.end() >= len(match.string.rstrip())
    return letters(match[0].replace(".", "")) + ("." if ends else "")


def _cased(word: str) -> str:
    """Capital runs spelled, inner capitals apart: iPhone -> i Phone, ChatGPT -> Chat G P T, GPUs -> G P U's."""
    if re.fullmatch("(?:Mc|Mac|O')[A-Z][a-z]+(?:'s)?", word):
        return word.capitalize()  # McDonald
    parts = re.findall(r"[A-Z]{2,}(?=s\b)|[A-Z]+(?![a-z])|[A-Z]?[a-z]+(?:'[a-z]+)?|[^A-Za-z]+|[A-Z]", word)
    spoken = ""
    for part in parts:
        apart = spoken and spoken[-1].isalpha() and part[0].isalpha()
        if part.isupper() and len(part) > 1:
            piece = part if readable_capitals(part) else letters(part)
        elif part == "s" and spoken[-1:].isupper():
            piece, apart = "'s", False
        else:
            piece = part
        spoken += (" " if apart else "") + piece
    return spoken


def readable_capitals(word: str) -> bool:
    """Whether capitals are a word shouted or an acronym read as a word.

    Four letters and up in the dictionary; five and up that fall into syllables of a consonant and a vowel (COVID).
    """
    known = len(word) >= 4 and in_dictionary(word.lower())
    return known or (len(word) >= 5 and _SYLLABLES.fullmatch(word) is not None)
