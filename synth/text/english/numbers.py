"""Numbers in English words."""

from __future__ import annotations

import re

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


def paired(text: str) -> str:
    """A room, a flight: 302 -> "three oh two", 1408 -> "fourteen oh eight", 12345 -> digit by digit."""
    if len(text) > 4 or text[0] == "0" or len(text) < 3:
        return digits(text) if len(text) > 2 or text[0] == "0" else cardinal(int(text))
    head, rest = int(text[:-2]), int(text[-2:])
    if not rest:
        return f"{cardinal(head)} hundred" if head % 10 else cardinal(int(text))
    return f"{cardinal(head)} " + (f"oh {_ONES[rest]}" if rest < 10 else cardinal(rest))


def letters(word: str) -> str:
    """A word spelled: capital letters apart."""
    return " ".join(word.upper())


def parts(upper: int, lower: int) -> str:
    """A fraction: 3, 4 -> "three fourths"; beyond hundredths "over"."""
    if lower in (0, 1) or lower > 100:
        return f"{cardinal(upper)} over {cardinal(lower)}"
    name = "half" if lower == 2 else ordinal(lower)
    many = "halves" if lower == 2 else name + "s"
    return f"{cardinal(upper)} {name if upper == 1 else many}"


def decade(number: int) -> str:
    """1980 -> "nineteen eighties"."""
    spoken = year(number)
    return spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"
