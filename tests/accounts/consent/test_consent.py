"""From challenge to consent, receipt, review, revocation, expiry, erasure: through the services."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.consent import receipts
from accounts.consent import selectors as consent_selectors
from accounts.consent import services as consent_services
from accounts.consent.models import Challenge, Consent, Submission
from accounts.consent.services import checks
from accounts.people import services as people_services
from accounts.people.permissions import Role
from accounts.voices import recordings
from accounts.voices import selectors as voice_selectors
from accounts.voices import services as voice_services
from accounts.voices.languages import recogniser_is_there, statement_languages
from accounts.voices.models import Clip, Style, Voice
from accounts.voices.states import CheckState
from audit.models import Entry
from synth.errors import AssentError, Conflict, Forbidden, NotFound, PayloadTooLarge, TooMany, Unavailable
from tests import factories
from tests.accounts.conftest import answer, answered, gate, report, take, waiting_for_review

pytestmark = pytest.mark.django_db


def code_of(action):
    with pytest.raises(AssentError) as refusal:
        action()
    return refusal.value.code


def ledger_events(voice):
    return list(
        Entry.objects.filter(subject=f"voice:{voice.pk}").order_by("id").values_list("event", flat=True)
    )


# Challenges


def test_a_challenge_names_person_organisation_and_day(owner, voice):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    assert "Ada Byron" in challenge.statement
    assert owner.organisation.name in challenge.statement
    assert challenge.expires_at - challenge.created_at == timedelta(minutes=10)
    other = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    assert other.statement != challenge.statement


def test_a_language_without_recogniser_says_so_at_once(owner, settings, tmp_path):
    settings.ASSENT_MODELS_DIR = tmp_path
    voice = voice_services.register_voice(principal=owner, name="Li", person_name="李雷", language="zh")
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    assert challenge.needs_reviewer == ("language_needs_reviewer",)
    with pytest.raises(AssentError) as refusal:
        voice_services.register_voice(principal=owner, name="Lu", person_name="Lucía Vega", language="es")
    assert (refusal.value.code, refusal.value.limit) == ("language_not_offered", ["en", "zh"])
    assert "not installed" in str(refusal.value)


@pytest.mark.skipif(not recogniser_is_there(), reason="the model of the recogniser is not installed")
def test_every_language_of_the_recogniser_has_a_statement(owner):
    for language in statement_languages():
        voice = voice_services.register_voice(principal=owner, name="V", person_name="Lea", language=language)
        challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
        assert (challenge.language, len(consent_services.challenge_words(challenge))) == (language, 6)


def test_ten_challenges_a_day_for_one_person_whatever_the_voice(owner, voice):
    second = voice_services.register_voice(principal=owner, name="B", person_name="Ada Byron", language="en")
    for number in range(10):
        consent_services.issue_challenge(principal=owner, voice_id=(voice, second)[number % 2].pk)
    with pytest.raises(TooMany) as refusal:
        consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    assert refusal.value.code == "challenge_limit_reached"
    assert 86000 < refusal.value.retry_after_s <= 86400


def test_scope_is_checked_and_kept(owner, voice):
    def issue(**scope):
        return consent_services.issue_challenge(principal=owner, voice_id=voice.pk, **scope)

    assert code_of(lambda: issue(purposes=["anything"])) == "scope_invalid"
    assert code_of(lambda: issue(purposes=[])) == "scope_invalid"
    assert code_of(lambda: issue(languages=["xx"])) == "scope_invalid"
    assert code_of(lambda: issue(emotions=["Very Sad"])) == "scope_invalid"
    assert code_of(lambda: issue(valid_days=731)) == "days_out_of_range"
    assert code_of(lambda: issue(valid_days=0)) == "days_out_of_range"
    challenge = issue(purposes=["dubbing"], languages=["en", "zh"], valid_days=30)
    assert challenge.scope["purposes"] == ["dubbing"]
    assert challenge.scope["organisation"] == str(owner.organisation.pk)
    assert "advertising" not in issue().scope["purposes"]


def test_auditors_and_reviewers_ask_for_no_challenge(owner, voice):
    for role in (Role.AUDITOR, Role.REVIEWER):
        member = factories.member_principal(owner, role)
        with pytest.raises(Forbidden):
            consent_services.issue_challenge(principal=member, voice_id=voice.pk)


# Recordings


def test_a_recording_is_stored_hashed_and_queued_on_commit(
    owner, voice, sent, django_capture_on_commit_callbacks
):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    with django_capture_on_commit_callbacks(execute=True):
        submission = consent_services.submit_recording(
            principal=owner,
            challenge_id=challenge.pk,
            upload=take(b"RIFFdata"),
            **factories.acknowledged(challenge),
        )
    assert sent == [("checks.consent", str(submission.pk))]
    assert submission.upload.name.startswith("recordings/") and "take" not in submission.upload.name
    with default_storage.open(submission.upload.name) as file:
        assert file.read() == b"RIFFdata"
    assert submission.state == CheckState.QUEUED


def test_size_is_bounded_and_nothing_is_left(owner, voice, monkeypatch):
    monkeypatch.setattr(recordings, "MAX_BYTES", 10)
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    with pytest.raises(PayloadTooLarge) as refusal:
        consent_services.submit_recording(
            principal=owner,
            challenge_id=challenge.pk,
            upload=take(b"x" * 11),
            **factories.acknowledged(challenge),
        )
    assert (refusal.value.measured, refusal.value.limit) == (11, 10)
    empty = code_of(
        lambda: consent_services.submit_recording(
            principal=owner, challenge_id=challenge.pk, upload=take(b""), **factories.acknowledged(challenge)
        )
    )
    assert empty == "empty_upload"
    assert not default_storage.exists("recordings")
    assert Challenge.objects.get(pk=challenge.pk).attempts == 0


def test_a_failed_row_leaves_no_file(owner, voice, monkeypatch):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    monkeypatch.setattr(checks, "queue_check", lambda row: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        consent_services.submit_recording(
            principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
        )
    assert default_storage.listdir("recordings")[1] == []


def test_three_attempts_then_no_more(owner, voice):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    for _ in range(3):
        submission = answer(owner, challenge.pk)
        consent_services.apply_consent_gates(
            submission_id=submission.pk, result=report(gate("challenge_words", "fail", "wrong_words"))
        )
    again = code_of(
        lambda: consent_services.submit_recording(
            principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
        )
    )
    assert again == "attempts_exhausted"
    assert Challenge.objects.get(pk=challenge.pk).used_at is not None


def test_one_recording_at_a_time(owner, voice):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    consent_services.submit_recording(
        principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
    )
    with pytest.raises(Conflict):
        consent_services.submit_recording(
            principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
        )


def test_a_challenge_is_used_once(owner, voice):
    submission = answered(owner, voice)
    consent_services.apply_consent_gates(submission_id=submission.pk, result=report())
    again = code_of(
        lambda: consent_services.submit_recording(
            principal=owner,
            challenge_id=submission.challenge_id,
            upload=take(),
            **factories.acknowledged(submission.challenge),
        )
    )
    assert again == "challenge_used"


def test_ten_minutes_are_ten_minutes(owner, voice, time_machine_at):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    time_machine_at(challenge.expires_at)
    late = code_of(
        lambda: consent_services.submit_recording(
            principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
        )
    )
    assert late == "challenge_expired"


def test_a_full_queue_takes_no_more(owner, voice, settings):
    settings.ASSENT_CHECKS_QUEUE_LIMIT = 0
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    with pytest.raises(Unavailable) as refusal:
        consent_services.submit_recording(
            principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
        )
    assert refusal.value.code == "queue_full"


# Decisions


def test_a_passing_report_founds_a_consent_with_receipt(owner, voice):
    submission = answered(owner, voice)
    submission = consent_services.apply_consent_gates(submission_id=submission.pk, result=report())
    assert submission.state == CheckState.APPROVED
    consent = Consent.objects.get(voice=voice)
    voice.refresh_from_db()
    assert (voice.status, consent.version) == ("active", 1)
    assert voice.speaker_embedding is not None
    assert consent.valid_until - consent.valid_from == timedelta(days=365)
    assert receipts.signature_is_valid(consent.receipt, consent.receipt_signature)
    assert consent.receipt["collection"]["recording_sha256"] == submission.upload_sha256
    assert ledger_events(voice)[-1] == "consent.approved"


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (report(gate("own_mark", "fail", "synthetic_source")), "rejected"),
        (report(gate("replay", "fail", "replayed_recording"), decision="approved"), "rejected"),
        (report(gate("person", "review", "person_needs_reviewer")), "needs_review"),
        (report(gate("statement", "skipped")), "needs_review"),
        (report(without=("own_mark",)), "needs_review"),
        (report(without=("challenge_words",)), "needs_review"),
        (report(decision="needs_review"), "needs_review"),
        (report(decision="rejected"), "needs_review"),
        (report(gates=[]), "needs_review"),
    ],
)
def test_the_decision_is_derived_from_the_gates_alone(owner, voice, result, state):
    submission = answered(owner, voice)
    submission = consent_services.apply_consent_gates(submission_id=submission.pk, result=result)
    assert submission.state == state
    assert not Consent.objects.filter(voice=voice).exists()


def test_a_renewal_must_match_the_known_voice(owner, speaking):
    submission = answered(owner, speaking)
    submission = consent_services.apply_consent_gates(submission_id=submission.pk, result=report())
    assert submission.state == CheckState.NEEDS_REVIEW  # no speaker gate in the report
    renewed = answered(owner, speaking)
    consent_services.apply_consent_gates(submission_id=renewed.pk, result=report(gate("speaker", "pass")))
    first, second = Consent.objects.filter(voice=speaking).order_by("version")
    assert (first.closed_as, second.closed_as, second.version) == ("superseded", "", 2)
    assert second.receipt["previous_receipt_hash"] == first.receipt_sha256
    assert not consent_services.consent_is_live(consent_id=first.pk, version=first.version)


def test_a_rejected_recording_is_not_kept(owner, voice, django_capture_on_commit_callbacks):
    submission = answered(owner, voice)
    name = submission.upload.name
    with django_capture_on_commit_callbacks(execute=True):
        submission = consent_services.apply_consent_gates(
            submission_id=submission.pk, result=report(gate("snr", "fail", "too_noisy"))
        )
    assert not default_storage.exists(name)
    submission.refresh_from_db()
    assert (submission.upload.name, submission.clip) == ("", None)
    assert [reason["code"] for reason in submission.reasons] == ["too_noisy"]


def test_what_does_not_decode_is_rejected_with_its_code(owner, voice):
    submission = answered(owner, voice)
    error = AssentError("decode_failed", "This file does not decode.", measured=3, limit=1)
    submission = consent_services.apply_consent_gates(
        submission_id=submission.pk, result=consent_services.result_of_refusal(error)
    )
    assert (submission.state, submission.reasons[0]["code"]) == ("rejected", "decode_failed")


def test_a_second_report_changes_nothing(owner, voice):
    submission = answered(owner, voice)
    consent_services.apply_consent_gates(
        submission_id=submission.pk, result=report(gate("snr", "fail", "too_noisy"))
    )
    again = consent_services.apply_consent_gates(submission_id=submission.pk, result=report())
    assert again.state == CheckState.REJECTED
    assert not Consent.objects.exists()


def test_nonsense_is_no_report(owner, voice):
    submission = answered(owner, voice)
    for nonsense in ({"gates": [{"name": "snr", "outcome": "great"}]}, report(fingerprint="%%%")):
        with pytest.raises(ValueError):
            consent_services.apply_consent_gates(submission_id=submission.pk, result=nonsense)
    submission.refresh_from_db()
    assert submission.state == CheckState.CHECKING


def test_a_voice_revoked_meanwhile_gets_no_consent(owner, voice):
    submission = answered(owner, voice)
    consent_services.revoke(principal=owner, voice_id=voice.pk)
    submission = consent_services.apply_consent_gates(submission_id=submission.pk, result=report())
    assert submission.state == CheckState.REJECTED
    assert not Consent.objects.exists()


# Claims, lost workers


def test_a_submission_is_claimed_once(owner, voice):
    submission = answered(owner, voice)
    assert consent_services.begin_check(submission_id=submission.pk) is None
    assert checks.beat(Submission, submission.pk)


def test_a_lost_worker_gives_the_submission_back_three_times(owner, voice, sent):
    submission = answered(owner, voice)
    long_ago = timezone.now() - timedelta(minutes=5)
    for claim in (2, 3):
        Submission.objects.filter(pk=submission.pk).update(heartbeat=long_ago)
        assert consent_services.requeue_lost() == 1
        assert sent[-1] == ("checks.consent", str(submission.pk))
        assert consent_services.requeue_lost() == 0  # just sent: no flood
        claimed = consent_services.begin_check(submission_id=submission.pk)
        assert claimed is not None and claimed.claims == claim
    Submission.objects.filter(pk=submission.pk).update(heartbeat=long_ago)
    consent_services.requeue_lost()
    submission.refresh_from_db()
    assert (submission.state, submission.reasons[0]["code"]) == ("rejected", "check_failed")
    assert (submission.upload.name, submission.reasons[0]["measured"]) == ("", 3)
    entries = Entry.objects.filter(event="consent.rejected")
    assert [entry.content["data"]["submission_id"] for entry in entries] == [str(submission.pk)]
    assert not checks.beat(Submission, submission.pk)


def test_a_task_that_the_queue_lost_is_sent_again(owner, voice, sent):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    submission = consent_services.submit_recording(
        principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
    )
    assert consent_services.requeue_lost() == 0
    Submission.objects.filter(pk=submission.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert consent_services.requeue_lost() == 1
    assert sent[-1] == ("checks.consent", str(submission.pk))


def test_orphaned_files_are_swept_and_kept_ones_stay(owner, speaking, monkeypatch):
    orphan = default_storage.save(recordings.new_name(), ContentFile(b"x"))
    monkeypatch.setattr(recordings, "ORPHAN_AFTER", timedelta(seconds=-5))
    assert consent_services.sweep_recordings() == 1
    assert not default_storage.exists(orphan)
    assert default_storage.exists(Clip.objects.get(voice=speaking).file.name)


# Review


def test_a_reviewer_approves_and_the_receipt_says_so(owner, reviewer, voice):
    submission = waiting_for_review(owner, voice)
    assert list(consent_selectors.review_queue(reviewer)) == [submission]
    decided = consent_services.review(
        principal=reviewer, submission_id=submission.pk, approve=True, note="clear"
    )
    assert decided.state == CheckState.APPROVED
    consent = Consent.objects.get(voice=voice)
    assert consent.receipt["checks"]["decided_by"] == "reviewer"
    assert not consent_selectors.review_queue(reviewer).exists()
    assert ledger_events(voice)[-1] == "consent.reviewed"
    with pytest.raises(Conflict):
        consent_services.review(principal=reviewer, submission_id=submission.pk, approve=True)


def test_a_reviewer_rejects_with_a_note(owner, reviewer, voice):
    submission = waiting_for_review(owner, voice)
    decided = consent_services.review(
        principal=reviewer, submission_id=submission.pk, approve=False, note="Another name."
    )
    assert (decided.state, decided.reasons[-1]["message"]) == ("rejected", "Another name.")
    assert not Consent.objects.exists()
    assert Clip.objects.get(voice=voice).file.name == ""


def test_nobody_decides_on_their_own_voice_or_recording(owner, voice):
    submission = waiting_for_review(owner, voice)
    with pytest.raises(Forbidden) as refusal:
        consent_services.review(principal=owner, submission_id=submission.pk, approve=True)
    assert refusal.value.code == "two_person_rule"


def test_operators_do_not_review_and_strangers_see_nothing(owner, stranger, voice):
    submission = waiting_for_review(owner, voice)
    operator = factories.member_principal(owner, Role.OPERATOR)
    with pytest.raises(Forbidden):
        consent_services.review(principal=operator, submission_id=submission.pk, approve=True)
    with pytest.raises(NotFound):
        consent_services.review(principal=stranger, submission_id=submission.pk, approve=True)


# Revocation, suspension, expiry, erasure


def test_revocation_closes_everything_at_once(owner, speaking):
    consent = Consent.objects.get(voice=speaking)
    assert consent_services.consent_is_live(consent_id=consent.pk, version=consent.version)
    pending = answered(owner, speaking)
    consent_services.revoke(principal=owner, voice_id=speaking.pk, reason="I changed my mind.")
    assert not consent_services.consent_is_live(consent_id=consent.pk, version=consent.version)
    closed = Consent.objects.get(pk=consent.pk)
    assert (closed.closed_as, closed.version) == ("revoked", consent.version + 1)
    assert closed.revoked_reason == "I changed my mind."
    pending.refresh_from_db()
    assert (pending.state, pending.reasons[-1]["code"]) == ("rejected", "voice_revoked")
    with pytest.raises(Forbidden):
        consent_services.issue_challenge(principal=owner, voice_id=speaking.pk)
    consent_services.revoke(principal=owner, voice_id=speaking.pk)
    assert ledger_events(speaking).count("consent.revoked") == 1
    assert "changed" not in str([entry.content for entry in Entry.objects.all()])


def test_the_voices_owner_revokes_wherever_it_is_used(owner, stranger):
    operator = factories.member_principal(owner, Role.OPERATOR)
    voice = factories.consented_voice(operator)
    people_services.remove_member(
        principal=owner, membership_id=operator.user.memberships.get(organisation=owner.organisation).pk
    )
    from accounts.people.principals import principal_of

    elsewhere = principal_of(operator.user.memberships.select_related("user", "organisation").get())
    with pytest.raises(NotFound):
        consent_services.revoke(principal=stranger, voice_id=voice.pk)
    assert consent_services.revoke(principal=elsewhere, voice_id=voice.pk).status == "revoked"


def test_other_members_do_not_revoke(owner, reviewer, speaking):
    operator = factories.member_principal(owner, Role.OPERATOR)
    for member in (reviewer, operator):
        with pytest.raises(Forbidden):
            consent_services.revoke(principal=member, voice_id=speaking.pk)


def test_suspension_stops_and_resuming_lets_go(owner, speaking):
    consent = Consent.objects.get(voice=speaking)
    consent_services.suspend(principal=owner, voice_id=speaking.pk)
    assert not consent_services.consent_is_live(consent_id=consent.pk, version=consent.version)
    with pytest.raises(Conflict):
        consent_services.suspend(principal=owner, voice_id=speaking.pk)
    consent_services.resume(principal=owner, voice_id=speaking.pk)
    assert consent_services.consent_is_live(consent_id=consent.pk, version=consent.version)


def test_a_consent_ends_by_the_clock_and_then_by_the_task(owner, speaking):
    consent = Consent.objects.get(voice=speaking)
    later = consent.valid_until
    assert not consent_services.consent_is_live(consent_id=consent.pk, version=consent.version, at=later)
    assert consent_services.expire_consents() == 0
    assert consent_services.expire_consents(now=later) == 1
    assert consent_services.expire_consents(now=later) == 0
    speaking.refresh_from_db()
    assert (speaking.status, Consent.objects.get(pk=consent.pk).closed_as) == ("expired", "expired")
    renewed = answered(owner, speaking)
    consent_services.apply_consent_gates(submission_id=renewed.pk, result=report(gate("speaker", "pass")))
    speaking.refresh_from_db()
    assert speaking.status == "active"


def test_erasing_leaves_the_receipt_and_the_log_alone(owner, speaking, django_capture_on_commit_callbacks):
    factories.approved_style(owner, speaking, name="sad")
    consent = Consent.objects.get(voice=speaking)
    files = list(Clip.objects.values_list("file", flat=True))
    assert len(files) == 2
    with django_capture_on_commit_callbacks(execute=True):
        consent_services.erase_voice(principal=owner, voice_id=speaking.pk)
    assert not any(default_storage.exists(name) for name in files)
    erased = Voice.objects.get(pk=speaking.pk)
    assert (erased.status, erased.person_name, erased.speaker_embedding) == ("revoked", "", None)
    for clip in Clip.objects.filter(voice=speaking):
        assert (clip.file.name, clip.fingerprint, clip.speaker_embedding, clip.transcript) == (
            "",
            None,
            None,
            "",
        )
        assert len(clip.sha256) == 64
    assert Style.objects.get(voice=speaking).state == "removed"
    kept = Consent.objects.get(pk=consent.pk)
    assert receipts.signature_is_valid(kept.receipt, kept.receipt_signature)
    assert ledger_events(speaking)[-1] == "voice.deleted"
    consent_services.erase_voice(principal=owner, voice_id=speaking.pk)
    assert ledger_events(speaking).count("voice.deleted") == 1


# What the worker asks


def test_the_worker_sees_other_peoples_voiceprints_but_not_ones_own(owner, stranger, speaking):
    theirs = factories.consented_voice(stranger)
    assert [found for found, _ in voice_selectors.protected_embeddings(speaking)] == [str(theirs.pk)]
    (reference,) = voice_selectors.reference_embeddings(speaking)
    assert reference.shape == (256,) and abs(np.linalg.norm(reference) - 1) < 1e-6
    assert (
        voice_selectors.reference_embeddings(
            voice_services.register_voice(principal=owner, name="n", person_name="N", language="en")
        )
        == []
    )


def test_every_kept_recording_is_known_to_the_replay_gate(owner, voice):
    submission = answered(owner, voice)
    consent_services.apply_consent_gates(submission_id=submission.pk, result=report(fingerprint="cHJpbnQ="))
    assert [data for _, data in voice_selectors.known_fingerprints()] == [b"print"]
