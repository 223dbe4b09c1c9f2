"""Numbers in Chinese characters."""

from __future__ import annotations

import re

_DIGITS = "零一二三四五六七八九"


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
    """A number with sign, thousands commas and decimals; a leading two before 千, 万, 亿 is 两."""
    text = text.replace(",", "")
    sign = "负" if text[:1] in "-−" else ""
    whole, _, fraction = text.lstrip("-−").partition(".")
    spoken = re.sub("^二(?=[千万亿])", "两", cardinal(whole))
    return sign + spoken + (f"点{by_digit(fraction)}" if fraction else "")


def quantity(text: str) -> str:
    """A number before a measure word: 两个, 十二个."""
    spoken = number(text)
    return "两" if spoken == "二" else spoken
