"""Reads of voices, and the access rule: what a caller may see. What they may not see looks as if it did not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable
from uuid import UUID

import numpy as np
from django.db.models import Q, QuerySet

from accounts.people import permissions
from accounts.people.principals import Principal
from accounts.voices import embeddings
from accounts.voices.models import Clip, Style, Voice
from accounts.voices.states import CheckState
from audit import selectors as audit
from audit.models import Entry
from audit.subjects import about
from synth.common.ids import parse_id
from synth.errors import Forbidden, NotFound

_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_slug(text: str) -> bool:
    return _SLUG.fullmatch(text) is not None


def _reach(principal: Principal) -> Q:
    """The access rule for voices: those of the organisation, and a person's own wherever they are used."""
    reach = Q(pk__in=[])
    if principal.can(permissions.VOICES_READ):
        reach |= Q(organisation=principal.organisation)
    if principal.api_key is None:
        reach |= Q(owner=principal.user)
    return reach


def voices(principal: Principal) -> QuerySet[Voice]:
    """Voices that the caller may see, newest first."""
    return (
        Voice.objects.filter(_reach(principal))
        .select_related("organisation", "owner")
        .order_by("-created_at", "-id")
    )


def get_voice(principal: Principal, voice: str | UUID) -> Voice:
    """One visible voice by id, or by slug within the caller's organisation. NotFound ``voice_not_found``."""
    wanted = parse_id(str(voice))
    if wanted is not None:
        found = voices(principal).filter(pk=wanted).first()
    else:
        # What is no slug names nothing, and need not reach the database (which refuses NUL, say).
        named = voices(principal).filter(organisation=principal.organisation, slug=str(voice))
        found = named.first() if is_slug(str(voice)) else None
    if found is None:
        raise NotFound("voice_not_found", "There is no such voice.")
    return found


def controls(principal: Principal, voice: Voice) -> bool:
    """Whether the caller decides over this voice: its owner, or an owner of the organisation that uses it."""
    if voice.owner_id == principal.user.pk:
        return principal.api_key is None or (
            principal.can(permissions.CONSENT_WRITE) and voice.organisation_id == principal.organisation.pk
        )
    return principal.can(permissions.MEMBERS_MANAGE) and voice.organisation_id == principal.organisation.pk


def get_controlled_voice(principal: Principal, voice: str | UUID) -> Voice:
    """A visible voice that the caller decides over. Forbidden ``not_your_voice`` otherwise."""
    found = get_voice(principal, voice)
    if not controls(principal, found):
        raise Forbidden("not_your_voice", "Only the owner of this voice decides that.")
    return found


def styles(principal: Principal, voice: str | UUID) -> QuerySet[Style]:
    """Styles of a visible voice in every state but removed, by name."""
    return (
        Style.objects.select_related("clip", "voice")
        .filter(voice=get_voice(principal, voice))
        .exclude(state=CheckState.REMOVED)
        .order_by("name", "created_at")
    )


def get_style(principal: Principal, style_id: UUID) -> Style:
    """A style of a visible voice. NotFound ``style_not_found``."""
    found = (
        Style.objects.select_related("clip", "voice", "voice__organisation")
        .filter(pk=style_id, voice__in=voices(principal))
        .exclude(state=CheckState.REMOVED)
        .first()
    )
    if found is None:
        raise NotFound("style_not_found", "There is no such style.")
    return found


def approved_styles(voices_: Iterable[Voice]) -> dict[UUID, list[Style]]:
    """Approved styles by voice id, in one query."""
    grouped: dict[UUID, list[Style]] = {voice.pk: [] for voice in voices_}
    for style in Style.objects.filter(voice__in=list(grouped), state=CheckState.APPROVED).order_by("name"):
        grouped[style.voice_id].append(style)
    return grouped


def get_clip(principal: Principal, clip_id: UUID) -> Clip:
    """A recording that the caller may listen to: the voice's owner and whoever reviews or works with it.

    Auditors see what happened, not the voice itself. NotFound ``clip_not_found``.
    """
    may_listen = principal.can(permissions.REVIEW_DECIDE) or principal.can(permissions.VOICES_WRITE)
    reach = Q(voice__organisation=principal.organisation) if may_listen else Q(pk__in=[])
    if principal.api_key is None:
        reach |= Q(voice__owner=principal.user)
    found = Clip.objects.select_related("voice").filter(reach, pk=clip_id).first()
    if found is None:
        raise NotFound("clip_not_found", "There is no such recording.")
    return found


def ledger(principal: Principal, voice: str | UUID) -> QuerySet[Entry]:
    """Every log entry about a voice, newest first: its consents, and each use that was made or refused.

    For the voice's owner, and for those of the organisation who may read its log.
    """
    return audit.entries_for(subject=about("voice", voice_with_ledger(principal, voice).pk))


def voice_with_ledger(principal: Principal, voice: str | UUID) -> Voice:
    """A visible voice whose uses the caller may read. Forbidden ``scope_missing``, NotFound ``voice_not_found``."""
    found = get_voice(principal, voice)
    auditor = principal.can(permissions.AUDIT_READ) and found.organisation_id == principal.organisation.pk
    if not auditor and not controls(principal, found):
        raise Forbidden("scope_missing", "Only the owner of this voice and auditors read its ledger.")
    return found


# What the checks worker needs to know; no principal, because it serves the service itself.


def known_fingerprints() -> list[tuple[str, bytes]]:
    """Fingerprints of every kept recording, as (clip id, bytes), for the replay gate."""
    rows = Clip.objects.filter(fingerprint__isnull=False)
    return [(str(pk), bytes(data)) for pk, data in rows.values_list("pk", "fingerprint") if data]


def reference_embeddings(voice: Voice) -> list[np.ndarray]:
    """Voiceprints that a new recording of `voice` must match; empty before its first consent."""
    found = embeddings.from_bytes(Voice.objects.values_list("speaker_embedding", flat=True).get(pk=voice.pk))
    return [] if found is None else [found]


def protected_embeddings(voice: Voice) -> list[tuple[str, np.ndarray]]:
    """Voiceprints of other people's voices, as (voice id, vector): a match means somebody else's voice."""
    rows = Voice.objects.filter(speaker_embedding__isnull=False, print_declined=False).exclude(
        owner=voice.owner_id
    )
    return [
        (str(pk), vector)
        for pk, data in rows.values_list("pk", "speaker_embedding")
        if (vector := embeddings.from_bytes(data)) is not None
    ]
