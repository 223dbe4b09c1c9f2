"""How far the front-end is from GPT-SoVITS's own: ``python -m synth.text.parity FOLDER``.

The limit measures likeness. A row where the front-end is right and the original is not is listed with the reason
(`REASONS`) and counts for nothing; the limit applies to the rest.

FOLDER holds any of ``text_zh.json``, ``text_en.json``, ``text_ja.json``, ``text_ko.json``, ``text_yue.json`` (rows
with ``text``, ``norm_text``, ``phones``), ``text_segmented.json`` (rows with ``text``, ``lang``, ``ids``) and
``text_cut.json``. Prints the phone error rate of each beside its limit and exits with 1 when one is passed.
"""

from __future__ import annotations

# ruff: noqa: T201
import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from synth.text import cantonese, chinese, cutting_original, english, frontend, japanese, korean

_MODULES: dict[str, ModuleType] = {
    "zh": chinese, "en": english, "ja": japanese, "ko": korean, "yue": cantonese,
}  # fmt: skip
# Largest phone error rates allowed, in percent. ``zh`` is the front-end with the original's readings. Two kinds have no
# limit, since they differ on purpose: ``zh as spoken`` says numbers, units and tones as a person would where the
# original does not, and ``mixed`` tells languages apart and keeps pauses where the original does not.
LIMITS_PERCENT: dict[str, float | None] = {
    "zh": 1.0, "zh as spoken": None, "en": 2.5, "ja": 6.0, "ko": 3.0, "yue": 3.0, "mixed": None, "cut": 0.0,
}  # fmt: skip


# What the original gets wrong: kind of rows, what such a row holds, and the reason. Each names one construction.
REASONS: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (kind, re.compile(pattern), reason)
    for kind, pattern, reason in (
        ("en", r"\b(?:[A-Z]\.){2,}", "initials: the original puts a full stop after each letter"),
        ("en", r"\bthat you read yesterday", "read is past there; the original has the present"),
        ("en", r"\b[Tt]he wind was\b", "the wind blows; the original winds it"),
        ("en", r"\bI live in\b", "live is a verb there; the original has the adjective"),
        ("en", r"\b(?:lead singer|will lead)\b", "to lead; the original has the metal"),
        ("en", r"\b[A-Z]+&[A-Z]+\b", "the original loses & between capitals"),
        ("en", r"\bNASA\b", "an acronym that is read as a word; the original spells it"),
        ("en", r"\w[;:](?= )", "a semicolon or colon is a pause; the original drops it"),
        ("zh as spoken", r"[㎡²³]|\d(?:km/h|m/s)", "a unit that the original loses"),
        ("zh as spoken", r"\d[-~]\d+(?=分钟|小时|天|个|元|人|岁|公里|米)", "a range; the original subtracts"),
        ("zh as spoken", r"(?<!\d)0\d{2,3}-\d{7,8}", "a telephone number; the original subtracts"),
        ("zh as spoken", r"银行行长", "the second 行 keeps its tone"),
        (
            "zh as spoken",
            r"一地的|慢慢地",
            "地 as dì, and de before a verb; the original takes the tone of all",
        ),
        ("zh as spoken", r"[一二三四五六七八九十几]只", "只 is a measure word, zhī"),
        ("zh as spoken", r"[①-⑳]", "an item's number is followed by a pause"),
        ("zh as spoken", r"无处不在", "在 keeps its tone"),
        ("mixed", r"[A-Za-z][，,](?=[^ A-Za-z])", "the original loses the comma after an English word"),
        ("mixed", r"\d:\d\d [AP]M", "the original adds a.m. to a time that has P M"),
        ("mixed", r"\w@\w+\.", "an address: the original loses its signs"),
        ("mixed", r"(?<=[是为])[a-z]+\d{5,}", "a code: the original reads an amount in English"),
        ("mixed", r"Ctrl\+", "a key's name; the original reads an invented word"),
        ("mixed", r"[A-Za-z\d]和[A-Za-z].*\(auto\)", "和 is Chinese there; the original has it in Japanese"),
        (
            "mixed",
            r"[ぁ-ん].*、.*[ぁ-ん].*\(auto\)",
            "a Japanese sentence; the original has a part of it in Chinese",
        ),
        ("mixed", r"银行行长", "the second 行 keeps its tone"),
        (
            "mixed",
            r"\bthat you read yesterday|\b[Tt]he wind was\b",
            "a homograph that the original takes for another",
        ),
        ("ja", r"^Hello", "a Latin word: read as a word rather than letter by letter"),
    )
)


def reason_for(kind: str, text: str) -> str:
    """Why a row differs on purpose, or an empty string."""
    return "; ".join(reason for one, pattern, reason in REASONS if one == kind and pattern.search(text))


