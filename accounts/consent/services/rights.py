"""Doubts that concern the rights of somebody else: found when a recording is decided, and decided outside the
organisation that asks.

Whose voice it sounds like is looked up here, in the deciding transaction, and not taken from the worker's report: two
registrations that are measured at the same time cannot miss each other. The other voice's owner is told that there is
such a recording, not whose it is, and may object; until they have answered, or three days have passed, nobody approves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.consent import letters
from accounts.consent import selectors as consent_selectors
from accounts.consent.models import Concern, DecidedIn, ReviewDecision, Submission
from accounts.gates.report import Gate
from accounts.people import texts
from accounts.people.models import Membership
from accounts.people.principals import Principal
from accounts.voices import embeddings, likeness, prints
from accounts.voices.models import Protection, Voice
from accounts.voices.services import record
from accounts.voices.states import CheckState, VoiceStatus
from audit.actors import SYSTEM
from synth.errors import AssentError, Conflict, Forbidden

OBJECTION_PERIOD = timedelta(days=3)
TWO_DECIDE = (Concern.Kind.PROTECTED_VOICE, Concern.Kind.STAY_DOWN)
"""Kinds of concern that two people have to agree on."""

_DECIDING = 0x617373656E74_02  # of PostgreSQL's advisory locks


def one_at_a_time() -> None:
    """Let no other recording be decided until this transaction ends. Before any row is locked: a decision looks at
    every voice, and may name two that other decisions hold."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_DECIDING])


def neighbours(voice: Voice, embedding: bytes | memoryview | None) -> list[likeness.Neighbour]:
    """Whose voices and prints a recording for `voice` sounds like; nobody's where its voiceprint was not measured."""
    heard = embeddings.from_bytes(embedding or None)
    return [] if heard is None else likeness.neighbours(heard, of=voice)


def concerns_of(submission: Submission, voice: Voice, near: list[likeness.Neighbour]) -> list[Concern]:
    """Unsaved concerns of a recording that is about to be accepted, without those that were settled before."""
    found = [*_by_sound(submission, voice, near), *_by_name(submission, voice)]
    met = any(reason["code"] == "protected_voice" for reason in submission.reasons)
    if met and not found and not near:
        # The worker met a likeness that is not there any more, or measured nothing to look for it with.
        found = [Concern(submission=submission, kind=Concern.Kind.PROTECTED_VOICE)]
    settled = set(
        Concern.objects.filter(
            submission__challenge__voice=voice, submission__state=CheckState.APPROVED
        ).values_list("kind", "voice_id", "protection_id")
    )
    return [row for row in found if (row.kind, row.voice_id, row.protection_id) not in settled]


def is_registered_again(voice: Voice, near: list[likeness.Neighbour]) -> bool:
    """Whether the same owner withdrew this voice before, under the same name: a doubt, and nobody else's business."""
    return any(_is_own(other, voice) and _is_withdrawn(other) for other in near)


def hand_over(submission: Submission, voice: Voice, concerns: list[Concern]) -> None:
    """Give a locked submission that waits for a reviewer to those of the installation, and tell whom it concerns."""
    submission.decided_in = DecidedIn.INSTALLATION
    Submission.objects.filter(pk=submission.pk).update(decided_in=DecidedIn.INSTALLATION)
    told: set[UUID] = set()
    for concern in concerns:
        concern.save(force_insert=True)
        other = concern.voice
        if other is None or other.owner_id == voice.owner_id or other.pk in told:
            continue
        told.add(other.pk)
        concern.told_at = timezone.now()
        concern.save(update_fields=["told_at"])
        record(SYSTEM, "voice.likeness_found", other, item=str(concern.pk))
        letters.tell_of_likeness(concern, until=concern.told_at + OBJECTION_PERIOD)


def refer(*, principal: Principal, submission_id: UUID, note: str) -> Submission:
    """A reviewer of the organisation hands a recording over: it may concern a minor, say, or a public figure.

    Raises NotFound ``submission_not_found``; Conflict ``not_waiting_for_review``; AssentError ``reason_missing``.
    """
    note = reason_of(principal, note)
    found = consent_selectors.get_reviewable(principal, submission_id)
    with transaction.atomic():
        submission = Submission.objects.select_for_update(of=("self",)).get(pk=found.pk)
        voice = found.challenge.voice
        if submission.state != CheckState.NEEDS_REVIEW or submission.decided_in != DecidedIn.ORGANISATION:
            raise Conflict("not_waiting_for_review", "This recording does not wait for your decision.")
        hand_over(submission, voice, [Concern(submission=submission, kind=Concern.Kind.REFERRED, note=note)])
        record(principal, "consent.referred", voice, submission_id=str(submission.pk))
    return submission


def decide(submission: Submission, voice: Voice, principal: Principal, reason: str, *, approve: bool) -> bool:
    """Note a decision of one of the installation's reviewers; whether the recording is decided by it.

    Submission and voice are locked. One refusal decides; an approval does once as many have approved as must.
    Raises Forbidden ``not_impartial``, ``objection_period``, ``decided_already``.
    """
    _refuse_partial(submission, voice, principal)
    if ReviewDecision.objects.filter(submission=submission, reviewer=principal.user).exists():
        raise Forbidden(
            "decided_already", "You have decided on this recording. Somebody else has to decide too."
        )
    if approve:
        _refuse_before_answer(submission)
    ReviewDecision.objects.create(
        submission=submission, reviewer=principal.user, approves=approve, reason=reason
    )
    approvals, needed = submission.decisions.filter(approves=True).count(), approvals_needed(submission)
    if approve and approvals < needed:
        record(
            principal,
            "consent.approval_given",
            voice,
            submission_id=str(submission.pk),
            reviewer_id=str(principal.user.pk),
            count=approvals,
        )
        return False
    return True


