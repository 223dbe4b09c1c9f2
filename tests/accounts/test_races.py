"""Two at once: claims, links, releases against revocations. Real connections, real locks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from accounts.consent import services as consent_services
from accounts.consent.models import Challenge, Consent, Submission
from accounts.people import services as people_services
from accounts.people.models import ApiKey, User
from accounts.people.services import keys
from accounts.voices import services as voice_services
from accounts.voices.models import Voice
from synth.errors import AssentError
from tests import factories
from tests.accounts.conftest import answered, report, take

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def at_once(*actions):
    """Run the actions in threads from one starting shot; what each returned, or the AssentError it raised."""
    barrier = threading.Barrier(len(actions))

    def run(action):
        try:
            barrier.wait(10)
            return action()
        except AssentError as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


class Background(threading.Thread):
    """`action` in a thread of its own, started at once."""

    def __init__(self, action):
        super().__init__()
        self.action = action
        self.start()

    def run(self):
        try:
            self.action()
        finally:
            connections.close_all()

    def wait(self):
        self.join(20)
        assert not self.is_alive()


def waits_for_lock():
    """Whether some session of this database waits for a lock; asked until it is so (at most five seconds)."""
    for _ in range(500):
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE NOT l.granted AND a.datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return True
        threading.Event().wait(0.01)
    return False


def test_one_of_many_workers_gets_the_submission(owner, voice):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    submission = consent_services.submit_recording(
        principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
    )
    claims = at_once(*[lambda: consent_services.begin_check(submission_id=submission.pk)] * 6)
    assert sum(claim is not None for claim in claims) == 1
    assert Submission.objects.get(pk=submission.pk).claims == 1


def test_one_of_two_reports_decides(owner, voice):
    submission = answered(owner, voice)
    at_once(*[lambda: consent_services.apply_consent_gates(submission_id=submission.pk, result=report())] * 4)
    assert Consent.objects.filter(voice=voice).count() == 1


def test_recordings_sent_at_once_count_once(owner, voice):
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)

    def send():
        return consent_services.submit_recording(
            principal=owner, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
        )

    results = at_once(*[send] * 5)
    assert sum(isinstance(result, Submission) for result in results) == 1
    assert Challenge.objects.get(pk=challenge.pk).attempts == 1


def test_the_daily_limit_holds_under_haste(owner, voice):
    def issue():
        return consent_services.issue_challenge(principal=owner, voice_id=voice.pk)

    for _ in range(8):
        issue()
    at_once(*[issue] * 5)
    assert Challenge.objects.filter(voice=voice).count() == 10


def test_the_first_administrator_is_one(db):
    token = people_services.first_admin_link().rsplit("/", 1)[1]
    actions = [
        lambda n=n: people_services.redeem_first_admin_token(
            token, email=f"a{n}@example.org", organisation_name="S"
        )
        for n in range(4)
    ]
    results = at_once(*actions)
    assert sum(isinstance(result, User) for result in results) == 1
    assert User.objects.filter(is_staff=True).count() == 1


def test_the_key_limit_holds_under_haste(owner, monkeypatch):
    monkeypatch.setattr(keys, "MAX_LIVE_KEYS", 2)
    at_once(*[lambda: people_services.create_key(principal=owner, name="k", scopes=["speech:read"])] * 5)
    assert ApiKey.objects.count() == 2


def test_a_release_that_holds_the_consent_finishes_before_the_revocation(owner):
    voice = factories.consented_voice(owner)
    consent = Consent.objects.get(voice=voice)
    with transaction.atomic():
        assert consent_services.consent_is_live(consent_id=consent.pk, version=consent.version, lock=True)
        revocation = Background(lambda: consent_services.revoke(principal=owner, voice_id=voice.pk))
        assert waits_for_lock()
        assert revocation.is_alive()
        # Still inside the releasing transaction: nothing has been withdrawn under its hands.
        assert Consent.objects.get(pk=consent.pk).closed_as == ""
    revocation.wait()
    assert Consent.objects.get(pk=consent.pk).closed_as == "revoked"
    assert not consent_services.consent_is_live(consent_id=consent.pk, version=consent.version)


@pytest.mark.parametrize("stop", [consent_services.revoke, consent_services.suspend])
def test_a_release_that_comes_during_a_stop_waits_and_is_refused(owner, stop):
    voice = factories.consented_voice(owner)
    consent = Consent.objects.get(voice=voice)
    answers = []

    def release():
        with transaction.atomic():
            answers.append(
                consent_services.consent_is_live(consent_id=consent.pk, version=consent.version, lock=True)
            )

    with transaction.atomic():
        stop(principal=owner, voice_id=voice.pk)
        releasing = Background(release)
        assert waits_for_lock()
        assert releasing.is_alive()
    releasing.wait()
    assert answers == [False]


def test_releases_in_one_voice_do_not_wait_for_each_other(owner):
    voice = factories.consented_voice(owner)
    consent = Consent.objects.get(voice=voice)
    together = threading.Barrier(2)

    def release():
        with transaction.atomic():
            live = consent_services.consent_is_live(consent_id=consent.pk, version=consent.version, lock=True)
            together.wait(10)  # both hold the row now, or this breaks
            return live

    assert at_once(release, release) == [True, True]


def test_approval_and_revocation_at_once_never_leave_a_live_consent(owner):
    for _ in range(5):
        voice = voice_services.register_voice(
            principal=owner, name="v", person_name="Ada Byron", language="en"
        )
        submission = answered(owner, voice)
        at_once(
            lambda pk=submission.pk: consent_services.apply_consent_gates(submission_id=pk, result=report()),
            lambda pk=voice.pk: consent_services.revoke(principal=owner, voice_id=pk),
        )
        assert Voice.objects.get(pk=voice.pk).status == "revoked"
        assert not Consent.objects.filter(voice=voice, closed_as="").exists()
    assert connection.is_usable()
