"""The owner of a voice without an account: asked by a link, consenting and stopping by links alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.consent import services as consent_services
from accounts.consent.models import Challenge, Consent, OwnerLink, Submission
from accounts.voices.models import Voice
from audit.models import Entry
from tests import factories
from tests.accounts.conftest import browser, report, take

pytestmark = pytest.mark.django_db
JSON = "application/json"
SCOPE = {
    "purposes": ["narration"],
    "languages": ["en"],
    "emotions": "*",
    "excluded_terms": "tobacco",
    "valid_days": "90",
}


@pytest.fixture
def asking(owner):
    """The requester's browser."""
    return browser(owner.user)


@pytest.fixture
def voice(asking):
    made = asking.post(
        "/api/v1/voices",
        {"name": "Narrator", "person_name": "Ada Byron", "language": "en", "owner_by_link": True},
        JSON,
    )
    return Voice.objects.get(pk=made.json()["id"])


def asked(client, voice):
    """The path of a link that asks."""
    answer = client.post(
        f"/api/v1/voices/{voice.pk}/owner-links", {"purposes": ["narration", "dubbing"]}, JSON
    )
    return "/consent/" + answer.json()["url"].rpartition("/")[2]


def agreed(path, phone, **changes):
    """The path of the private page of an owner who agreed."""
    answer = phone.post(path, {**SCOPE, **changes})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return answer["location"].removesuffix("/statement")


def spoken(page, phone, voice, **changes):
    """A recording of the open statement, sent from the private page and measured."""
    challenge = Challenge.objects.filter(voice=voice).latest("created_at")
    answer = phone.post(
        f"{page}/statement", {"file": take(), "source": "microphone", **factories.acknowledged(challenge)}
    )
    assert answer["location"] == page
    submission = Submission.objects.get(challenge=challenge)
    assert consent_services.begin_check(submission_id=submission.pk) is not None
    return consent_services.apply_consent_gates(submission_id=submission.pk, result=report(**changes))


def text_of(answer):
    return answer.content.decode()


@pytest.mark.provokes("consent.asked_by_link", "consent.link_used", "owner_consents_by_link", "link_used")
def test_an_owner_consents_from_a_phone_without_an_account(
    asking, voice, owner, django_capture_on_commit_callbacks
):
    alone = asking.post(f"/api/v1/voices/{voice.pk}/challenges", {}, JSON)
    assert alone.json()["code"] == "owner_consents_by_link"
    path, phone = asked(asking, voice), Client()
    first = phone.get(path)
    assert "Northern Light asks for your voice" in text_of(first) and "biometric data" in text_of(first)
    assert (first["cache-control"], first["x-robots-tag"]) == ("no-store", "noindex")
    chinese = text_of(phone.get(path, headers={"accept-language": "zh-CN"}))
    assert "生物识别" in chinese and "Northern Light" in chinese
    with django_capture_on_commit_callbacks(execute=True):
        page = agreed(path, phone, contact="ada@example.org")
    assert phone.get(path).status_code == 404, "the link works once"
    (letter,) = mail.outbox
    assert (letter.to, page in letter.body) == (["ada@example.org"], True)
    shown = text_of(phone.get(f"{page}/statement"))
    assert "Ada Byron" in shown and "tobacco" in shown and "data-recorder" in shown
    submission = spoken(page, phone, voice)
    assert submission.state == "approved"
    consent = Consent.objects.get(voice=voice)
    assert consent.receipt["subject"]["id"] == str(voice.owner_id) != str(owner.user.pk)
    assert (consent.scope["purposes"], consent.scope["valid_days"]) == (["narration"], 90), (
        "narrower than asked"
    )
    assert phone.get(f"{page}/receipt.json").json()["receipt"] == consent.receipt
    assert "Consent was approved." in text_of(phone.get(page))
    by = {entry.content["actor"]["id"] for entry in Entry.objects.filter(event="consent.recording_submitted")}
    assert by == {str(voice.owner_id)}


@pytest.mark.provokes("consent.narrowed", "scope_wider", "email_invalid")
def test_the_private_page_pauses_narrows_renews_revokes_and_erases(asking, voice):
    phone, path = Client(), asked(asking, voice)
    assert phone.post(path, {**SCOPE, "contact": "nobody"}).status_code == 400
    page = agreed(path, phone, purposes=["narration", "dubbing"])
    spoken(page, phone, voice)
    consent = Consent.objects.get(voice=voice)

    def speaks(purpose):
        ask = {"voice": str(voice.pk), "text": "The rain stopped.", "purpose": purpose, "language": "en"}
        return asking.post("/api/v1/jobs", ask, JSON)

    waiting = speaks("dubbing")
    assert waiting.status_code in (201, 202), waiting.json()
    act = f"{page}/act"
    less = {"do": "narrow", "purposes": ["narration"], "languages": ["en"], "excluded_terms": "bitcoin"}
    assert phone.post(act, less)["location"] == page
    assert speaks("dubbing").json()["code"] == "scope_violation"
    assert not consent_services.consent_is_live(consent_id=consent.pk, version=consent.version)
    wider = phone.post(act, {**less, "purposes": ["narration", "dubbing"]})
    assert wider.status_code == 400 and "new statement" in text_of(wider)
    consent.refresh_from_db()
    assert consent.scope_in_force["excluded_terms"] == ["tobacco", "bitcoin"]
    assert consent.scope["purposes"] == ["narration", "dubbing"], "the receipt's scope stays as it was"
    phone.post(act, {"do": "suspend"})
    assert speaks("narration").json()["code"] == "voice_suspended"
    phone.post(act, {"do": "resume"})
    assert phone.get(f"{page}/statement")["location"].endswith("/renew")
    assert phone.post(f"{page}/renew", {**SCOPE, "valid_days": "30"})["location"] == f"{page}/statement"
    assert spoken(page, phone, voice, without=("none",)).state == "needs_review", (
        "a renewal without the speaker's gate"
    )
    phone.post(act, {"do": "revoke", "reason": "Enough."})
    voice.refresh_from_db()
    assert voice.status == "revoked"
    assert phone.post(act, {"do": "erase"})["location"] == "/"
    assert phone.get(page).status_code == 404
    voice.owner.refresh_from_db()
    assert (voice.owner.contact, voice.owner.is_active) == ("", False)


