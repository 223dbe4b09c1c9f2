"""The phone table of the checkpoints: a phone's number is its line in the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"
MARKS = "!?…,.-"  # the punctuation that is a phone in every language
UNKNOWN = "UNK"


@cache
def table(version: str = "v2") -> dict[str, int]:
    """Phone name -> id. ``v2`` serves v2 and everything later (732 phones), ``v1`` the first release (322)."""
    names = (DATA / f"symbols_{version}.txt").read_text(encoding="utf-8").split("\n")[:-1]
    return {name: number for number, name in enumerate(names)}


def ids(phones: Sequence[str], version: str = "v2") -> tuple[int, ...]:
    """Ids of phones; a name that the table lacks becomes ``UNK``."""
    known = table(version)
    return tuple(known.get(phone, known[UNKNOWN]) for phone in phones)


def word_list(text: str) -> list[str]:
    """The words of a list written as one string."""
    return text.split()
