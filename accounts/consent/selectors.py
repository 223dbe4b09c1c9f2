"""Reads of consents and of what waits for a decision, for those who may see the voice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.consent.models import Challenge, Concern, Consent, DecidedIn, Submission, VoiceWeights
from accounts.consent.scope import Scope
from accounts.people import permissions
from accounts.people.models import Membership
from accounts.people.principals import Principal
from accounts.voices.models import Clip, Style, Voice
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
        Challenge.objects.select_related("voice", "voice__organisation", "voice__owner")
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


def scopes_in_force(voices_: Iterable[Voice]) -> dict[UUID, Scope]:
    """What each voice may be used for now, by voice id; in one query. For display: services check again."""
    now = timezone.now()
    rows = Consent.objects.filter(
        voice__in=list(voices_), closed_as="", valid_from__lte=now, valid_until__gt=now
    )
    return {consent.voice_id: Scope.from_json(consent.scope_in_force) for consent in rows}


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


def reviews(principal: Principal) -> bool:
    """Whether the caller is a reviewer of anything: of their organisation, or of the installation."""
    return principal.can(permissions.REVIEW_DECIDE) or _reviews_for_installation(principal)


def _reviews_for_installation(principal: Principal) -> bool:
    return principal.api_key is None and principal.user.is_reviewer


def _reviewable(principal: Principal) -> QuerySet[Submission]:
    """Recordings whose doubts the caller may decide: doubts of quality in their organisation; for the installation's
    reviewers what concerns somebody's rights, in every organisation that they do not belong to."""
    reach = Q(pk__in=[])
    if principal.can(permissions.REVIEW_DECIDE):
        reach |= Q(decided_in=DecidedIn.ORGANISATION, challenge__voice__organisation=principal.organisation)
    if _reviews_for_installation(principal):
        own = Membership.objects.filter(user=principal.user).values("organisation")
        reach |= Q(decided_in=DecidedIn.INSTALLATION) & ~Q(challenge__voice__organisation__in=own)
    return Submission.objects.select_related(
        "challenge", "challenge__voice", "challenge__voice__owner", "challenge__voice__organisation", "clip"
    ).filter(reach)


def get_reviewable(principal: Principal, submission_id: UUID) -> Submission:
    """A recording that the caller may decide or has decided on. NotFound ``submission_not_found``."""
    found = _reviewable(principal).filter(pk=submission_id).first()
    if found is None:
        raise NotFound("submission_not_found", "There is no such submission.")
    return found


def review_queue(principal: Principal) -> QuerySet[Submission]:
    """Recordings that wait for the caller's decision, oldest first; not those that they have decided on already."""
    if not reviews(principal):
        principal.require(permissions.REVIEW_DECIDE)
    waiting = _reviewable(principal).filter(state=WAITING_FOR_REVIEW)
    return waiting.exclude(decisions__reviewer=principal.user).order_by("created_at", "id")


def compared_clips(submission: Submission) -> list[tuple[str, Concern | None, Clip]]:
    """What a reviewer hears beside a recording: ("concern" or "earlier", the concern, the latest kept recording)."""
    found: list[tuple[str, Concern | None, Clip]] = []
    for concern in submission.concerns.select_related("voice").order_by("created_at", "id"):
        clip = _kept(concern.voice) if concern.voice is not None else None
        if clip is not None:
            found.append(("concern", concern, clip))
    earlier = _kept(submission.challenge.voice, without=submission)
    return [*found, ("earlier", None, earlier)] if earlier is not None else found


def _kept(voice: Voice, without: Submission | None = None) -> Clip | None:
    clips = Clip.objects.filter(voice=voice, kind=Clip.Kind.CONSENT).exclude(file="")
    if without is not None and without.clip_id is not None:
        clips = clips.exclude(pk=without.clip_id)
    return clips.order_by("-created_at").first()


def get_review_clip(principal: Principal, submission_id: UUID, clip_id: UUID) -> Clip:
    """A recording that the caller may hear because they review `submission_id`: its own, or one beside it.

    NotFound ``clip_not_found`` once it is decided: what is heard for a decision is heard until the decision.
    """
    submission = get_reviewable(principal, submission_id)
    clips = [submission.clip, *(clip for _, _, clip in compared_clips(submission))]
    found = next((clip for clip in clips if clip is not None and clip.pk == clip_id), None)
    if found is None or submission.state != WAITING_FOR_REVIEW:
        raise NotFound("clip_not_found", "There is no such recording.")
    return found


def likenesses(principal: Principal) -> QuerySet[Concern]:
    """Recordings of others that sounded like the caller's own voices, and of which they were told; newest first."""
    if principal.api_key is not None:
        return Concern.objects.none()
    return (
        Concern.objects.select_related("voice", "submission")
        .filter(voice__owner=principal.user, told_at__isnull=False)
        .order_by("-told_at", "-id")
    )


def get_likeness(principal: Principal, concern_id: UUID) -> Concern:
    """One of `likenesses`. NotFound ``likeness_not_found``."""
    found = likenesses(principal).filter(pk=concern_id).first()
    if found is None:
        raise NotFound("likeness_not_found", "There is nothing of this kind about a voice of yours.")
    return found


def style_review_queue(principal: Principal) -> QuerySet[Style]:
    """Style clips of the organisation that wait for a reviewer, oldest first; none for those who review only for the
    installation."""
    if not principal.can(permissions.REVIEW_DECIDE) and _reviews_for_installation(principal):
        return Style.objects.none()
    principal.require(permissions.REVIEW_DECIDE)
    return (
        Style.objects.select_related("voice", "voice__owner", "clip")
        .filter(state=WAITING_FOR_REVIEW, voice__organisation=principal.organisation)
        .order_by("created_at", "id")
    )
