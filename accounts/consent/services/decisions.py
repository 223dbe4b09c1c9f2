"""What becomes of a recording that answers a challenge: decided by the gates' report or by a reviewer, and granted as a
consent with its receipt.

Every step is one transaction with its log entry. Locks are taken in the order voice, recording, consent.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.consent import receipts
from accounts.consent import selectors as consent_selectors
from accounts.consent.models import (
    MAX_ATTEMPTS_PER_CHALLENGE,
    Challenge,
    Concern,
    Consent,
    DecidedIn,
    Submission,
    VoiceWeights,
)
from accounts.consent.scope import Scope
from accounts.consent.services import checks, rights
from accounts.consent.services.challenges import SCOPE_CHANGED, refuse_closed
from accounts.consent.services.own_weights import close_weights
from accounts.people import permissions
from accounts.people.models import User
from accounts.people.principals import Principal
from accounts.voices.models import Voice
from accounts.voices.services import lock_voice, record
from accounts.voices.states import CheckState, VoiceStatus
from audit.actors import SYSTEM, Actor
from synth.errors import Forbidden

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
        rights.one_at_a_time()
        voice = lock_voice(found.challenge.voice_id)
        submission = _lock_submission(submission_id)
        if submission.state != CheckState.CHECKING:
            return submission
        must_pass = GATES_THAT_MUST_PASS | ({"speaker"} if voice.speaker_embedding else set())
        report = checks.reported(submission, result, must_pass=must_pass)
        decision = report.decision
        if voice.status in (VoiceStatus.REVOKED, VoiceStatus.SUSPENDED):
            decision = CheckState.REJECTED
            submission.reasons = [*report.reasons, voice_closed_reason(voice)]
        elif not _scope_was_acknowledged(submission):
            decision = CheckState.REJECTED
            submission.reasons = [*report.reasons, _reason("scope", "scope_changed", SCOPE_CHANGED)]
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
            concerns = _doubts(submission, voice, report)
            if decision == CheckState.APPROVED and not submission.reasons:
                _grant(submission, voice, actor=SYSTEM, reviewer=None, facts=report.facts())
            else:
                checks.settle(submission, CheckState.NEEDS_REVIEW)
                if concerns:
                    rights.hand_over(submission, voice, concerns)
                facts = {**report.facts(), "decided_by": submission.decided_in}
                _log(SYSTEM, "consent.needs_review", voice, submission, facts)
        checks.announce(submission)
    return submission


def _doubts(submission: Submission, voice: Voice, report: checks.Report) -> list[Concern]:
    """What the report could not know: whose rights it concerns. Says so among the reasons that people are shown."""
    near = rights.neighbours(voice, report.speaker_embedding)
    concerns = rights.concerns_of(submission, voice, near)
    if concerns:
        submission.reasons = [*submission.reasons, rights.told_of_concerns()]
    elif rights.is_registered_again(voice, near):
        submission.reasons = [*submission.reasons, rights.told_of_return()]
    return concerns


def review(*, principal: Principal, submission_id: UUID, approve: bool, note: str = "") -> Submission:
    """A reviewer's decision on a submission that waits for one.

    Doubts of quality and words are decided in the organisation, what concerns somebody else's rights by reviewers of
    the installation (`rights`). Two-person rule: nobody decides on their own voice, nor on a recording or challenge
    they handed in. Raises NotFound ``submission_not_found``; Conflict ``not_waiting_for_review``; AssentError
    ``reason_missing``; Forbidden ``two_person_rule``, ``not_impartial``, ``objection_period``, ``decided_already``,
    ``voice_revoked``, ``voice_suspended``, ``scope_changed``.
    """
    principal.require_person()
    if not consent_selectors.reviews(principal):
        principal.require(permissions.REVIEW_DECIDE)
    found = consent_selectors.get_reviewable(principal, submission_id)
    with transaction.atomic():
        rights.one_at_a_time()
        voice = lock_voice(found.challenge.voice_id)
        submission = _lock_submission(submission_id)
        elsewhere = submission.decided_in == DecidedIn.INSTALLATION
        note = rights.reason_of(principal, note) if elsewhere or not approve else checks.clean_note(note)
        involved = {voice.owner_id, submission.submitted_by_id, submission.challenge.requested_by_id}
        involved |= set(voice.owner_links.values_list("created_by_id", flat=True))
        facts = checks.take_review(submission, principal, note, approve=approve, involved=involved)
        if approve:
            refuse_closed(voice)
            if not _scope_was_acknowledged(submission):
                raise Forbidden("scope_changed", SCOPE_CHANGED)
        if elsewhere and not rights.decide(submission, voice, principal, note, approve=approve):
            return submission
        if approve and not elsewhere and _handed_over(submission, voice):
            return submission
        if approve:
            _grant(submission, voice, actor=principal.actor, reviewer=principal.user, facts=facts)
        else:
            submission.reasons = [*submission.reasons, _reviewer_reason(note)]
            reject(submission, voice, principal.actor, facts, event="consent.reviewed")
        checks.announce(submission)
    return submission


def _handed_over(submission: Submission, voice: Voice) -> bool:
    """Whether the recording came to concern somebody's rights while it waited: then it is not decided here."""
    near = rights.neighbours(voice, submission.clip.speaker_embedding if submission.clip else None)
    concerns = rights.concerns_of(submission, voice, near)
    if concerns:
        rights.hand_over(submission, voice, concerns)
    return bool(concerns)


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