def test_the_notice_on_the_links_page_is_the_one_that_a_profile_asks_for(asking, voice, settings):
    settings.ASSENT_PROFILE = "eu"
    phone = Client()
    page = agreed(asked(asking, voice), phone)
    assert "data-recorder" in text_of(phone.get(f"{page}/statement"))
    assert Entry.objects.filter(event="biometrics.acknowledged", subject=f"user:{voice.owner_id}").exists()


@pytest.mark.provokes("link_not_valid", "owner_has_account")
def test_links_end_and_are_nobody_elses(asking, voice, owner, stranger, time_machine_at):
    first, phone = asked(asking, voice), Client()
    second = asked(asking, voice)
    assert phone.get(first).status_code == 404, "a newer one ends it"
    token = second.rpartition("/")[2]
    assert phone.get(f"/my-voice/{token}").status_code == 404, "a link that asks opens no private page"
    assert not OwnerLink.objects.filter(token_hash=token).exists(), "only its hash is kept"
    assert browser(stranger.user).post(f"/api/v1/voices/{voice.pk}/owner-links", {}, JSON).status_code == 404
    own = factories.voices.register_voice(principal=owner, name="Mine", person_name="Bea", language="en")
    refused = asking.post(f"/api/v1/voices/{own.pk}/owner-links", {}, JSON)
    assert refused.json()["code"] == "owner_has_account"
    time_machine_at(timezone.now() + timedelta(days=7, seconds=1))
    assert phone.get(second).status_code == 404


def test_who_sent_the_link_does_not_decide_about_the_recording(asking, voice, owner):
    phone = Client()
    page = agreed(asked(asking, voice), phone)
    doubtful = {
        "name": "person",
        "outcome": "review",
        "code": "person_uncertain",
        "measured": None,
        "limit": None,
    }
    challenge = Challenge.objects.get(voice=voice)
    phone.post(f"{page}/statement", {"file": take(), **factories.acknowledged(challenge)})
    submission = Submission.objects.get()
    consent_services.begin_check(submission_id=submission.pk)
    consent_services.apply_consent_gates(
        submission_id=submission.pk, result=report(doubtful, decision="needs_review")
    )
    decide = f"/api/v1/review/submissions/{submission.pk}"
    assert asking.post(decide, {"approve": True}, JSON).json()["code"] == "two_person_rule"
    other = browser(factories.member_principal(owner, "reviewer").user)
    shown = text_of(other.get(f"/review/submissions/{submission.pk}"))
    assert "without an account" in shown and "no-account.invalid" not in shown
    assert other.post(decide, {"approve": True}, JSON).json()["state"] == "approved"
    voice_page = text_of(asking.get(f"/voices/{voice.pk}"))
    assert re.search(r'href="/voices/[0-9a-f-]+/ask"', voice_page)


def test_nobody_answers_the_statement_of_an_owner_by_link_in_their_place(asking, voice):
    agreed(asked(asking, voice), Client())
    challenge = Challenge.objects.get(voice=voice)
    answer = asking.post(
        f"/api/v1/challenges/{challenge.pk}/recording",
        {"file": take(), **factories.acknowledged(challenge)},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "owner_consents_by_link")
    assert not Submission.objects.exists()


def test_the_owner_by_link_objects_to_a_likeness(asking, voice, stranger):
    phone = Client()
    page = agreed(asked(asking, voice), phone)
    spoken(page, phone, voice)
    theirs = factories.voices.register_voice(principal=stranger, name="X", person_name="Bea", language="en")
    challenge = consent_services.issue_challenge(principal=stranger, voice_id=theirs.pk)
    made = consent_services.submit_recording(
        principal=stranger, challenge_id=challenge.pk, upload=take(), **factories.acknowledged(challenge)
    )
    consent_services.begin_check(submission_id=made.pk)
    consent_services.apply_consent_gates(submission_id=made.pk, result=report())
    shown = text_of(phone.get(page))
    action = re.search(r'action="(/my-voice/[^"]+/likenesses/[^"]+)"', shown)
    assert action is not None
    phone.post(action[1], {"answer": "object", "text": "That is my voice."})
    assert made.concerns.get().objection == "That is my voice."
