"""Voices and people that stay protected: the print of a withdrawn voice, and the installation's block list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db import transaction

from accounts.people import texts
from accounts.voices import embeddings, prints
from accounts.voices.models import Protection, Voice
from audit import services as audit
from audit.actors import SYSTEM
from synth.errors import AssentError, NotFound


@dataclass(frozen=True)
class Listed:
    """A line of a block list: a person by name, by voice (speaker embedding, float32 (256,)), or by both."""

    kind: str
    name: str = ""
    note: str = ""
    embedding: np.ndarray | None = None


def keep_print(voice: Voice, *, kind: Protection.Kind = Protection.Kind.WITHDRAWN) -> None:
    """Keep the print of a locked voice that is being withdrawn, bound to its person's name. Again is no error.

    The print of a take-down stays one: whoever handed the voice in does not turn it into their own withdrawal.
    """
    heard = embeddings.from_bytes(voice.speaker_embedding)
    if heard is None:
        return
    if Protection.objects.filter(voice=voice, kind=Protection.Kind.TAKEN_DOWN).exists():
        kind = Protection.Kind.TAKEN_DOWN
    Protection.objects.update_or_create(
        voice=voice,
        defaults={
            "kind": kind,
            "print": prints.print_of(heard),
            "name_key": prints.name_key(voice.person_name),
        },
    )


def decline_print(voice: Voice) -> None:
    """The person wants no print: nobody is kept from registering the voice again."""
    Protection.objects.filter(voice=voice, kind=Protection.Kind.WITHDRAWN).delete()
    voice.print_declined = True
    voice.save(update_fields=["print_declined"])


def add_listed(lines: list[Listed]) -> int:
    """Add lines to the block list, all or none; returns how many were new. A line that is there already is none.

    Raises AssentError ``listed_kind``, ``listed_empty``, ``text_too_long``, ``text_not_printable``.
    """
    with transaction.atomic():
        added = sum(_add(line) for line in lines)
        audit.record(event="blocklist.changed", actor=SYSTEM, data={"count": added, "kind": "added"})
    return added


def remove_listed(name: str) -> int:
    """Take a person off the block list by name; NotFound ``listed_not_found`` for one that is not on it."""
    with transaction.atomic():
        rows = Protection.objects.filter(name_key=prints.name_key(name), kind__in=Protection.LISTED).exclude(
            name=""
        )
        removed = rows.count()
        if not removed:
            raise NotFound("listed_not_found", "There is nobody of this name on the block list.")
        rows.delete()
        audit.record(event="blocklist.changed", actor=SYSTEM, data={"count": removed, "kind": "removed"})
    return removed


def _add(line: Listed) -> bool:
    if line.kind not in Protection.LISTED:
        offered = [str(kind) for kind in Protection.LISTED]
        raise AssentError("listed_kind", f"A line of the list is one of {', '.join(offered)}.", limit=offered)
    name = texts.clean_line(line.name, field="name", limit=80, required=False)
    key = prints.name_key(name)
    print_ = None if line.embedding is None else prints.print_of(line.embedding)
    if not key and print_ is None:
        raise AssentError("listed_empty", "A line of the list has a name or a voice.")
    _, made = Protection.objects.get_or_create(
        kind=line.kind,
        name_key=key,
        print=print_,
        defaults={"name": name, "note": texts.clean_line(line.note, field="note", limit=200, required=False)},
    )
    return made
