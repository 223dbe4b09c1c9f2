"""Characters that every language reads the same way."""

from __future__ import annotations

import re

_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")


def plain_digits(text: str) -> str:
    """Decimal digits of every script as 0 to 9."""
    return _FOREIGN_DIGIT.sub(lambda digit: str(int(digit[0])), text)
