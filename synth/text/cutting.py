"""Cut a read text into the pieces that are decoded at one go.

The networks were trained on sentences of a few seconds: too short a piece is mumbled, too long a one loses words.
The text is cut after numbers, abbreviations and addresses in it have become words, so that every mark left in it is
one. The methods carry the names that GPT-SoVITS users know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MIN_CHARACTERS = 5
LONG_CLAUSES = 50
# The networks end after 60 s at the latest; a slow speaker takes twice our estimate.
MAX_PIECE_S = 25.0

_CLAUSE_ENDS = "，。？！,.?!~:：—…"
_EVERY_MARK = ",.;?!、，。？！：；…"
_CLOSING = "”’」』）)】》〉]}"
# Between digits a dot, a comma or a colon belongs to the number (Japanese keeps its digits).
_NOT_IN_NUMBER = r"(?<!\d[.,:](?=\d))"
_SECONDS = (
    (re.compile(r"[㐀-鿿\U00020000-\U0003ffff]"), 0.23),
    (re.compile(r"[ぁ-ヺー]"), 0.14),
    (re.compile(r"[가-힣]"), 0.2),
    (re.compile(r"[0-9]"), 0.35),
    (re.compile(r"(?<![A-Za-z])[A-Z](?![A-Za-z])"), 0.35),
    (re.compile(r"[A-Za-z]"), 0.075),
)

_SPELLED = re.compile("[A-Za-z]{46,}")  # no word is that long


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` of a text. ``whole`` is False for one that was cut where no mark stands."""

    start: int
    end: int
    whole: bool = True


#: Positions inside a text where a word or clause begins, for a text with nothing better to cut at.
Borders = Callable[[str], Sequence[int]]


def spans(text: str, method: str = "cut5", borders: Borders | None = None) -> list[Span]:
    """Spans that put together are ``text``; a text without a letter is one span.

    ``method``: ``cut0`` none, ``cut1`` every four clauses, ``cut2`` about 50 characters, ``cut3`` at "。",
    ``cut4`` at ".", ``cut5`` at every mark; lines are cut apart by all of them, and whatever is longer than
    `MAX_PIECE_S` (estimated). Closing quotation marks stay with their sentence. KeyError for another method.
    """
    ends = [*METHODS[method](text), len(text)]
    ends = _without_short(text, ends)
    found: list[Span] = []
    for start, end in zip([0, *ends], ends, strict=False):
        if end > start:
            found += _fitting(text, start, end, borders or blanks)
    return found


def seconds(text: str) -> float:
    """About how long a read text takes to say."""
    spelled = sum(map(len, _SPELLED.findall(text)))
    return 0.275 * spelled + sum(length * len(pattern.findall(text)) for pattern, length in _SECONDS)


def blanks(text: str) -> list[int]:
    """Where words begin after blanks."""
    return [blank.end() for blank in re.finditer(r"\s+", text)]


def _ends(text: str, marks: str) -> list[int]:
    """Where pieces end: after a run of marks with what closes behind it, and after a line."""
    quotes = rf"(?:[{re.escape(_CLOSING)}]|[\"'](?=[\s{re.escape(_EVERY_MARK)}]|$))*"
    found = r"\s*\n\s*"
    if marks:
        found += rf"|(?:[{re.escape(marks)}]{_NOT_IN_NUMBER})(?:[{re.escape(_EVERY_MARK)}]|—)*{quotes}\s*"
    return [end.end() for end in re.finditer(found, text)]


def _uncut(text: str) -> list[int]:
    return _ends(text, "")


def _four_clauses(text: str) -> list[int]:
    ends = []
    for start, end in _lines(text):
        clauses = [start + at for at in _ends(text[start:end], _CLAUSE_ENDS)]
        # What is left over joins the last group.
        groups = clauses[3::4]
        if groups and groups[-1] != end and len(clauses) % 4:
            groups.pop()
        ends += [*groups, end]
    return ends


def _fifty_characters(text: str) -> list[int]:
    ends = []
    for start, end in _lines(text):
        groups, begun = [], start
        for at in (start + clause for clause in _ends(text[start:end], _CLAUSE_ENDS)):
            if at - begun > LONG_CLAUSES:
                groups.append(at)
                begun = at
        if groups and 0 < end - groups[-1] < LONG_CLAUSES:
            groups.pop()
        ends += [*groups, end]
    return ends


def _lines(text: str) -> list[tuple[int, int]]:
    ends = [*_ends(text, ""), len(text)]
    return [(start, end) for start, end in zip([0, *ends], ends, strict=False) if end > start]


def _at_chinese_stops(text: str) -> list[int]:
    return _ends(text, "。")


def _at_english_stops(text: str) -> list[int]:
    return _ends(text, ".")


def _at_every_mark(text: str) -> list[int]:
    return _ends(text, _EVERY_MARK)


METHODS: dict[str, Callable[[str], list[int]]] = {
    "cut0": _uncut,
    "cut1": _four_clauses,
    "cut2": _fifty_characters,
    "cut3": _at_chinese_stops,
    "cut4": _at_english_stops,
    "cut5": _at_every_mark,
}


def _without_short(text: str, ends: Sequence[int]) -> list[int]:
    """Ends of which each piece has something to say and a few characters; the rest joins the last piece."""
    kept: list[int] = []
    start = 0
    for end in ends:
        piece = text[start:end]
        if len(piece.strip()) >= MIN_CHARACTERS and re.search(r"\w", piece):
            kept.append(end)
            start = end
    if not kept:
        return [len(text)]
    kept[-1] = len(text) if kept[-1] != len(text) and not _is_long(text[kept[-1] :]) else kept[-1]
    return kept if kept[-1] == len(text) else [*kept, len(text)]


def _is_long(piece: str) -> bool:
    return len(piece.strip()) >= MIN_CHARACTERS and re.search(r"\w", piece) is not None


def _fitting(text: str, start: int, end: int, borders: Borders) -> list[Span]:
    """The span, or several of like length that fit: cut at the best clause end, else at a word, else anywhere."""
    found: list[Span] = []
    while seconds(text[start:end]) > MAX_PIECE_S:
        limit = _reach(text, start, end)
        piece = text[start:limit]
        least = start + len(piece) // 3
        marks = [start + at for at in _ends(piece, _EVERY_MARK) if least <= start + at < limit]
        words = [start + at for at in borders(piece) if least <= start + at < limit] if not marks else []
        at = (marks or words or [limit])[-1]
        found.append(Span(start, at, whole=bool(marks)))
        start = at
    return [*found, Span(start, end)]


def _reach(text: str, start: int, end: int) -> int:
    """The largest end with which the piece fits; a remainder of a few words is not left alone."""
    total = seconds(text[start:end])
    count = -(-total // MAX_PIECE_S)
    share = total / count if total < 3 * MAX_PIECE_S else MAX_PIECE_S
    low, high = start + 1, end
    while low < high:
        middle = (low + high + 1) // 2
        if seconds(text[start:middle]) <= share:
            low = middle
        else:
            high = middle - 1
    return low
