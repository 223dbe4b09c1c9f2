"""Where a file differs from its record, in words: what was released there, and what is heard there now.

The signed report names seconds and never a word, since whoever has the file may ask about it; what was said is for
those who had it said. The rooms above know a record's words and hand them in (`add_source`); what is heard in the file
is kept with the answer, for the organisation that asked (`worker.verification`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.people.principals import Principal
from synth.spoken.placing import Placed
from watermark import selectors
from watermark.models import Verification
from watermark.reading.findings import EDITS

#: A word belongs to a passage with half of its length, or with this much of it: borders are within a tenth of a second.
_SHARE, _LEAST_S = 0.5, 0.15
_WITH_SOUND = ("changed", "put_in", "moved", "unmarked")


@dataclass(frozen=True)
class Said:
    """The text of a record, and when each of its words is spoken in the released file."""

    text: str
    words: Sequence[Placed]

    def between(self, start_s: float | None, end_s: float | None) -> str:
        """What is said there, as it is written; "" where no word is."""
        if start_s is None or end_s is None:
            return ""
        inside = [word for word in self.words if _lies_in(word.start_s, word.end_s, start_s, end_s)]
        return self.text[inside[0].start : inside[-1].end] if inside else ""


Source = Callable[[Principal, Collection[UUID]], Mapping[UUID, Said]]
_sources: list[Source] = []


def add_source(source: Source) -> None:
    """Name a function that knows the words of records: of those that a principal may read."""
    if source not in _sources:
        _sources.append(source)


def passages(query: Verification, principal: Principal | None) -> list[dict[str, Any]]:
    """Every passage of an answered query that is not as released and whose words ``principal`` may read:
    ``start_s``, ``end_s``, ``kind``, ``record_id``, ``released`` (the words that the record has there, "" where it has
    none) and ``heard`` (what the recogniser hears in the file there, if that is something else; None where it did not
    listen, or fills in the word that was there)."""
    edits = _edits(query.report or {})
    if principal is None or not edits:
        return []
    ids = {UUID(one["record_id"]) for one in edits}
    said = {key: record for source in _sources for key, record in source(principal, ids).items()}
    heard = query.heard if principal.organisation.pk == query.organisation_id else None
    return [
        {
            **{name: one[name] for name in ("start_s", "end_s", "kind", "record_id")},
            "released": (released := record.between(one.get("record_start_s"), one.get("record_end_s"))),
            "heard": _heard_in(heard or [], one, but=released),
        }
        for one in edits
        if (record := said.get(UUID(one["record_id"]))) is not None
    ]


def to_hear(query: Verification, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The passages whose words in the file are worth hearing: sound that differs from a record of the organisation that
    asks. Nobody else is told them, so nobody else's are listened to."""
    edits = [one for one in _edits(report) if one["kind"] in _WITH_SOUND]
    ids = {UUID(one["record_id"]) for one in edits}
    if len({one["channel"] for one in edits}) > 1:  # words are kept without their channel
        return []
    if query.organisation_id is None or not selectors.are_of(query.organisation_id, ids):
        return []
    return edits


def _edits(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Intervals that are not as released. Sound without our mark is beside the one record that the report names."""
    named = [record["record_id"] for record in report.get("records", [])]
    found = [one for one in report.get("intervals", []) if one["kind"] in EDITS and one["record_id"]]
    if len(named) == 1:
        beside = [one for one in report["intervals"] if one["kind"] == "unmarked"]
        found += [{**one, "record_id": named[0]} for one in beside]
    return sorted(found, key=lambda one: float(one["start_s"]))


def _heard_in(words: Sequence[Sequence[Any]], passage: Mapping[str, Any], *, but: str) -> str | None:
    inside = [
        text
        for text, start_ms, end_ms in words
        if _lies_in(start_ms / 1000, end_ms / 1000, passage["start_s"], passage["end_s"])
    ]
    heard = "".join(inside).strip()
    # Of a word that is gone the recogniser often writes what its neighbours make likely, which is that word.
    if not heard or passage["kind"] not in _WITH_SOUND or _plain(heard) == _plain(but):
        return None
    return heard


def _plain(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _lies_in(word_start_s: float, word_end_s: float, start_s: float, end_s: float) -> bool:
    inside_s = min(word_end_s, end_s) - max(word_start_s, start_s)
    return inside_s > 0 and inside_s >= min(_LEAST_S, _SHARE * (word_end_s - word_start_s))
