"""Where the words of a text as it was written are spoken, from the times of its words as they were read.

The two differ where numbers, signs and abbreviations became words: whatever lies between two words that are the same in
both shares the time of what was said there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from synth.spoken.findings import TimedWord

#: A character of a script without blanks, else letters and digits with what holds them together.
_UNSPACED = "぀-ヿ㐀-鿿豈-﫿々〆\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['’.,:-][^\W_{_UNSPACED}]+)*")


@dataclass(frozen=True)
class Placed:
    """Characters ``start`` to ``end`` of a text, and when they are spoken."""

    start: int
    end: int
    start_s: float
    end_s: float


def placed(text: str, spoken: Sequence[TimedWord]) -> list[Placed]:
    """The words of ``text`` that were spoken, in order; those of which nothing was heard are left out."""
    written = [match.span() for match in _WORD.finditer(text)]
    ours = [_plain(text[start:end]) for start, end in written]
    pieces = [
        (match.group(), word.start_s + (word.end_s - word.start_s) * match.start() / len(word.text),
         word.start_s + (word.end_s - word.start_s) * match.end() / len(word.text))
        for word in spoken
        for match in _WORD.finditer(word.text)
    ]  # fmt: skip
    theirs = [_plain(piece) for piece, _, _ in pieces]
    found: list[Placed] = []
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind == "equal":
            found += [
                Placed(*span, begin, end)
                for span, (_, begin, end) in zip(written[a:b], pieces[c:d], strict=True)
            ]
        elif kind == "replace":
            found += _shared(written[a:b], pieces[c][1], pieces[d - 1][2])
    return found


def _shared(spans: Sequence[tuple[int, int]], start_s: float, end_s: float) -> list[Placed]:
    """The time of a stretch shared among words by their length."""
    total = sum(end - start for start, end in spans)
    found, at = [], start_s
    for start, end in spans:
        until = at + (end_s - start_s) * (end - start) / total
        found.append(Placed(start, end, round(at, 3), round(until, 3)))
        at = until
    return found


def _plain(word: str) -> str:
    return re.sub(r"\W", "", unicodedata.normalize("NFKC", word).casefold())
