"""The owner hears of the end of a consent in time, once a notice, and can see it on the pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from accounts.consent import services
from accounts.consent.models import Consent
from audit.models import Entry
from tests import factories
from tests.accounts.conftest import answered, browser, report

pytestmark = pytest.mark.django_db


def ending(consent, **before):
    return consent.valid_until - timedelta(**before)


@pytest.fixture
def consent(speaking):
    return Consent.objects.get(voice=speaking)


def test_three_notices_each_once(consent):
    assert services.send_renewal_notices(now=ending(consent, days=31)) == 0
    for days, expected in ((29.5, 1), (29, 0), (8, 0), (6.9, 1), (2, 0), (0.9, 1), (0.1, 0), (-1, 0)):
        assert services.send_renewal_notices(now=ending(consent, days=days)) == expected, days
    assert [letter.to for letter in mail.outbox] == [[consent.voice.owner.email]] * 3
    assert Entry.objects.filter(event="consent.expiry_noticed").count() == 3
    for letter in mail.outbox:
        assert f"/voices/{consent.voice_id}" in letter.body
        assert consent.voice.organisation.name in letter.body
        assert "授权" in letter.body and "ends in" in letter.body


def test_a_missed_notice_is_not_made_up_for(consent):
    assert services.send_renewal_notices(now=ending(consent, hours=12)) == 1
    assert services.send_renewal_notices(now=ending(consent, hours=11)) == 0
    assert len(mail.outbox) == 1


def test_a_letter_that_cannot_be_sent_stays_due(consent, monkeypatch):
    moment = ending(consent, days=5)

    def broken(*args, **kwargs):
        raise OSError("no mail server")

    monkeypatch.setattr("accounts.consent.services.renewal.send_mail", broken)
    with pytest.raises(OSError, match="no mail server"):
        services.send_renewal_notices(now=moment)
    monkeypatch.undo()
    assert Entry.objects.filter(event="consent.expiry_noticed").count() == 0
    assert services.send_renewal_notices(now=moment) == 1


def test_a_short_consent_is_not_announced_to_end_when_it_begins(owner, voice):
    submission = answered(owner, voice, valid_days=7)
    services.apply_consent_gates(submission_id=submission.pk, result=report())
    consent = Consent.objects.get()
    assert services.send_renewal_notices(now=ending(consent, days=6.5)) == 0
    assert services.send_renewal_notices(now=ending(consent, hours=20)) == 1


def test_nobody_is_reminded_of_what_they_ended(owner, speaking, consent):
    services.revoke(principal=owner, voice_id=speaking.pk)
    assert services.send_renewal_notices(now=ending(consent, days=5)) == 0
    assert mail.outbox == []


def test_the_pages_say_when_it_ends(owner, speaking, consent, time_machine_at):
    client = browser(owner.user)
    assert "ends in" not in client.get(f"/voices/{speaking.pk}").content.decode()
    time_machine_at(ending(consent, days=6, hours=1))
    client = browser(owner.user)
    for path in (f"/voices/{speaking.pk}", "/voices"):
        assert "ends in 6 days" in client.get(path).content.decode()


def test_another_voice_is_not_meant(owner, speaking, consent):
    other = factories.consented_voice(owner)
    Consent.objects.get(voice=other)
    assert services.send_renewal_notices(now=ending(consent, days=29.9)) == 2
