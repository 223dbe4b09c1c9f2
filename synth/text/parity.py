"""How far the front-end is from GPT-SoVITS's own: ``python -m synth.text.parity FOLDER``.

FOLDER holds any of ``text_zh.json``, ``text_en.json``, ``text_ja.json``, ``text_ko.json``, ``text_yue.json`` (rows
with ``text``, ``norm_text``, ``phones``), ``text_segmented.json`` (rows with ``text``, ``lang``, ``ids``) and
``text_cut.json``. Prints the phone error rate of each beside its limit and exits with 1 when one is passed.
"""

from __future__ import annotations

# ruff: noqa: T201
import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from synth.text import cantonese, chinese, cutting, english, frontend, japanese, korean

_MODULES: dict[str, ModuleType] = {
    "zh": chinese, "en": english, "ja": japanese, "ko": korean, "yue": cantonese,
}  # fmt: skip
# Largest phone error rates allowed, in percent. ``zh`` is the front-end with the original's readings. Two kinds have no
# limit, since they differ on purpose: ``zh as spoken`` says numbers, units and tones as a person would where the
# original does not, and ``mixed`` tells languages apart and keeps pauses where the original does not.
LIMITS_PERCENT: dict[str, float | None] = {
    "zh": 1.0, "zh as spoken": None, "en": 2.5, "ja": 6.0, "ko": 3.0, "yue": 3.0, "mixed": None, "cut": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """A row that is not identical: the words of both sides and how many phones it takes to mend it."""

    text: str
    theirs: str
    ours: str
    edits: int


@dataclass
class Measured:
    """One kind of rows. ``total`` counts phones of the original (for ``cut``: rows)."""

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
    def passes(self) -> bool:
        limit = LIMITS_PERCENT[self.kind]
        return limit is None or self.percent <= limit

    def add(self, text: str, words: tuple[str, str], total: int, distance: int) -> None:
        self.rows, self.total, self.edits = self.rows + 1, self.total + total, self.edits + distance
        if distance:
            self.differences.append(Difference(text, *words, distance))


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
            pieces = cutting.cut(row["text"], row["lang"], row["method"])
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
            f"text {one.kind:13} {one.percent:6.2f} %  {one.identical} of {one.rows} rows identical  {state}"
        )
        for difference in one.differences if options.differences else ():
            print(
                f"  {difference.edits:3} {difference.text}\n      {difference.theirs}\n      {difference.ours}"
            )
    if not found:
        print("no text goldens there")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
