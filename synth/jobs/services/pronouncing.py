"""Pronunciations of an organisation: every change makes a new version, and a job names the one it was made with."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db import transaction

from accounts.people.models import Organisation
from accounts.people.permissions import VOICES_WRITE
from accounts.people.principals import Principal
from audit.services import record
from synth.errors import AssentError, Conflict
from synth.jobs import selectors
from synth.jobs.models import DictionaryVersion
from synth.text import dictionary
from synth.text.dictionary import Dictionary, Entry

MAX_WORDS = 1000


def save_dictionary(
    *, principal: Principal, entries: Iterable[Entry], if_version: int | None = None
) -> DictionaryVersion:
    """Make these the organisation's pronunciations; the same words again make no new version.

    ``if_version`` is the version that was read before the change (0: none). Raises AssentError
    ``dictionary_invalid``, ``dictionary_too_long``; Conflict ``dictionary_changed`` when another version is current
    by now.
    """
    return _change(principal, lambda _old: dictionary.checked(entries), if_version)


def put_word(*, principal: Principal, entry: Entry) -> DictionaryVersion:
    """Add a word, in place of any other reading of it."""
    return _change(principal, lambda old: old.with_entry(entry))


def remove_word(*, principal: Principal, language: str, word: str) -> DictionaryVersion:
    """Remove a word; one that is not there is no error."""
    return _change(
        principal,
        lambda old: dictionary.checked(
            entry for entry in old.entries if (entry.language, entry.word) != (language, word)
        ),
    )


def words_of(version: DictionaryVersion | None) -> Dictionary:
    """The pronunciations of a version; none without one."""
    return dictionary.NO_WORDS if version is None else dictionary.load(version.content)


def _change(
    principal: Principal, change: Callable[[Dictionary], Dictionary], if_version: int | None = None
) -> DictionaryVersion:
    principal.require(VOICES_WRITE)
    with transaction.atomic():
        # The organisation's row makes one change wait for the other.
        organisation = Organisation.objects.select_for_update().get(pk=principal.organisation.pk)
        current = selectors.dictionaries(organisation).first()
        version = current.version if current else 0
        if if_version is not None and if_version != version:
            raise Conflict(
                "dictionary_changed",
                "The pronunciations were changed meanwhile; read them again.",
                measured=if_version,
                limit=version,
            )
        changed = change(words_of(current))
        if len(changed.entries) > MAX_WORDS:
            raise AssentError(
                "dictionary_too_long",
                f"A dictionary has at most {MAX_WORDS} words.",
                measured=len(changed.entries),
                limit=MAX_WORDS,
            )
        if not all(text.isprintable() for entry in changed.entries for text in (entry.word, entry.alias)):
            raise AssentError("dictionary_invalid", "A word holds characters that cannot be read.")
        if current is not None and current.sha256 == changed.digest:
            return current
        made = DictionaryVersion.objects.create(
            organisation=organisation,
            version=version + 1,
            content=changed.as_dict(),
            sha256=changed.digest,
            word_count=len(changed.entries),
            created_by=principal.user,
        )
        record(
            event="dictionary.changed",
            actor=principal.actor,
            organisation_id=organisation.pk,
            data={
                "dictionary_id": str(made.pk),
                "dictionary_version": made.version,
                "dictionary_sha256": made.sha256,
                "count": made.word_count,
            },
        )
    return made
