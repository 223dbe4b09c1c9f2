"""The challenge: the statement that is to be spoken, and the scope that speaking it permits."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from accounts.consent.models import MAX_ATTEMPTS_PER_CHALLENGE, Challenge
from accounts.consent.scope import ANY_EMOTION, DEFAULT_PURPOSES, DEFAULT_VALID_DAYS, Scope, make_scope
from accounts.gates.challenge import ChallengeSpec, make_challenge
from accounts.people import permissions
from accounts.people.models import User
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.languages import recogniser_is_there, refuse_unread
from accounts.voices.models import Voice
from accounts.voices.services import lock_voice, record
from accounts.voices.signals import challenge_wanted
from accounts.voices.states import VoiceStatus
from synth.errors import Forbidden, TooMany

CHALLENGE_LIFETIME = timedelta(minutes=10)
CHALLENGES_PER_DAY = 10
SCOPE_CHANGED = "What was acknowledged is not what this challenge permits. Ask for a new statement."


def issue_challenge(
    *,
    principal: Principal,
    voice_id: UUID | str,
    purposes: Sequence[str] = DEFAULT_PURPOSES,
    languages: Sequence[str] | None = None,
    emotions: Sequence[str] = (ANY_EMOTION,),
    excluded_terms: Sequence[str] = (),
    valid_days: int = DEFAULT_VALID_DAYS,
    custom_weights: bool = False,
    statement_language: str | None = None,
) -> Challenge:
    """A statement to be spoken within ten minutes, permitting exactly the given scope.

    `languages` (default: the voice's own) is what the voice may speak; `statement_language` (default: the
    voice's own) what the statement is spoken in. `Challenge.needs_reviewer` says at once whether a reviewer
    will have to listen.
    Raises TooMany ``challenge_limit_reached`` (ten a day for one person's voices); Forbidden
    ``voice_revoked``, ``voice_suspended``, ``owner_consents_by_link``; AssentError ``scope_invalid``,
    ``days_out_of_range``, ``language_not_offered``; and what the receivers of `challenge_wanted` refuse.
    """
    principal.require(permissions.CONSENT_WRITE)
    voice = voice_selectors.get_voice(principal, voice_id)
    refuse_for_another(principal, voice)
    challenge_wanted.send(sender=Voice, voice=voice)
    language = statement_language or voice.language
    refuse_unread(language, param="statement_language")
    scope = make_scope(
        organisation_id=str(voice.organisation_id),
        languages=[voice.language] if languages is None else languages,
        purposes=purposes,
        emotions=emotions,
        excluded_terms=excluded_terms,
        valid_days=valid_days,
        custom_weights=custom_weights,
    )
    with transaction.atomic():
        # The owner's row serialises the count: ten a day, whichever voice they are for.
        User.objects.select_for_update().get(pk=voice.owner_id)
        voice = lock_voice(voice.pk)
        refuse_closed(voice)
        now = timezone.now()
        _refuse_above_daily_limit(voice, now)
        challenge = _drawn(voice, principal, scope, language, now)
        record(
            principal,
            "consent.challenge_issued",
            voice,
            challenge_id=str(challenge.pk),
            language=language,
            scope_sha256=challenge.scope_sha256,
            expires_at=challenge.expires_at.isoformat(),
        )
    return challenge


def _drawn(voice: Voice, principal: Principal, scope: Scope, language: str, now: datetime) -> Challenge:
    """A challenge with a statement drawn for this voice, this day and this scope."""
    spec = make_challenge(
        person_name=voice.person_name,
        organisation=voice.organisation.name,
        purposes=scope.spoken_purposes,
        date=timezone.localdate(now),
        language=language,
        generator=np.random.default_rng(secrets.randbits(128)),
        heard=recogniser_is_there(),
    )
    return Challenge.objects.create(
        voice=voice,
        requested_by=principal.user,
        language=language,
        statement=spec.statement,
        spec=spec.as_json(),
        scope=scope.as_json(),
        scope_sha256=scope.sha256(),
        created_at=now,
        expires_at=now + CHALLENGE_LIFETIME,
    )


def open_challenge(*, principal: Principal, voice_id: UUID | str) -> Challenge | None:
    """The newest challenge of a voice that the caller asked for and may still answer, if any."""
    voice = voice_selectors.get_voice(principal, voice_id)
    return (
        Challenge.objects.filter(
            voice=voice,
            requested_by=principal.user,
            used_at__isnull=True,
            expires_at__gt=timezone.now(),
            attempts__lt=MAX_ATTEMPTS_PER_CHALLENGE,
        )
        .order_by("-created_at")
        .first()
    )


def refuse_for_another(principal: Principal, voice: Voice) -> None:
    """Only the holder of their link consents for an owner without an account."""
    if not voice.owner.has_account and principal.user.pk != voice.owner_id:
        raise Forbidden("owner_consents_by_link", "This person consents by a link. Send them one.")


def refuse_closed(voice: Voice) -> None:
    if voice.status == VoiceStatus.REVOKED:
        raise Forbidden("voice_revoked", "The consent to this voice was withdrawn for good.")
    if voice.status == VoiceStatus.SUSPENDED:
        raise Forbidden("voice_suspended", "This voice is suspended.")


def _refuse_above_daily_limit(voice: Voice, now: datetime) -> None:
    since = now - timedelta(days=1)
    recent = Challenge.objects.filter(voice__owner=voice.owner_id, created_at__gt=since).order_by(
        "created_at"
    )
    count = recent.count()
    if count >= CHALLENGES_PER_DAY:
        oldest = recent[count - CHALLENGES_PER_DAY]
        raise TooMany(
            "challenge_limit_reached",
            f"At most {CHALLENGES_PER_DAY} challenges a day for one person.",
            measured=count,
            limit=CHALLENGES_PER_DAY,
            retry_after_s=max(1.0, (oldest.created_at - since).total_seconds()),
        )


def challenge_words(challenge: Challenge) -> tuple[str, ...]:
    """The six words that were to be said; none once the voice is erased."""
    return challenge_spec(challenge).word_list if challenge.spec else ()


def challenge_spec(challenge: Challenge) -> ChallengeSpec:
    """What the gates judge by. The decoys in it are never shown. ValueError once the voice is erased."""
    return ChallengeSpec.from_json(challenge.spec)
