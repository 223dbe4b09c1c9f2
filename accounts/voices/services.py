"""Voices: registered, locked, written about in the log."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.db import transaction

from accounts.people import permissions, texts
from accounts.people.models import Organisation
from accounts.people.principals import Principal
from accounts.people.services import person_without_account
from accounts.voices.languages import refuse_unread
from accounts.voices.models import Voice
from audit import services as audit
from audit.actors import Actor
from audit.subjects import about
from synth.errors import AssentError

MAX_VOICES_PER_ORGANISATION = 500


def register_voice(
    *, principal: Principal, name: str, person_name: str, language: str, owner_by_link: bool = False
) -> Voice:
    """Register the voice of `person_name`; the caller becomes its owner. It cannot speak before a consent.

    With `owner_by_link` its owner is that person, who has no account here and consents by a link that is sent to them
    (`accounts.consent.services.links`); nobody else can.

    Raises AssentError ``text_missing``, ``text_too_long``, ``text_not_printable``, ``language_not_offered``,
    ``too_many_voices``; Forbidden ``scope_missing``.
    """
    principal.require(permissions.VOICES_WRITE)
    name = texts.clean_line(name, field="name", limit=80)
    person_name = texts.clean_line(person_name, field="person_name", limit=80)
    refuse_unread(language, param="language")
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(pk=principal.organisation.pk)
        count = Voice.objects.filter(organisation=organisation, erased_at__isnull=True).count()
        if count >= MAX_VOICES_PER_ORGANISATION:
            raise AssentError(
                "too_many_voices",
                "The organisation has as many voices as it may.",
                measured=count,
                limit=MAX_VOICES_PER_ORGANISATION,
            )
        voice = Voice.objects.create(
            organisation=organisation,
            owner=person_without_account() if owner_by_link else principal.user,
            name=name,
            slug=_free_slug(organisation, name),
            language=language,
            person_name=person_name,
        )
        record(principal, "voice.registered", voice, language=language)
    return voice


def lock_voice(voice_id: UUID) -> Voice:
    """The voice's row, locked. Locks are taken in the order voice, recording, consent, everywhere."""
    return (
        Voice.objects.select_for_update(of=("self",)).select_related("organisation", "owner").get(pk=voice_id)
    )


def record(
    who: Principal | Actor, event: str, voice: Voice, *, once: str | None = None, **data: object
) -> None:
    """One log entry about `voice`, in its ledger; with the idempotency key `once` no second one."""
    audit.record(
        event=event,
        actor=who if isinstance(who, Actor) else who.actor,
        organisation_id=voice.organisation_id,
        subject=about("voice", voice.pk),
        data={"voice_id": str(voice.pk), **data},
        idempotency_key=once,
    )


def _free_slug(organisation: Organisation, name: str) -> str:
    base = texts.slug_from(name, limit=48, fallback="voice")
    slug = base
    while Voice.objects.filter(organisation=organisation, slug=slug).exists():
        slug = f"{base}-{secrets.token_hex(3)}"
    return slug
