"""Further names of voices: what a program says that knows only the names of another service's voices."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.people.permissions import MEMBERS_MANAGE
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from audit.services import record
from audit.subjects import about
from synth.errors import AssentError, NotFound
from synth.jobs import selectors
from synth.jobs.models import VoiceName

OPENAI_NAMES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
"""Voices that OpenAI's speech API has, and programs written for it ask for."""
MAX_NAMES = 100


def set_voice_name(*, principal: Principal, name: str, voice: str) -> VoiceName:
    """Let ``name`` mean one of the organisation's voices; by its owner, in person.

    Raises Forbidden ``scope_missing``, ``person_required``; NotFound ``voice_not_found``; AssentError
    ``voice_name_invalid`` for what is no name, ``voice_name_taken`` for a voice's own, ``too_many_voice_names``.
    """
    principal.require_person()
    principal.require(MEMBERS_MANAGE)
    if not voice_selectors.is_slug(name):
        raise AssentError(
            "voice_name_invalid",
            "A name has 1 to 64 of the characters A-Z, a-z, 0-9, _ and -.",
            measured=name[:64],
            extra={"param": "name"},
        )
    row = voice_selectors.get_voice(principal, voice)
    if row.organisation_id != principal.organisation.pk:
        raise NotFound("voice_not_found", "There is no such voice.")
    if Voice.objects.filter(organisation=principal.organisation, slug=name).exists():
        raise AssentError(
            "voice_name_taken",
            "A voice of your organisation is called so.",
            measured=name,
            extra={"param": "name"},
        )
    with transaction.atomic():
        mine = VoiceName.objects.filter(organisation=principal.organisation)
        before = mine.filter(name=name).first()
        if before is None and mine.count() >= MAX_NAMES:
            raise AssentError("too_many_voice_names", "Remove names that nobody uses.", limit=MAX_NAMES)
        given, _made = VoiceName.objects.update_or_create(
            organisation=principal.organisation, name=name, defaults={"voice": row, "set_by": principal.user}
        )
        _log(principal, name, before.voice_id if before else None, row.pk)
    return given


def remove_voice_name(*, principal: Principal, name: str) -> None:
    """The name means nothing any more. Raises NotFound ``voice_name_not_found``, and Forbidden as `set_voice_name`."""
    principal.require_person()
    principal.require(MEMBERS_MANAGE)
    with transaction.atomic():
        given = (
            selectors.voice_names(principal).filter(name=name).first()
            if voice_selectors.is_slug(name)
            else None
        )
        if given is None:
            raise NotFound("voice_name_not_found", "No voice has this further name.")
        _log(principal, name, given.voice_id, None)
        given.delete()


def _log(principal: Principal, name: str, before: UUID | None, now: UUID | None) -> None:
    record(
        event="settings.changed",
        actor=principal.actor,
        organisation_id=principal.organisation.pk,
        subject=about("organisation", principal.organisation.pk),
        data={
            "setting": f"voice_name.{name}",
            "voice_id": str(now or before),
            "previous_value": str(before or ""),
            "value": str(now or ""),
        },
    )
