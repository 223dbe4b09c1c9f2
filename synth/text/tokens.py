"""What the languages' readers give back: words and marks with their phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Token:
    """A word or a mark of normalised text as phones of the checkpoints' table.

    ``counts``: how many of the phones belong to each character of ``text``, where the language knows (Chinese,
    Cantonese).
    """

    text: str
    phones: tuple[str, ...]
    counts: tuple[int, ...] | None = None


def flat(tokens: Sequence[Token]) -> tuple[list[str], list[int] | None]:
    """All phones, and all counts if every token has them."""
    phones = [phone for token in tokens for phone in token.phones]
    if any(token.counts is None for token in tokens):
        return phones, None
    return phones, [count for token in tokens for count in token.counts or ()]
