"""A person's own data: told before a voiceprint is made, given out whole, and gone with the account."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.consent import services as consent_services
from accounts.people.models import ApiKey, Membership, User
from accounts.voices.models import Clip, Voice
from audit.models import Entry
from synth.jobs import services as jobs
from synth.jobs.models import Output, SynthesisJob
from synth.rights.models import Feedback
from tests import factories
from tests.accounts.conftest import answered, report
from tests.doors.conftest import JSON, browser_of, code_of, key_of, new_challenge, refusal_on
from tests.jobs.test_services import finished, reserved
from worker import tasks

TASKS = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def browser(owner):
    return browser_of(owner)


def spoken(owner, voice, text="The parcel arrived.\nIt was empty.", **more):
    job = jobs.submit_job(principal=owner, voice=str(voice.pk), text=text, **more)
    job = jobs.claim_job(job_id=job.id, worker="w")
    return jobs.release_job(job=job, mark=reserved(job), finished=finished(duration_ms=90_000))


@pytest.mark.django_db
@pytest.mark.provokes("biometrics.acknowledged", "biometrics_not_acknowledged")
def test_nobody_is_recorded_before_the_biometric_notice_is_acknowledged(owner, browser, settings):
    voice = factories.voices.register_voice(principal=owner, name="A", person_name="Ada Byron", language="en")
    settings.ASSENT_PROFILE = "eu"
    refused = browser.post(f"/api/v1/voices/{voice.pk}/challenges", {}, JSON)
    assert (refused.status_code, code_of(refused)) == (403, "biometrics_not_acknowledged")
    for _ in range(2):
        assert browser.post("/person", {"do": "acknowledge"}).status_code == 302
    assert Entry.objects.filter(event="biometrics.acknowledged").count() == 1
    assert new_challenge(browser, voice)["id"]


@TASKS
@pytest.mark.provokes("account.exported")
def test_a_copy_of_everything_is_given_to_the_person_alone(owner, browser):
    voice = factories.consented_voice(owner)
    factories.approved_style(owner, voice, transcript="The rain stopped.")
    spoken(owner, voice)
    answer = browser.post("/person/copy")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    held = json.loads(archive.read("data.json"))
    assert held["account"]["email"] == owner.user.email and "password" not in held["account"]
    assert [row["person_name"] for row in held["voices"]] == ["Ada Byron"]
    assert [row["transcript"] for row in held["styles"]] == ["The rain stopped."]
    assert held["consents"][0]["receipt"] and held["jobs"][0]["text"].startswith("The parcel")
    assert {"organisation.created", "synthesis.authorised"} <= {
        entry["event"] for entry in held["log_entries"]
    }
    assert len([name for name in archive.namelist() if name.startswith("recordings/")]) == 2
    stranger = browser_of(factories.owner_principal())
    theirs = json.loads(zipfile.ZipFile(io.BytesIO(stranger.post("/person/copy").content)).read("data.json"))
    assert "Ada Byron" not in json.dumps(theirs)
    assert Client().post("/person/copy").status_code == 302


@TASKS
def test_a_copy_tells_neither_side_of_a_likeness_about_the_other(owner, browser):
    factories.consented_voice(owner, speaker=7)
    stranger = factories.owner_principal()
    submission = answered(
        stranger,
        factories.voices.register_voice(
            principal=stranger, name="B", person_name="Bea Carter", language="en"
        ),
    )
    result = report() | {"speaker_embedding": factories.embedding(7).tolist()}
    submission = consent_services.apply_consent_gates(submission_id=submission.pk, result=result)
    (concern,) = submission.concerns.all()
    consent_services.answer_likeness(
        principal=owner, concern_id=concern.pk, objects=True, text="That is my voice."
    )

    def copy_for(client):
        return zipfile.ZipFile(io.BytesIO(client.post("/person/copy").content)).read("data.json").decode()

    mine, theirs = copy_for(browser), copy_for(browser_of(stranger))
    assert "That is my voice." in mine and str(submission.pk) not in mine
    assert "That is my voice." not in theirs and str(concern.voice_id) not in theirs


@TASKS
@pytest.mark.provokes("account.closed", "voice.deleted", "email_differs", "voice_not_erased")
def test_an_account_is_closed_and_its_person_gone(owner, browser):
    other = factories.owner_principal()
    voice = factories.consented_voice(owner)
    output = spoken(owner, voice)
    program = key_of(owner, "speech:read", "voices:read")
    address, user_id = owner.user.email, owner.user.pk
    assert code_of(browser.get(f"/api/v1/voices/{voice.pk}/erasure")) == "voice_not_erased"
    assert refusal_on(browser.post("/person", {"do": "close", "email": "x@example.org"})) == "email_differs"
    assert browser.post("/person", {"do": "close", "email": address.upper()}).status_code == 302
    user = User.objects.get(pk=user_id)
    assert (user.is_active, user.name, user.email) == (False, "", f"closed-{user_id.hex}@invalid.example")
    assert not user.has_usable_password() and not Membership.objects.filter(user=user).exists()
    assert not ApiKey.objects.filter(created_by=user, revoked_at=None).exists()
    assert program.get("/api/v1/voices").status_code == 401
    assert browser.get("/studio").status_code == 302
    assert (
        Voice.objects.get(pk=voice.pk).erased_at
        and not Clip.objects.filter(voice=voice).exclude(file="").exists()
    )
    assert Output.objects.get(pk=output.pk).deleted_at and not default_storage.exists(output.file)
    owner.organisation.refresh_from_db()
    assert owner.organisation.name.startswith("closed-")
    closed = Entry.objects.get(event="account.closed").content
    assert closed["actor"]["id"] == str(user_id) and address not in json.dumps(closed)
    assert User.objects.get(pk=other.user.pk).is_active


@TASKS
def test_the_only_owner_of_others_does_not_leave_them(owner, browser):
    factories.member_principal(owner, "operator")
    refused = browser.post("/person", {"do": "close", "email": owner.user.email})
    assert refusal_on(refused) == "last_owner"
    assert User.objects.get(pk=owner.user.pk).is_active


@TASKS
def test_erasing_a_voice_gives_a_receipt_that_verifies(owner, browser):
    voice = factories.consented_voice(owner)
    spoken(owner, voice)
    assert browser.delete(f"/api/v1/voices/{voice.pk}").status_code < 300
    paper = browser.get(f"/api/v1/voices/{voice.pk}/erasure").json()
    said = paper["receipt"]
    assert (said["version"], said["recordings_erased"], said["files_erased"]) == (
        "assent-erasure-receipt-1",
        1,
        1,
    )
    entry = Entry.objects.get(pk=said["log_entry"])
    assert (entry.event, bytes(entry.leaf_hash).hex()) == ("voice.deleted", said["log_leaf_sha256"])
    from accounts.consent.receipts import signature_is_valid

    assert signature_is_valid(said, paper["signature"])
    assert not signature_is_valid({**said, "files_erased": 0}, paper["signature"])


@TASKS
@pytest.mark.provokes("usage.reported", "period_invalid")
def test_a_rights_holder_gets_a_signed_report_of_use(owner, browser):
    voice = factories.consented_voice(owner)
    spoken(owner, voice, project="film-7", purpose="dubbing")
    spoken(owner, voice, "One line.", project="film-7")
    spoken(owner, voice, "One line.")
    today = timezone.now().date()
    url = f"/api/v1/voices/{voice.pk}/usage?since={today - timedelta(days=1)}&until={today}"
    paper = browser.get(url).json()
    said = paper["receipt"]
    assert (said["total"]["files"], said["total"]["minutes"], said["total"]["lines"]) == (3, "4.50", 4)
    assert [(row["name"], row["files"]) for row in said["by_project"]] == [("", 1), ("film-7", 2)]
    assert [(row["name"], row["lines"]) for row in said["by_purpose"]] == [("dubbing", 2), ("general", 2)]
    logged = Entry.objects.filter(event="usage.reported").latest("id").content["data"]
    assert logged["report_sha256"] == paper["sha256"]
    assert "film-7" in browser.get(f"/voices/{voice.pk}/usage").content.decode()
    long = browser.get(f"/api/v1/voices/{voice.pk}/usage?since={date(2020, 1, 1)}&until={today}")
    assert code_of(long) == "period_invalid"
    stranger = browser_of(factories.owner_principal())
    assert stranger.get(url).status_code == 404


@TASKS
@pytest.mark.provokes("records.expired", "output.deleted")
def test_what_is_kept_too_long_goes_by_the_clock(owner, settings, time_machine):
    voice = factories.consented_voice(owner)
    old = spoken(owner, voice)
    file = old.file
    time_machine.move_to(timezone.now() + timedelta(days=20))
    young = spoken(owner, voice)
    time_machine.move_to(timezone.now() + timedelta(days=11))
    answered = {"answer": "x", "answered_at": timezone.now() - timedelta(days=366)}
    Feedback.objects.create(kind="other", **answered)
    tasks.sweep_uploads()
    assert Output.objects.filter(deleted_at=None).count() == 2 and not Feedback.objects.exists()
    settings.ASSENT_RETENTION = "outputs=30, texts=30"
    tasks.sweep_uploads()
    old.refresh_from_db()
    assert old.deleted_at and not default_storage.exists(file)
    assert not SynthesisJob.objects.get(pk=old.job_id).text and SynthesisJob.objects.get(pk=young.job_id).text
    assert Entry.objects.filter(event="records.expired").count() == 3
