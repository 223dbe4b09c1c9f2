"""Reads of consents and of what waits for a decision, for those who may see the voice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.consent.models import Challenge, Consent, Submission, VoiceWeights
from accounts.people import permissions
from accounts.people.principals import Principal
from accounts.voices.models import Style, Voice
from accounts.voices.selectors import get_voice, voices
from accounts.voices.states import CheckState
from synth.errors import NotFound

WAITING_FOR_REVIEW = CheckState.NEEDS_REVIEW
SAY_ENDING_WITHIN = timedelta(days=30)


def live_consent(voice: Voice, *, at: datetime | None = None) -> Consent | None:
    """The consent under which `voice` may speak at `at` (now), if any. For display: services check again."""
    moment = at or timezone.now()
    return Consent.objects.filter(
        voice=voice, closed_as="", valid_from__lte=moment, valid_until__gt=moment
    ).first()


def get_consent(principal: Principal, voice: str | UUID) -> Consent:
    """The latest consent of a visible voice, live or not. NotFound ``consent_missing`` if there is none."""
    found = get_voice(principal, voice)
    consent = Consent.objects.filter(voice=found).order_by("-version").first()
    if consent is None:
        raise NotFound("consent_missing", "Nobody has consented to the use of this voice yet.")
    return consent


def get_challenge(principal: Principal, challenge_id: UUID) -> Challenge:
    """A challenge of a visible voice. NotFound ``challenge_not_found``."""
    found = (
        Challenge.objects.select_related("voice", "voice__organisation")
        .filter(pk=challenge_id, voice__in=voices(principal))
        .first()
    )
    if found is None:
        raise NotFound("challenge_not_found", "There is no such challenge.")
    return found


def get_submission(principal: Principal, submission_id: UUID) -> Submission:
    """A submission for a visible voice. NotFound ``submission_not_found``."""
    found = (
        Submission.objects.select_related(
            "challenge", "challenge__voice", "challenge__voice__organisation", "clip"
        )
        .filter(pk=submission_id, challenge__voice__in=voices(principal))
        .first()
    )
    if found is None:
        raise NotFound("submission_not_found", "There is no such submission.")
    return found


def speaking_voices(principal: Principal) -> QuerySet[Voice]:
    """Voices of the caller's organisation that have a live consent now."""
    now = timezone.now()
    live = Consent.objects.filter(closed_as="", valid_from__lte=now, valid_until__gt=now)
    return voices(principal).filter(organisation=principal.organisation, status="active", consents__in=live)


def days_left(voices_: Iterable[Voice]) -> dict[UUID, int]:
    """Whole days until the live consent ends, by voice id, for those whose end is near enough to say so."""
    now = timezone.now()
    rows = Consent.objects.filter(
        voice__in=list(voices_), closed_as="", valid_until__gt=now, valid_until__lte=now + SAY_ENDING_WITHIN
    )
    return {voice: (until - now).days for voice, until in rows.values_list("voice_id", "valid_until")}


def weights_of(voice: Voice) -> VoiceWeights | None:
    """The weights trained for a voice that are there now."""
    return VoiceWeights.objects.filter(voice=voice, removed_at=None).first()


def review_queue(principal: Principal) -> QuerySet[Submission]:
    """Submissions of the organisation that wait for a reviewer, oldest first."""
    principal.require(permissions.REVIEW_DECIDE)
    return (
        Submission.objects.select_related("challenge", "challenge__voice", "challenge__voice__owner", "clip")
        .filter(state=WAITING_FOR_REVIEW, challenge__voice__organisation=principal.organisation)
        .order_by("created_at", "id")
    )


def style_review_queue(principal: Principal) -> QuerySet[Style]:
    """Style clips of the organisation that wait for a reviewer, oldest first."""
    principal.require(permissions.REVIEW_DECIDE)
    return (
        Style.objects.select_related("voice", "voice__owner", "clip")
        .filter(state=WAITING_FOR_REVIEW, voice__organisation=principal.organisation)
        .order_by("created_at", "id")
    )
