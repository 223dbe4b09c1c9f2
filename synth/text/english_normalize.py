"""Written English as words: numbers, dates, times, money, units, abbreviations, acronyms."""

from __future__ import annotations

import re
import unicodedata

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
    "kW": ("kilowatt", "kilowatts"),
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
}
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
    (r"\bvs\.?(?=\s)", "versus"),
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
    hour, minute, half = int(match["hour"]), int(match["minute"]), match["half"]
    if half:
        half = f" {letters(half[0])} M"
    elif hour > 12:
        hour, half = hour - 12, " P M"
    spoken = cardinal(hour)
    if minute:
        spoken += f" {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif not half:
        spoken += " o'clock"
    return spoken + (half or "")


def _iso_date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{_MONTHS[month - 1]} {ordinal(day)}, {year(int(match['year']))}"


def _month_day(match: re.Match[str]) -> str:
    name = next(month for month in _MONTHS if month[:3] == match["month"][:3])
    return f"{name} {ordinal(int(match['day']))}"


def _fraction(match: re.Match[str]) -> str:
    upper, lower = int(match[1]), int(match[2])
    if lower in (0, 1) or lower > 100:
        return f"{cardinal(upper)} over {cardinal(lower)}"
    name = "half" if lower == 2 else ordinal(lower)
    many = "halves" if lower == 2 else name + "s"
    return f"{cardinal(upper)} {name if upper == 1 else many}"


def _number(match: re.Match[str]) -> str:
    text = match[0].replace(",", "")
    number = int(text)
    if len(text) > 1 and text[0] == "0":
        return digits(text)
    if "," not in match[0] and 1100 <= number < 2100 and number % 1000:
        return year(number)
    return cardinal(number)


def _address(match: re.Match[str]) -> str:
    names = {".": " dot ", "@": " at ", "/": " slash ", "-": " dash ", "_": " underscore ", ":": " "}
    return re.sub(r"[.@/:_-]+", lambda mark: names[mark[0][0]], re.sub("^https?://", "", match[0]).strip("/"))


_AMOUNT = r"(?P<amount>\d[\d,]*(?:\.\d+)?|\.\d+)"
_RULES = (
    (r"(?:https?://|www\.)[\w./-]*\w|\b[\w.-]+@[\w-]+(?:\.[\w-]+)+", _address),
    (r"\b([12]\d\d)0s\b", lambda m: _decade(int(m[1] + "0"))),
    (r"\b(?P<year>[12]\d{3})[-/](?P<month>\d\d?)[-/](?P<day>\d\d?)\b", _iso_date),
    (rf"\b(?P<month>{_MONTH})\s(?P<day>\d\d?)(?:st|nd|rd|th)?\b(?!:)", _month_day),
    (
        r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b(?:\s?(?P<half>[ap]\.m\.(?=\s*[a-z,])|[ap]\.m(?=\.)|[apAP][mM]\b))?",
        _time,
    ),
    (rf"(?P<sign>[$£€¥￥])\s?{_AMOUNT}(?:\s(?P<scale>million|billion|trillion|thousand)\b)?", _money),
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
    (r"(?<![\w/.])(\d+)/(\d+)(?![\w/])", _fraction),
    (r"(?<=[\dA-Za-z])\s+([+\-−×*÷=])\s+(?=[-\dA-Za-z])", lambda m: f" {_SIGNS[m[1]]} "),
    (r"\b(?P<number>\d+)(?:st|nd|rd|th)\b", lambda m: ordinal(int(m["number"]))),
    (r"^(?P<number>\d+)\.\s(?=\D)", lambda m: ordinal(int(m["number"])) + ", "),
    (r"\b\d+(?:\.\d+){2,}\b", lambda m: " point ".join(cardinal(int(part)) for part in m[0].split("."))),
    (r"\d[\d,]*\.\d+|(?<!\w)\.\d+", lambda m: f" {decimal(m[0])} "),
    (r"\d{1,3}(?:,\d{3})+|\d+", lambda m: f" {_number(m)} "),
)
_COMPILED = tuple((re.compile(pattern, re.MULTILINE), spoken) for pattern, spoken in _RULES)


def _decade(number: int) -> str:
    spoken = year(number)
    return spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"


def normalize(text: str) -> str:
    """Words, apostrophes, hyphens and the marks ``. , ? !`` only; spelled letters stand alone as capitals."""
    text = unicodedata.normalize("NFKC", text.replace("…", "...").replace("°C", "℃").replace("°F", "℉"))
    text = text.replace("°C", "℃").replace("°F", "℉").translate(str.maketrans("’‘。、！？；：", "''.,!?;:"))
    for pattern, words in _ABBREVIATIONS:
        text = re.sub(pattern, words, text)
    text = re.sub(rf"\b({'|'.join(_TITLES)})\.(?=\s[A-Z])", lambda match: _TITLES[match[1]], text)
    text = re.sub(r"\b(?:[A-Z]\.){2,}(?=(\s+[a-z]|,|\s*$|\s)?)", _initials, text)
    for rule, spoken in _COMPILED:
        text = rule.sub(spoken, text)
    text = re.sub(r"\b([ap])\.\s?m\.(?=\s*[a-z,])|\b([ap])\.\s?m(?=\.)", _half_of_day, text)
    text = text.replace("&", " and " if re.search(r"\w\w\s?&|&\s?\w\w", text) else " ")
    text = text.replace("@", " at ").replace("+", " plus ")
    text = "".join(
        letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter) != "Mn"
    )
    text = re.sub(r"[;:—–()\[\]\n]+", ",", text)
    text = re.sub(r"[^ A-Za-z'.,?!-]", " ", text)
    text = " ".join(_cased(word) for word in text.split())
    text = re.sub(r"\s+-|-\s+", " ", text)
    text = re.sub(r"\s+(?=[.,?!])", "", text)
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
    """Whether capitals are a word shouted or an acronym read as a word (four letters and up, in the dictionary)."""
    from synth.text.english import in_dictionary

    return len(word) >= 4 and in_dictionary(word.lower())
