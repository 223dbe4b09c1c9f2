"""What the database refuses by itself, whoever writes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.consent import services as consent_services
from accounts.consent.models import Challenge, Consent, Submission
from accounts.people.models import ApiKey, Membership, Organisation, User
from accounts.voices import services as voice_services
from accounts.voices.models import Voice
from accounts.voices.states import MOVES, CheckState, VoiceStatus, move, sources_of
from tests import factories
from tests.accounts.conftest import answered

pytestmark = pytest.mark.django_db


def refused(action):
    with pytest.raises(IntegrityError), transaction.atomic():
        action()


def test_an_address_is_one_account_in_whatever_case():
    User.objects.create_user("ada@example.org")
    refused(lambda: User(email="ADA@example.org").save())


def test_a_role_is_one_of_the_table(owner):
    refused(
        lambda: Membership.objects.create(
            user=factories.person(), organisation=owner.organisation, role="emperor"
        )
    )


def test_nobody_is_a_member_twice(owner):
    refused(
        lambda: Membership.objects.create(user=owner.user, organisation=owner.organisation, role="auditor")
    )


def test_a_key_carries_known_scopes_only(owner):
    def make(scopes):
        now = timezone.now()
        ApiKey.objects.create(
            organisation=owner.organisation, created_by=owner.user, name="k", prefix="p", hash="h",
            scopes=scopes, created_at=now, expires_at=now + timedelta(days=1),
        )  # fmt: skip

    refused(lambda: make(["review:decide"]))
    refused(lambda: make([]))
    make(["speech:read"])


def test_slugs_are_unique_in_an_organisation(owner, voice):
    other = voice_services.register_voice(principal=owner, name="Ada", person_name="Ada King", language="en")
    assert other.slug != voice.slug
    refused(lambda: Voice.objects.filter(pk=other.pk).update(slug=voice.slug))


def test_a_voice_names_its_person_until_it_is_erased(voice):
    refused(lambda: Voice.objects.filter(pk=voice.pk).update(person_name=""))


def test_whose_voice_it_is_never_changes(voice, stranger):
    refused(lambda: Voice.objects.filter(pk=voice.pk).update(owner=stranger.user))
    refused(lambda: Voice.objects.filter(pk=voice.pk).update(organisation=stranger.organisation))


def test_one_live_consent_per_voice(speaking):
    consent = Consent.objects.get(voice=speaking)
    submission = Submission.objects.get(consent=consent)
    copy = Consent(
        voice=speaking, submission=submission, version=9, scope=consent.scope, valid_from=consent.valid_from,
        valid_until=consent.valid_until, receipt={}, receipt_sha256="0" * 64, receipt_signature="",
    )  # fmt: skip
    refused(lambda: copy.save(force_insert=True))


@pytest.mark.parametrize(
    "change",
    [
        {"scope": {"purposes": ["advertising"]}},
        {"valid_until": timezone.now() + timedelta(days=9999)},
        {"receipt": {"version": "forged"}},
        {"receipt_signature": "forged"},
        {"version": 0},
    ],
)
def test_a_consent_is_never_rewritten(speaking, change):
    refused(lambda: Consent.objects.filter(voice=speaking).update(**change))


def test_a_consent_is_never_deleted_nor_reopened(owner, speaking):
    refused(lambda: Consent.objects.filter(voice=speaking).delete())
    consent_services.revoke(principal=owner, voice_id=speaking.pk)
    refused(lambda: Consent.objects.filter(voice=speaking).update(closed_as="", revoked_at=None))
    refused(lambda: Voice.objects.filter(pk=speaking.pk).update(status="active"))


def test_a_challenge_keeps_its_statement_and_its_bound(owner, voice):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    refused(lambda: Challenge.objects.filter(pk=challenge.pk).update(statement="I agree to anything."))
    refused(lambda: Challenge.objects.filter(pk=challenge.pk).update(attempts=4))
    later = challenge.expires_at + timedelta(days=1)
    refused(lambda: Challenge.objects.filter(pk=challenge.pk).update(expires_at=later))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (a, b)
        for a in VoiceStatus.values
        for b in VoiceStatus.values
        if a != b and a not in sources_of("accounts_voice", b)
    ],
)
def test_the_database_refuses_every_move_outside_the_table(owner, before, after):
    voice = Voice.objects.create(
        organisation=owner.organisation, owner=owner.user, name="x", slug="x", language="en",
        person_name="X", status=before,
    )  # fmt: skip
    assert not move(Voice, voice.pk, after)
    refused(lambda: Voice.objects.filter(pk=voice.pk).update(status=after))


def test_the_table_allows_every_move_it_names(owner):
    column, moves = MOVES["accounts_voice"]
    for number, (before, targets) in enumerate(moves.items()):
        for after in targets:
            voice = Voice.objects.create(
                organisation=owner.organisation, owner=owner.user, name="x", slug=f"{after}-{number}",
                language="en", person_name="X", status=before,
            )  # fmt: skip
            assert move(Voice, voice.pk, after)
            assert getattr(Voice.objects.get(pk=voice.pk), column) == after


def test_a_decided_submission_stays_decided(owner, voice):
    submission = answered(owner, voice)
    consent_services.apply_consent_gates(
        submission_id=submission.pk, result=consent_services.result_of_refusal(_refusal())
    )
    for state in (CheckState.APPROVED, CheckState.QUEUED, CheckState.CHECKING, CheckState.NEEDS_REVIEW):
        refused(lambda state=state: Submission.objects.filter(pk=submission.pk).update(state=state))


def test_an_organisation_has_a_name():
    refused(lambda: Organisation.objects.create(name="", slug="nameless"))


def _refusal():
    from synth.errors import AssentError

    return AssentError("not_audio", "This is not audio.")
