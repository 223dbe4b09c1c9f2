"""Cut a text as GPT-SoVITS's own front-end cuts it: before it is read, so also inside numbers and after titles.

For comparison only, see `cutting`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

MAX_CHARACTERS = 510  # what the BERT can read
MIN_CHARACTERS = 5
LONG_CLAUSES = 50

_CLAUSE_ENDS = "，。？！,.?!~:：—…"
_EVERY_MARK = ",.;?!、，。？！：…"
_REPEATED = "!?…,.-"
# A dot between digits is a decimal point, never an end.
_DOT = r"\.(?<!\d\.(?=\d))"
_CLAUSE_END = re.compile(f"[{re.escape(_CLAUSE_ENDS.replace('.', ''))}]|{_DOT}")
_ANY_MARK = re.compile(f"[{re.escape(_EVERY_MARK.replace('.', ''))}]|{_DOT}")


def cut(text: str, language: str, method: str = "cut5") -> list[str]:
    """Pieces of ``text``, each ending in punctuation; an empty list if nothing in it can be spoken.

    ``method``: ``cut0`` none, ``cut1`` every four clauses, ``cut2`` about 50 characters, ``cut3`` at "。",
    ``cut4`` at ".", ``cut5`` at every mark. KeyError for another method.
    """
    stop = "." if language == "en" else "。"
    text = without_repeated_marks(text).strip("\n")
    if not text:
        return []
    first = _CLAUSE_END.split(text)[0].strip()
    if text[0] not in _CLAUSE_ENDS and len(first) < 4:
        text = stop + text  # a very short beginning is easily swallowed
    lines = [line for line in METHODS[method](text).split("\n") if line.strip()]
    pieces = []
    for line in _merge_short(lines, MIN_CHARACTERS):
        if not re.search(r"\w", line):
            continue
        piece = line if line[-1] in _CLAUSE_ENDS else line + stop
        pieces += _below_limit(piece) if len(piece) > MAX_CHARACTERS else [piece]
    return pieces


def without_repeated_marks(text: str) -> str:
    """Runs of punctuation collapse to their first mark."""
    marks = re.escape(_REPEATED)
    return re.sub(f"([{marks}])[{marks}]+", r"\1", text)


def _clauses(text: str) -> list[str]:
    text = text.replace("……", "。").replace("——", "，")
    if text[-1] not in _CLAUSE_ENDS:
        text += "。"
    clauses, start = [], 0
    for mark in _CLAUSE_END.finditer(text):
        clauses.append(text[start : mark.end()])
        start = mark.end()
    return clauses


def _uncut(text: str) -> str:
    return text


def _four_clauses(text: str) -> str:
    clauses = _clauses(text.strip("\n"))
    # The rest joins the last group.
    starts = list(range(0, len(clauses), 4))[: max(1, len(clauses) // 4 + bool(len(clauses) % 4) - 1)]
    if len(clauses) <= 4:
        return text
    ends = [*starts[1:], len(clauses)]
    return "\n".join("".join(clauses[start:end]) for start, end in zip(starts, ends, strict=True))


def _fifty_characters(text: str) -> str:
    clauses = _clauses(text.strip("\n"))
    if len(clauses) < 2:
        return text
    groups, group = [], ""
    for clause in clauses:
        group += clause
        if len(group) > LONG_CLAUSES:
            groups.append(group)
            group = ""
    if group:
        groups.append(group)
    if len(groups) > 1 and len(groups[-1]) < LONG_CLAUSES:
        groups[-2:] = [groups[-2] + groups[-1]]
    return "\n".join(groups)


def _at_chinese_stops(text: str) -> str:
    return "\n".join(text.strip("\n").strip("。").split("。"))


def _at_english_stops(text: str) -> str:
    return "\n".join(re.split(r"(?<!\d)\.(?!\d)", text.strip("\n").strip(".")))


def _at_every_mark(text: str) -> str:
    return _ANY_MARK.sub(lambda mark: mark[0] + "\n", text.strip("\n")).strip("\n")


METHODS: dict[str, Callable[[str], str]] = {
    "cut0": _uncut,
    "cut1": _four_clauses,
    "cut2": _fifty_characters,
    "cut3": _at_chinese_stops,
    "cut4": _at_english_stops,
    "cut5": _at_every_mark,
}


def _merge_short(lines: Sequence[str], at_least: int) -> list[str]:
    lines = [line for line in lines if re.search(r"\w", line)]
    merged, pending = [], ""
    for line in lines:
        pending += line
        if len(pending) >= at_least:
            merged.append(pending)
            pending = ""
    if pending and merged:
        merged[-1] += pending
    elif pending:
        merged.append(pending)
    return merged


def _below_limit(text: str) -> list[str]:
    parts, part = [], ""
    for clause in _clauses(text):
        while len(clause) > MAX_CHARACTERS:  # no punctuation at all
            clause, rest = clause[:MAX_CHARACTERS], clause[MAX_CHARACTERS:]
            parts += [part, clause] if part else [clause]
            part, clause = "", rest
        if len(part) + len(clause) > MAX_CHARACTERS:
            parts.append(part)
            part = ""
        part += clause
    return [*parts, part] if part else parts
