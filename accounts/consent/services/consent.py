"""Consent: asked by a challenge, given by a checked recording, withdrawn at any time.

Every step is one transaction with its log entry. Locks are taken in the order voice, recording, consent.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from accounts.consent import attestations as declarations
from accounts.consent import receipts
from accounts.consent import selectors as consent_selectors
from accounts.consent.models import MAX_ATTEMPTS_PER_CHALLENGE, Challenge, Consent, Submission, VoiceWeights
from accounts.consent.scope import ANY_EMOTION, DEFAULT_PURPOSES, DEFAULT_VALID_DAYS, Scope, make_scope
from accounts.consent.services import checks
from accounts.consent.services.own_weights import close_weights
from accounts.gates.challenge import LANGUAGES as STATEMENT_LANGUAGES
from accounts.gates.challenge import ChallengeSpec, make_challenge
from accounts.people import permissions, texts
from accounts.people.models import User
from accounts.people.principals import Principal
from accounts.voices import recordings
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Voice
from accounts.voices.services import lock_voice, record
from accounts.voices.states import CheckState, VoiceStatus
from audit.actors import SYSTEM, Actor
from synth.errors import AssentError, Conflict, Forbidden, NotFound, TooMany

CHALLENGE_LIFETIME = timedelta(minutes=10)
CHALLENGES_PER_DAY = 10
SOURCES = ("microphone", "upload")
_SCOPE_CHANGED = "What was acknowledged is not what this challenge permits. Ask for a new statement."

# Without these gates passed a machine approves nothing, whatever the report calls its decision.
GATES_THAT_MUST_PASS = frozenset(
    {
        "length",
        "clipping",
        "snr",
        "speech",
        "own_mark",
        "replay",
        "single_speaker",
        "statement",
        "person",
        "organisation",
        "purposes",
        "date",
        "challenge_words",
        "protected_voice",
    }
)


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
    ``voice_revoked``, ``voice_suspended``; AssentError ``scope_invalid``, ``days_out_of_range``,
    ``language_not_offered``.
    """
    principal.require(permissions.CONSENT_WRITE)
    voice = voice_selectors.get_voice(principal, voice_id)
    language = statement_language or voice.language
    if language not in STATEMENT_LANGUAGES:
        raise AssentError(
            "language_not_offered",
            "There is no consent statement in this language.",
            limit=list(STATEMENT_LANGUAGES),
            extra={"param": "statement_language"},
        )
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
        _refuse_closed(voice)
        now = timezone.now()
        _refuse_above_daily_limit(voice, now)
        spec = make_challenge(
            person_name=voice.person_name,
            organisation=voice.organisation.name,
            purposes=scope.spoken_purposes,
            date=timezone.localdate(now),
            language=language,
            generator=np.random.default_rng(secrets.randbits(128)),
        )
        challenge = Challenge.objects.create(
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
    ``voice_revoked``, ``voice_suspended``; Conflict ``check_in_progress``; PayloadTooLarge
    ``upload_too_large``; AssentError ``empty_upload``, ``source_unknown``, ``attestation_missing``,
    ``scope_not_acknowledged``; Unavailable ``queue_full``.
    """
    principal.require(permissions.CONSENT_WRITE)
    if source not in SOURCES:
        raise AssentError(
            "source_unknown", "This is not a source.", limit=list(SOURCES), extra={"param": "source"}
        )
    challenge = consent_selectors.get_challenge(principal, challenge_id)
    recordings.check_size(upload)
    _refuse_spent(challenge, timezone.now())
    _refuse_unacknowledged(challenge, scope_sha256)
    declared = declarations.attested(attestations, language=language)
    checks.refuse_when_full()
    stored = recordings.store(upload)
    try:
        with transaction.atomic():
            voice = lock_voice(challenge.voice_id)
            _refuse_closed(voice)
            challenge.refresh_from_db()
            now = timezone.now()
            _refuse_spent(challenge, now)
            # The voice's lock makes this the only writer; the conditions hold it to the row all the same.
            counted = Challenge.objects.filter(
                pk=challenge.pk,
                used_at__isnull=True,
                expires_at__gt=now,
                attempts__lt=MAX_ATTEMPTS_PER_CHALLENGE,
            ).update(attempts=F("attempts") + 1)
            if not counted:
                raise Forbidden("challenge_used", "This challenge is spent. Ask for a new one.")
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
    except BaseException:
        default_storage.delete(stored.name)
        raise
    return submission


def begin_check(*, submission_id: UUID) -> Submission | None:
    """Claim a submission for checking; None when there is nothing to do. The challenge comes with it."""
    return checks.claim(Submission, submission_id)


def apply_consent_gates(*, submission_id: UUID, result: dict[str, Any]) -> Submission:
    """Decide a submission by its report: approved with consent and signed receipt, reviewed, or rejected.

    One transaction. The second of two reports for one submission changes nothing. Raises ValueError for what
    is no report.
    """
    found = Submission.objects.select_related("challenge").get(pk=submission_id)
    with transaction.atomic():
        voice = lock_voice(found.challenge.voice_id)
        submission = _lock_submission(submission_id)
        if submission.state != CheckState.CHECKING:
            return submission
        must_pass = GATES_THAT_MUST_PASS | ({"speaker"} if voice.speaker_embedding else set())
        report = checks.read_report(result, must_pass=must_pass)
        submission.gates = report.gates
        submission.reasons = report.reasons
        submission.model_versions = report.model_versions
        decision = report.decision
        if voice.status in (VoiceStatus.REVOKED, VoiceStatus.SUSPENDED):
            decision = CheckState.REJECTED
            submission.reasons = [*report.reasons, voice_closed_reason(voice)]
        elif not _scope_was_acknowledged(submission):
            decision = CheckState.REJECTED
            submission.reasons = [*report.reasons, _reason("scope", "scope_changed", _SCOPE_CHANGED)]
        if decision == CheckState.REJECTED:
            reject(submission, voice, SYSTEM, report.facts())
        else:
            submission.clip = checks.make_clip(
                row=submission,
                report=report,
                voice=voice,
                transcript=submission.challenge.statement,
                language=submission.challenge.language,
            )
            Challenge.objects.filter(pk=submission.challenge_id, used_at__isnull=True).update(
                used_at=timezone.now()
            )
            if decision == CheckState.APPROVED:
                _grant(submission, voice, actor=SYSTEM, reviewer=None, facts=report.facts())
            else:
                checks.settle(submission, CheckState.NEEDS_REVIEW)
                _log(SYSTEM, "consent.needs_review", voice, submission, report.facts())
        checks.announce(submission)
    return submission


def review(*, principal: Principal, submission_id: UUID, approve: bool, note: str = "") -> Submission:
    """A reviewer's decision on a submission that waits for one.

    Two-person rule: nobody decides on their own voice, nor on a recording or challenge they handed in.
    Raises NotFound ``submission_not_found``; Conflict ``not_waiting_for_review``; Forbidden
    ``two_person_rule``, ``voice_revoked``, ``voice_suspended``, ``scope_changed``.
    """
    principal.require_person()
    principal.require(permissions.REVIEW_DECIDE)
    note = texts.clean_line(note, field="note", limit=500, required=False)
    found = (
        Submission.objects.select_related("challenge")
        .filter(pk=submission_id, challenge__voice__organisation=principal.organisation)
        .first()
    )
    if found is None:
        raise NotFound("submission_not_found", "There is no such submission.")
    with transaction.atomic():
        voice = lock_voice(found.challenge.voice_id)
        submission = _lock_submission(submission_id)
        if submission.state != CheckState.NEEDS_REVIEW:
            raise Conflict("not_waiting_for_review", f"This submission is {submission.get_state_display()}.")
        involved = {voice.owner_id, submission.submitted_by_id, submission.challenge.requested_by_id}
        if principal.user.pk in involved:
            raise Forbidden(
                "two_person_rule", "Somebody else has to decide on a recording that you handed in."
            )
        submission.decided_by = principal.user
        submission.decision_note = note
        facts = {"decision": "approved" if approve else "rejected", "reviewer_id": str(principal.user.pk)}
        if approve:
            _refuse_closed(voice)
            if not _scope_was_acknowledged(submission):
                raise Forbidden("scope_changed", _SCOPE_CHANGED)
            _grant(submission, voice, actor=principal.actor, reviewer=principal.user, facts=facts)
        else:
            submission.reasons = [*submission.reasons, _reviewer_reason(note)]
            reject(submission, voice, principal.actor, facts, event="consent.reviewed")
        checks.announce(submission)
    return submission


def _grant(
    submission: Submission, voice: Voice, *, actor: Actor, reviewer: User | None, facts: dict[str, Any]
) -> Consent:
    """The consent of an approved submission, with its receipt. Voice and submission are locked."""
    now = timezone.now()
    clip = submission.clip
    if clip is None:
        raise RuntimeError("an approved submission has its clip")
    Consent.objects.filter(voice=voice, closed_as="").update(closed_as=Consent.ClosedAs.SUPERSEDED)
    last = Consent.objects.filter(voice=voice).aggregate(last=Max("version"))["last"] or 0
    scope = Scope.from_json(submission.challenge.scope)
    consent = Consent(
        voice=voice,
        submission=submission,
        version=last + 1,
        scope=submission.challenge.scope,
        valid_from=now,
        valid_until=now + timedelta(days=scope.valid_days),
    )
    signed = receipts.build(
        voice=voice,
        submission=submission,
        clip=clip,
        consent=consent,
        issued_at=now,
        reviewed=reviewer is not None,
    )
    consent.receipt = signed.receipt
    consent.receipt_sha256 = signed.sha256
    consent.receipt_signature = signed.signature
    checks.settle(submission, CheckState.APPROVED)
    consent.save(force_insert=True)
    if not scope.custom_weights:
        close_weights(voice, VoiceWeights.Reason.NOT_PERMITTED, actor)
    voice.speaker_embedding = clip.speaker_embedding
    voice.status = VoiceStatus.ACTIVE
    voice.save(update_fields=["speaker_embedding", "status"])
    granted = {
        "consent_id": str(consent.pk),
        "consent_version": consent.version,
        "receipt_sha256": consent.receipt_sha256,
        "valid_until": consent.valid_until.isoformat(),
        "automatic": reviewer is None,
    }
    event = "consent.approved" if reviewer is None else "consent.reviewed"
    _log(actor, event, voice, submission, {**facts, **granted})
    return consent


def reject(
    submission: Submission, voice: Voice, actor: Actor, facts: dict[str, Any], event: str = "consent.rejected"
) -> None:
    """Settle a locked submission as rejected, let go of its recording, and log it."""
    checks.settle(submission, CheckState.REJECTED)
    checks.drop_recording(submission)
    Challenge.objects.filter(
        pk=submission.challenge_id, used_at__isnull=True, attempts__gte=MAX_ATTEMPTS_PER_CHALLENGE
    ).update(used_at=timezone.now())
    _log(actor, event, voice, submission, facts)


def _log(actor: Actor, event: str, voice: Voice, submission: Submission, facts: dict[str, Any]) -> None:
    record(actor, event, voice, submission_id=str(submission.pk), **facts)


def _lock_submission(submission_id: UUID) -> Submission:
    return (
        Submission.objects.select_for_update(of=("self",))
        .select_related("challenge", "clip")
        .get(pk=submission_id)
    )


def _refuse_closed(voice: Voice) -> None:
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


def _refuse_spent(challenge: Challenge, now: datetime) -> None:
    """Say why a challenge takes no (further) recording. A recording still being checked is a Conflict."""
    waiting = [CheckState.QUEUED, CheckState.CHECKING]
    if Submission.objects.filter(challenge=challenge, state__in=waiting).exists():
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


def _refuse_unacknowledged(challenge: Challenge, scope_sha256: str) -> None:
    if not scope_sha256:
        raise AssentError(
            "scope_not_acknowledged",
            "The person who speaks has to be shown what they permit: send the challenge's scope_sha256 back.",
            extra={"param": "scope_sha256"},
        )
    if scope_sha256 != challenge.scope_sha256:
        raise Forbidden("scope_changed", _SCOPE_CHANGED, extra={"param": "scope_sha256"})


def _scope_was_acknowledged(submission: Submission) -> bool:
    """Whether the consent would permit exactly what the person at the microphone had before their eyes."""
    challenge = submission.challenge
    return challenge.scope_is_intact and submission.acknowledged_scope_sha256 == challenge.scope_sha256


def voice_closed_reason(voice: Voice) -> dict[str, Any]:
    """The reason, as a gate's row, for refusing a recording because of the voice's own state."""
    return _reason("voice", f"voice_{voice.status}", f"The voice is {voice.get_status_display()}.")


def _reviewer_reason(note: str) -> dict[str, Any]:
    return _reason("review", "rejected_by_reviewer", note or "A reviewer did not accept the recording.")


def _reason(name: str, code: str, message: str) -> dict[str, Any]:
    row = {"name": name, "outcome": "fail", "measured": None, "limit": None, "unit": ""}
    return {**row, "code": code, "message": message}


def challenge_words(challenge: Challenge) -> tuple[str, ...]:
    """The six words that were to be said; none once the voice is erased."""
    return challenge_spec(challenge).word_list if challenge.spec else ()


def challenge_spec(challenge: Challenge) -> ChallengeSpec:
    """What the gates judge by. The decoys in it are never shown. ValueError once the voice is erased."""
    return ChallengeSpec.from_json(challenge.spec)