def approvals_needed(submission: Submission) -> int:
    """How many of the installation's reviewers have to approve: two for voices of others, and against an objection."""
    rows = submission.concerns.all()
    return 2 if any(row.kind in TWO_DECIDE or row.objects_to_it for row in rows) else 1


def answer_likeness(*, principal: Principal, concern_id: UUID, objects: bool, text: str = "") -> Concern:
    """What the owner of a voice says to a recording like it, once: an objection with its text, or that there is none.

    Raises NotFound ``likeness_not_found``; Conflict ``likeness_answered``, ``likeness_decided``; AssentError
    ``text_missing`` for an objection without words.
    """
    found = consent_selectors.get_likeness(principal, concern_id)
    text = texts.clean_line(text, field="objection", limit=1000, required=objects)
    with transaction.atomic():
        # A decision holds this row as well: it counts the answer, or the answer comes too late and is told so.
        submission = Submission.objects.select_for_update().get(pk=found.submission_id)
        concern = Concern.objects.select_for_update(of=("self",)).select_related("voice").get(pk=found.pk)
        if concern.answered_at is not None:
            raise Conflict("likeness_answered", "This was answered already.")
        if submission.state != CheckState.NEEDS_REVIEW:
            raise Conflict("likeness_decided", "The reviewers have decided already.")
        concern.answered_at, concern.objects_to_it, concern.objection = timezone.now(), objects, text
        concern.save(update_fields=["answered_at", "objects_to_it", "objection"])
        if concern.voice is not None:
            decision = "objection" if objects else "no_objection"
            record(
                principal, "voice.likeness_answered", concern.voice, item=str(concern.pk), decision=decision
            )
    return concern


def reason_of(principal: Principal, note: str) -> str:
    """A reviewer's reason, made clean. AssentError ``reason_missing`` where there is none."""
    principal.require_person()
    reason = texts.clean_line(note, field="note", limit=500, required=False)
    if not reason:
        raise AssentError("reason_missing", "Every decision needs a reason.", extra={"param": "note"})
    return reason


def told_of_concerns() -> dict[str, Any]:
    """The reason, as a gate's row, that those who handed a recording in are told; not whose rights it concerns."""
    message = "It may concern the rights of somebody else: reviewers outside your organisation decide."
    return asdict(Gate("review", "review", code="rights_doubt", message=message))


def told_of_return() -> dict[str, Any]:
    """The same for a voice that its own owner withdrew before."""
    message = "This voice was withdrawn before; a reviewer listens."
    return asdict(Gate("review", "review", code="registered_again", message=message))


def _by_sound(submission: Submission, voice: Voice, near: list[likeness.Neighbour]) -> Iterable[Concern]:
    for other in near:
        kind = _kind_of(other, voice)
        if kind is not None:
            yield Concern(
                submission=submission,
                kind=kind,
                voice=other.voice,
                protection=other.protection,
                likeness=round(other.likeness, 3),
            )


def _kind_of(other: likeness.Neighbour, voice: Voice) -> Concern.Kind | None:
    if other.protection is not None and other.protection.kind in Protection.LISTED:
        return Concern.Kind.BLOCKED_VOICE
    if other.voice is None:
        return Concern.Kind.STAY_DOWN
    if other.protection is not None and other.protection.kind == Protection.Kind.TAKEN_DOWN:
        return Concern.Kind.STAY_DOWN
    if other.voice.owner_id == voice.owner_id:
        return None if _is_own(other, voice) else Concern.Kind.SECOND_NAME
    return Concern.Kind.STAY_DOWN if _is_withdrawn(other) else Concern.Kind.PROTECTED_VOICE


def _is_withdrawn(other: likeness.Neighbour) -> bool:
    return other.voice is None or other.voice.status == VoiceStatus.REVOKED


def _is_own(other: likeness.Neighbour, voice: Voice) -> bool:
    """The same owner's voice of the same named person. Of an erased one only the hash of the name is left."""
    if other.voice is None or other.voice.owner_id != voice.owner_id:
        return False
    known = other.protection.name_key if other.protection else prints.name_key(other.voice.person_name)
    return known == prints.name_key(voice.person_name)


def _by_name(submission: Submission, voice: Voice) -> Iterable[Concern]:
    key = prints.name_key(voice.person_name)
    listed = Protection.objects.filter(name_key=key, kind__in=Protection.LISTED)
    for row in listed if key else listed.none():
        yield Concern(submission=submission, kind=Concern.Kind(row.kind), protection=row)


def _refuse_partial(submission: Submission, voice: Voice, principal: Principal) -> None:
    """Nobody decides who belongs to either side."""
    others = [row.voice for row in submission.concerns.select_related("voice") if row.voice is not None]
    people = {voice.owner_id, submission.submitted_by_id, submission.challenge.requested_by_id}
    people |= {other.owner_id for other in others}
    organisations = {voice.organisation_id, *(other.organisation_id for other in others)}
    belongs = Membership.objects.filter(user=principal.user, organisation__in=organisations).exists()
    if belongs or principal.user.pk in people:
        raise Forbidden(
            "not_impartial", "Somebody who belongs to neither side has to decide on this recording."
        )


def _refuse_before_answer(submission: Submission) -> None:
    open_ = (
        submission.concerns.filter(told_at__isnull=False, answered_at__isnull=True)
        .order_by("-told_at")
        .first()
    )
    if open_ is None or open_.told_at is None:
        return
    until = open_.told_at + OBJECTION_PERIOD
    if timezone.now() < until:
        raise Forbidden(
            "objection_period",
            "The owner of the other voice may still object.",
            limit=until.isoformat(timespec="minutes"),
        )