@dataclass(frozen=True)
class Difference:
    """A row that is not identical: the words of both sides and how many phones it takes to mend it.

    With a ``reason`` the front-end is right and the original is not: the edits do not count.
    """

    text: str
    theirs: str
    ours: str
    edits: int
    reason: str = ""


@dataclass
class Measured:
    """One kind of rows. ``total`` counts phones of the original (for ``cut``: rows) where it is not wrong."""

    kind: str
    rows: int = 0
    total: int = 0
    edits: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def percent(self) -> float:
        return 100 * self.edits / max(1, self.total)

    @property
    def identical(self) -> int:
        return self.rows - len(self.differences)

    @property
    def corrected(self) -> int:
        """Rows that differ because the original is wrong."""
        return sum(bool(difference.reason) for difference in self.differences)

    @property
    def passes(self) -> bool:
        limit = LIMITS_PERCENT[self.kind]
        return limit is None or self.percent <= limit

    def add(self, text: str, words: tuple[str, str], total: int, distance: int) -> None:
        reason = reason_for(self.kind, text) if distance else ""
        self.rows += 1
        if not reason:
            self.total, self.edits = self.total + total, self.edits + distance
        if distance:
            self.differences.append(Difference(text, *words, distance, reason))


def edits(ours: Sequence[object], theirs: Sequence[object]) -> int:
    """Least number of insertions, deletions and replacements that turn one into the other."""
    row = list(range(len(theirs) + 1))
    for index, phone in enumerate(ours, 1):
        above, row = row, [index]
        for place, other in enumerate(theirs, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (phone != other)))
    return row[-1]


def measured_phones(kind: str, language: str, rows: Sequence[dict[str, Any]], *, original: bool) -> Measured:
    """One language's module against ``phones`` of the rows."""
    module, found = _MODULES[language], Measured(kind)
    manner = {"original": True} if original else {}
    for row in rows:
        words = module.normalize(row["text"], **manner)
        phones, counts = module.phones(words, **manner)
        if counts is not None and (len(counts) != len(words) or sum(counts) != len(phones)):
            raise ValueError(f"phones do not belong to characters in {row['text']}")
        distance = edits(phones, row["phones"])
        found.add(row["text"], (row.get("norm_text", ""), words), len(row["phones"]), distance)
    return found


def measured_mixed(rows: Sequence[dict[str, Any]], *, original: bool = False) -> Measured:
    """The whole front-end, with its telling languages apart, against ``ids`` of the rows."""
    found = Measured("mixed")
    for row in rows:
        sentence = frontend.speakable(row["text"], row["lang"], original=original)
        ids = [number for piece in sentence.pieces for number in piece.ids]
        ours = " | ".join(f"{piece.language}: {piece.norm_text}" for piece in sentence.pieces)
        found.add(
            f"{row['text']} ({row['lang']})",
            (row.get("norm_text", ""), ours),
            len(row["ids"]),
            edits(ids, row["ids"]),
        )
    return found


def measured_cuts(rows: Sequence[dict[str, Any]]) -> Measured:
    """The cut methods; rows where the original fails have no ``pieces`` and are left out."""
    found = Measured("cut")
    for row in rows:
        if "pieces" in row:
            pieces = cutting_original.cut(row["text"], row["lang"], row["method"])
            same = pieces == row["pieces"]
            found.add(row["text"], (" / ".join(row["pieces"]), " / ".join(pieces)), 1, int(not same))
    return found


def measured_folder(folder: Path) -> Iterator[Measured]:
    """Everything that the folder holds."""

    def rows(name: str) -> list[dict[str, Any]]:
        path = folder / f"text_{name}.json"
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return found

    for language in _MODULES:
        if known := rows(language):
            yield measured_phones(language, language, known, original=language == "zh")
            if language == "zh":
                yield measured_phones("zh as spoken", language, known, original=False)
    if known := rows("segmented"):
        yield measured_mixed(known)
    if known := rows("cut"):
        yield measured_cuts(known)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--differences", action="store_true", help="print every row that is not identical")
    options = parser.parse_args(arguments)
    failed = found = False
    for one in measured_folder(options.folder):
        found, failed = True, failed or not one.passes
        limit = LIMITS_PERCENT[one.kind]
        state = "no limit" if limit is None else f"limit {limit:4.1f} %"
        state += "" if limit is None else "  ok" if one.passes else "  TOO FAR"
        print(
            f"text {one.kind:13} {one.percent:6.2f} %  {one.identical} of {one.rows} rows identical,"
            f" {one.corrected} corrected  {state}"
        )
        for difference in one.differences:
            if difference.reason:
                print(f"  {difference.edits:3} {difference.text}\n      {difference.reason}")
            elif options.differences:
                print(
                    f"  {difference.edits:3} {difference.text}\n      {difference.theirs}\n      {difference.ours}"
                )
    if not found:
        print("no text goldens there")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
