"""What outsiders ask of the operator: feedback and take-downs, kept, due by a clock, decided once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.voices.models import Protection
from audit.models import Entry
from synth.jobs import services as jobs
from synth.rights.models import Feedback, TakeDown
from tests import factories
from tests.doors.conftest import JSON, NOBODY, browser_of, code_of, refusal_on
from tests.jobs.test_services import finished, reserved
from tests.portal.test_verdicts import report as answer_of
from tests.watermark.test_doors import ask as asked_question
from watermark import services as watermark
from watermark.models import Mark
from watermark.reading.verdict import Verdict

TASKS = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture(autouse=True)
def _no_limits_carried_over() -> None:
    cache.clear()


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def operator(db):
    principal = factories.owner_principal()
    principal.user.is_staff = True
    principal.user.save()
    return browser_of(principal)


def request(**more):
    given = {"ground": "my_voice", "name": "Ada", "email": "ada@example.org", "text": "On the radio."}
    return Client().post("/api/v1/take-downs", {**given, **more}, JSON)


def released(owner):
    voice = factories.consented_voice(owner)
    job = jobs.submit_job(principal=owner, voice=str(voice.pk), text="The parcel arrived.")
    job = jobs.claim_job(job_id=job.id, worker="w")
    return voice, jobs.release_job(job=job, mark=reserved(job), finished=finished())


@TASKS
@pytest.mark.provokes("feedback.received", "feedback.answered", "feedback_not_found")
def test_feedback_on_a_verdict_is_kept_and_answered(client, operator, owner):
    query = asked_question()
    watermark.begin_verification(verification_id=query.pk)
    watermark.complete_verification(verification_id=query.pk, report=answer_of(Verdict.ISSUED))
    page = client.get(f"/verify/{query.pk}").content.decode()
    assert f"/feedback?verification={query.pk}" in page and "/take-down?record=" in page
    assert client.get(f"/feedback?verification={query.pk}").status_code == 200
    given = {"kind": "wrong", "text": "It is my own recording.", "email": "eve@example.org"}
    assert client.post("/feedback", {**given, "verification": str(query.pk)}).status_code == 302
    row = Feedback.objects.get()
    assert (row.verification_id, row.verdict) == (query.pk, "issued")
    assert "It is my own recording." in operator.get("/desk").content.decode()
    form = {"do": "answer", "row": str(row.pk), "answer": "We looked: it carries our mark."}
    assert operator.post("/desk", form).status_code == 302
    assert refusal_on(operator.post("/desk", form)) == "feedback_not_found"
    assert [(letter.to, letter.body) for letter in mail.outbox] == [
        (["eve@example.org"], "We looked: it carries our mark.")
    ]
    assert browser_of(owner).get("/desk").status_code == 404
    assert not any(b"eve@example.org" in bytes(entry.body) for entry in Entry.objects.all())


@TASKS
@pytest.mark.provokes("take_down.requested", "take_down.decided", "voice.suspended", "output.taken_down")
def test_a_take_down_is_due_by_the_profiles_clock_and_granting_it_takes_effect(owner, operator, settings):
    voice, output = released(owner)
    for profile, hours in (("none", 96), ("eu", 72), ("cn,eu", 24), ("us-ca,in", 3)):
        settings.ASSENT_PROFILE = profile
        kept = request(record_id=str(output.pk))
        assert kept.status_code == 201
        due = TakeDown.objects.get(pk=kept.json()["id"]).due_at
        assert due - timezone.now() == pytest.approx(timedelta(hours=hours), abs=timedelta(minutes=1))
        first = kept.json()["id"]  # the one that is due first stands at the top
    TakeDown.objects.filter(pk=first).update(due_at=timezone.now() - timedelta(minutes=1))
    page = operator.get("/desk").content.decode()
    assert (
        page.index(f'data-take-down="{first}"') < page.index('class="badge warn"') and "data-overdue" in page
    )
    assert operator.post("/desk", {"do": "grant", "row": first, "note": "Taken down."}).status_code == 302
    assert Mark.objects.get(public_id=output.pk).state == Mark.State.TAKEN_DOWN
    voice.refresh_from_db()
    assert voice.status == "suspended"
    assert Protection.objects.get(voice=voice).kind == "taken_down"
    assert code_of(browser_of(owner).get(f"/api/v1/jobs/{output.job_id}/audio")) == "output_taken_down"
    assert mail.outbox[-1].to == ["ada@example.org"]
    decided = Entry.objects.filter(event="take_down.decided").latest("id").content["data"]
    assert (decided["decision"], decided["voice_status"]) == ("granted", "suspended")
    other = TakeDown.objects.filter(state="open").first()
    operator.post("/desk", {"do": "decline", "row": str(other.pk), "note": "It is another voice."})
    other.refresh_from_db()
    assert other.state == "declined"


@pytest.mark.django_db
@pytest.mark.provokes("ground_unknown", "record_not_found", "feedback_kind_unknown", "request_not_found")
def test_what_cannot_be_kept_is_refused(client, operator):
    def refused(**change):
        given = {"ground": "my_voice", "name": "Ada", "email": "a@example.org", "text": "x"}
        return refusal_on(client.post("/take-down", {**given, **change}))

    assert refused(ground="envy") == "ground_unknown"
    assert refused(record=NOBODY) == "record_not_found"
    assert refused(record="no number") == "record_not_found"
    assert refused(email="nobody") == "email_invalid"
    assert refusal_on(client.post("/feedback", {"kind": "rude"})) == "feedback_kind_unknown"
    assert refusal_on(client.post("/feedback", {"kind": "wrong"})) == "text_missing"
    assert (
        refusal_on(operator.post("/desk", {"do": "grant", "row": NOBODY, "note": "x"})) == "request_not_found"
    )
    assert refusal_on(operator.post("/desk", {"do": "dance"})) == "action_unknown"


@pytest.mark.django_db
def test_one_address_may_not_flood_the_desk(client):
    answers = [request().status_code for _ in range(6)]
    assert answers == [201] * 5 + [429]
    assert [client.post("/api/v1/feedback", {"kind": "helpful"}, JSON).status_code for _ in range(11)][
        -1
    ] == 429
