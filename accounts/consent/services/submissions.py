"""A recording offered as the answer to a challenge: taken in, or refused at the door."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.core.files.base import File
from django.db.models import F
from django.utils import timezone

from accounts.consent import attestations as declarations
from accounts.consent import selectors as consent_selectors
from accounts.consent.models import MAX_ATTEMPTS_PER_CHALLENGE, Challenge, Submission
from accounts.consent.services import checks
from accounts.consent.services.challenges import SCOPE_CHANGED, refuse_closed, refuse_for_another
from accounts.people import permissions
from accounts.people.principals import Principal
from accounts.voices import recordings
from accounts.voices.services import lock_voice, record
from accounts.voices.states import UNDECIDED
from synth.errors import AssentError, Conflict, Forbidden


def submit_recording(
    *,
    principal: Principal,
    challenge_id: UUID,
    upload: File,
    source: str = "upload",
    scope_sha256: str,
    attestations: Collection[str],
    language: str = "en",
) -> Submission:
    """Offer a recording as the answer to a challenge; a worker checks it (task ``checks.consent``).

    `scope_sha256` is the hash of what the person at the microphone was shown and agrees to;
    `attestations` are the codes of what they declared (all of `accounts.consent.attestations.WORDING`), read in
    `language`. Nothing is decoded here. Raises NotFound ``challenge_not_found``; Forbidden
    ``challenge_expired``, ``challenge_used``, ``challenge_void``, ``scope_changed``, ``attempts_exhausted``,
    ``voice_revoked``, ``voice_suspended``, ``owner_consents_by_link``; Conflict ``check_in_progress``; PayloadTooLarge
    ``upload_too_large``; AssentError ``empty_upload``, ``source_unknown``, ``attestation_missing``,
    ``scope_not_acknowledged``; Unavailable ``queue_full``.
    """
    principal.require(permissions.CONSENT_WRITE)
    checks.refuse_unknown_source(source)
    challenge = consent_selectors.get_challenge(principal, challenge_id)
    refuse_for_another(principal, challenge.voice)
    recordings.check_size(upload)
    _refuse_spent(challenge, timezone.now())
    _refuse_unacknowledged(challenge, scope_sha256)
    declared = declarations.attested(attestations, language=language)
    checks.refuse_when_full()
    with recordings.stored_with_row(upload) as stored:
        voice = lock_voice(challenge.voice_id)
        refuse_closed(voice)
        challenge.refresh_from_db()
        now = timezone.now()
        _refuse_spent(challenge, now)
        _count_attempt(challenge, now)
        submission = Submission.objects.create(
            challenge=challenge,
            upload=stored.name,
            upload_sha256=stored.sha256,
            upload_bytes=stored.size_bytes,
            source=source,
            submitted_by=principal.user,
            acknowledged_scope_sha256=challenge.scope_sha256,
            attestations=declared,
        )
        record(
            principal,
            "consent.recording_submitted",
            voice,
            submission_id=str(submission.pk),
            challenge_id=str(challenge.pk),
            recording_sha256=stored.sha256,
            bytes=stored.size_bytes,
            attempt=challenge.attempts + 1,
            source=source,
            scope_sha256=challenge.scope_sha256,
            attestations=[declaration["code"] for declaration in declared],
        )
        checks.queue_check(submission)
    return submission


def _refuse_spent(challenge: Challenge, now: datetime) -> None:
    """Say why a challenge takes no (further) recording. A recording still being checked is a Conflict."""
    if Submission.objects.filter(challenge=challenge, state__in=UNDECIDED).exists():
        raise Conflict("check_in_progress", "An earlier recording is still being checked.")
    if challenge.attempts >= MAX_ATTEMPTS_PER_CHALLENGE:
        raise Forbidden(
            "attempts_exhausted",
            "This challenge was tried three times. Ask for a new one.",
            measured=challenge.attempts,
            limit=MAX_ATTEMPTS_PER_CHALLENGE,
        )
    if challenge.used_at is not None:
        raise Forbidden("challenge_used", "This challenge is spent. Ask for a new one.")
    if now >= challenge.expires_at:
        raise Forbidden("challenge_expired", "This challenge has expired. Ask for a new one.")
    if not challenge.scope_is_intact:
        raise Forbidden("challenge_void", "What this challenge permits was changed. Ask for a new one.")


def _count_attempt(challenge: Challenge, now: datetime) -> None:
    # The voice's lock makes this the only writer; the conditions hold it to the row all the same.
    counted = Challenge.objects.filter(
        pk=challenge.pk,
        used_at__isnull=True,
        expires_at__gt=now,
        attempts__lt=MAX_ATTEMPTS_PER_CHALLENGE,
    ).update(attempts=F("attempts") + 1)
    if not counted:
        raise Forbidden("challenge_used", "This challenge is spent. Ask for a new one.")


def _refuse_unacknowledged(challenge: Challenge, scope_sha256: str) -> None:
    if not scope_sha256:
        raise AssentError(
            "scope_not_acknowledged",
            "The person who speaks has to be shown what they permit: send the challenge's scope_sha256 back.",
            extra={"param": "scope_sha256"},
        )
    if scope_sha256 != challenge.scope_sha256:
        raise Forbidden("scope_changed", SCOPE_CHANGED, extra={"param": "scope_sha256"})
