"""Cutting a text into pieces that are spoken one by one."""

from __future__ import annotations

import re

#: Longer sentences are cut at a comma, else at a blank.
MAX_CHARACTERS = 240

_END = re.compile(r"(?<=[.!?;:])[\"'”’)\]]*\s+|(?<=[。！？；…])[」』”’）]*|\n+")
_ABBREVIATIONS = re.compile(r"(?:^|\s)(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|[A-Z])\.$")


def split_sentences(text: str) -> list[str]:
    """Sentences of ``text`` in order, none empty, none longer than MAX_CHARACTERS, nothing left out."""
    pieces: list[str] = []
    for piece in _END.split(text):
        piece = re.sub(r"\s+", " ", piece).strip()
        if not re.search(r"\w", piece):
            continue
        if pieces and _ABBREVIATIONS.search(pieces[-1]):
            pieces[-1] += " " + piece
        else:
            pieces.append(piece)
    return [part for piece in pieces for part in _cut(piece)]


def _cut(sentence: str) -> list[str]:
    parts = []
    while len(sentence) > MAX_CHARACTERS:
        head = sentence[:MAX_CHARACTERS]
        at = max((m.end() for m in re.finditer(r"[,，、;；:：]\s*", head)), default=0)
        if at < MAX_CHARACTERS // 4:
            at = head.rfind(" ") + 1 or MAX_CHARACTERS
        parts.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [p for p in [*parts, sentence] if re.search(r"\w", p)]
