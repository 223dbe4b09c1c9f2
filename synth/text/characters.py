"""Characters that every language reads the same way."""

from __future__ import annotations

import re

_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")


def plain_digits(text: str) -> str:
    """Decimal digits of every script as 0 to 9."""
    return _FOREIGN_DIGIT.sub(lambda digit: str(int(digit[0])), text)


def roman(text: str) -> int:
    """XIV -> 14."""
    values = [_ROMAN[letter] for letter in text]
    return sum(
        -value if value < max(values[index:], default=0) else value for index, value in enumerate(values)
    )
