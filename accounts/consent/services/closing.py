"""How a consent ends: revoked by its owner, run out by the clock, erased with everything it rested on."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.consent.models import Challenge, Concern, Consent, ReviewDecision, Submission, VoiceWeights
from accounts.consent.services.decisions import reject, voice_closed_reason
from accounts.consent.services.own_weights import close_weights
from accounts.people import texts
from accounts.people.models import User
from accounts.people.principals import Principal
from accounts.voices import protections, selectors
from accounts.voices.models import Clip, Style, Voice
from accounts.voices.recordings import delete_on_commit
from accounts.voices.services import lock_voice, record
from accounts.voices.signals import voice_erased, voice_revoked
from accounts.voices.states import CheckState, VoiceStatus, move
from audit.actors import SYSTEM

ERASED = "(erased)"


def revoke(*, principal: Principal, voice_id: UUID | str, reason: str = "", keep_print: bool = True) -> Voice:
    """Withdraw the consent of a voice, for good: no job starts, goes on or is released in it any more.

    A one-way print of the voice stays, so that nobody registers it again unseen; not where the voice's owner declines
    it (`keep_print` False). Nobody else can decline it for them.

    By the voice's owner, or an owner of the organisation that uses it. Whoever holds the consent row for a
    release finishes first; everybody later finds a closed consent with a higher version. Again is no error.
    """
    voice = selectors.get_controlled_voice(principal, voice_id)
    reason = texts.clean_line(reason, field="reason", limit=500, required=False)
    keep_print = keep_print or voice.owner_id != principal.user.pk
    with transaction.atomic():
        voice = lock_voice(voice.pk)
        if voice.status == VoiceStatus.REVOKED:
            return voice
        now = timezone.now()
        open_ = Submission.objects.select_for_update(of=("self",)).filter(
            challenge__voice=voice,
            state__in=[CheckState.QUEUED, CheckState.CHECKING, CheckState.NEEDS_REVIEW],
        )
        move(Voice, voice.pk, VoiceStatus.REVOKED)
        voice.status = VoiceStatus.REVOKED
        for submission in open_:
            submission.reasons = [*submission.reasons, voice_closed_reason(voice)]
            reject(submission, voice, principal.actor, {"reasons": ["voice_revoked"]})
        Challenge.objects.filter(voice=voice, used_at__isnull=True).update(used_at=now)
        consent = Consent.objects.select_for_update().filter(voice=voice, closed_as="").first()
        facts: dict[str, Any] = {"revoked_at": now.isoformat()}
        if consent is not None:
            consent.closed_as = Consent.ClosedAs.REVOKED
            consent.revoked_at = now
            consent.revoked_reason = reason
            consent.version += 1
            consent.save(update_fields=["closed_as", "revoked_at", "revoked_reason", "version"])
            facts |= {
                "consent_id": str(consent.pk),
                "consent_version": consent.version,
                "receipt_sha256": consent.receipt_sha256,
            }
        record(principal, "consent.revoked", voice, **facts)
        close_weights(voice, VoiceWeights.Reason.REVOKED, principal.actor)
        voice_revoked.send(sender=Voice, voice=voice, actor=principal.actor)
        if keep_print:
            protections.keep_print(voice)
        else:
            _decline_print(principal, voice)
    return voice


def erase_voice(*, principal: Principal, voice_id: UUID | str, keep_print: bool = True) -> Voice:
    """Revoke, then erase whatever sounds like the person, or names them, or says what was said in their voice.

    Gone: recordings, voiceprints and fingerprints of them, transcripts, names, statements, reports; and through
    the signal `voice_erased`, in the same transaction, the files and texts of every job in this voice. What
    remains: the signed receipts (they hold the statement), the log, hashes, and the marks with the fingerprints
    of released files, by which a copy out in the world is still recognised; and the one-way print of `revoke`, unless
    the voice's owner declines it now. Again is no error.
    """
    voice = selectors.get_controlled_voice(principal, voice_id)
    keep_print = keep_print or voice.owner_id != principal.user.pk
    with transaction.atomic():
        revoke(principal=principal, voice_id=voice.pk, reason="", keep_print=keep_print)
        voice = lock_voice(voice.pk)
        if not keep_print:
            _decline_print(principal, voice)
        elif not voice.print_declined:
            protections.keep_print(voice)
        if voice.erased_at is not None:
            return voice
        now = timezone.now()
        for clip in Clip.objects.select_for_update().filter(voice=voice):
            delete_on_commit(clip.file.name)
        for row in (*Submission.objects.filter(challenge__voice=voice), *Style.objects.filter(voice=voice)):
            delete_on_commit(row.upload.name)
        Submission.objects.filter(challenge__voice=voice).update(
            upload="", gates=[], reasons=[], decision_note=""
        )
        # What reviewers and owners wrote may name somebody.
        ReviewDecision.objects.filter(submission__challenge__voice=voice).update(reason=ERASED)
        Concern.objects.filter(submission__challenge__voice=voice).update(note="")
        Concern.objects.filter(voice=voice).update(objection="")
        Challenge.objects.filter(voice=voice).update(statement="", spec={})
        for style in Style.objects.select_for_update().filter(voice=voice):
            move(Style, style.pk, CheckState.REMOVED, decided_at=now)
        Style.objects.filter(voice=voice).update(
            upload="", transcript="", gates=[], reasons=[], decision_note=""
        )
        erased = Clip.objects.filter(voice=voice).update(
            file="", fingerprint=None, speaker_embedding=None, transcript="", measurements={}
        )
        voice.person_name = ""
        # A voice is often called after its person.
        voice.name = voice.slug = f"erased-{voice.pk.hex[-12:]}"
        voice.speaker_embedding = None
        voice.erased_at = now
        voice.save(update_fields=["person_name", "name", "slug", "speaker_embedding", "erased_at"])
        User.objects.filter(pk=voice.owner_id, has_account=False).update(contact="")
        followed: list[Any] = voice_erased.send(sender=Voice, voice=voice, actor=principal.actor)
        files = sum(count for _receiver, count in followed)
        record(principal, "voice.deleted", voice, count=erased, outputs_affected=files)
    return voice


def _decline_print(principal: Principal, voice: Voice) -> None:
    if not voice.print_declined:
        protections.decline_print(voice)
        record(principal, "voice.print_declined", voice)


def expire_consents(*, now: datetime | None = None) -> int:
    """Close consents whose time is over; returns how many. (`consent_is_live` goes by the clock anyway.)"""
    moment = now or timezone.now()
    due = Consent.objects.filter(closed_as="", valid_until__lte=moment).values_list("voice_id", flat=True)
    return sum(_expire(voice_id, moment) for voice_id in list(due))


def _expire(voice_id: UUID, moment: datetime) -> bool:
    with transaction.atomic():
        voice = lock_voice(voice_id)
        consent = (
            Consent.objects.select_for_update()
            .filter(voice=voice, closed_as="", valid_until__lte=moment)
            .first()
        )
        if consent is None:
            return False
        consent.closed_as = Consent.ClosedAs.EXPIRED
        consent.save(update_fields=["closed_as"])
        move(Voice, voice.pk, VoiceStatus.EXPIRED)
        record(
            SYSTEM,
            "consent.expired",
            voice,
            consent_id=str(consent.pk),
            consent_version=consent.version,
            valid_until=consent.valid_until.isoformat(),
        )
    return True
