"""Endpoints and deliveries through the doors: written with what they tell of, sent until heard, replayed, refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.consent import services as consent
from accounts.people.permissions import Role
from audit.models import Entry
from synth.errors import AssentError
from synth.jobs import services as jobs
from synth.webhooks import events, services
from synth.webhooks.models import Delivery, Endpoint
from synth.webhooks.services import delivering
from tests import factories
from tests.doors.conftest import JSON, NOBODY, browser_of, code_of, key_of, refusal_on
from tests.jobs.test_services import TEXT, finished, reserved
from tests.webhooks.conftest import deliver
from worker import tasks

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def voice(owner: Any) -> Any:
    voice = factories.consented_voice(owner)
    factories.approved_style(owner, voice)
    return voice


def submit(owner: Any, voice: Any) -> Any:
    return jobs.submit_job(principal=owner, voice=str(voice.pk), text=TEXT)


def release(job: Any) -> None:
    job = jobs.claim_job(job_id=job.pk, worker="w")
    jobs.release_job(job=job, mark=reserved(job), finished=finished())


def one_due(endpoint: Endpoint) -> Delivery:
    """A delivery that waits."""
    return Delivery.objects.create(endpoint=endpoint, type="job.failed", payload='{"type":"job.failed"}')


def test_what_a_receiver_is_told_of_a_job_and_how_it_checks_it(owner, voice, receiver, made):
    job = submit(owner, voice)
    release(job)
    deliver()
    (headers, body) = receiver.got[0]
    said = json.loads(body)
    assert said["type"] == "job.released" and said["timestamp"].endswith("Z")
    data = said["data"]
    assert data["job_id"] == str(job.pk) and data["state"] == "released" and data["duration_ms"] == 4000
    entry = Entry.objects.get(pk=data["log_entry"])
    assert entry.event == "synthesis.completed" and data["output_id"] == entry.content["data"]["output_id"]
    for secret_thing in (TEXT, owner.user.email, owner.organisation.name, voice.name):
        assert secret_thing not in body.decode()
    key = base64.b64decode(made["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    row = Delivery.objects.get()
    assert (row.state, row.response_status, row.attempts, row.message_id) == (
        "delivered",
        204,
        1,
        headers["webhook-id"],
    )


def test_failed_cancelled_and_consent(owner, voice, receiver, made):
    jobs.fail_job(
        job=jobs.claim_job(job_id=submit(owner, voice).pk, worker="w"),
        error=AssentError("synthesis_failed", "no"),
    )
    jobs.cancel_job(principal=owner, job_id=submit(owner, voice).pk)
    factories.consented_voice(owner)
    consent.revoke(principal=owner, voice_id=voice.pk, reason="a private reason")
    deliver()
    told = [json.loads(body) for _, body in receiver.got]
    assert sorted(one["type"] for one in told) == [
        "consent.approved",
        "consent.revoked",
        "job.cancelled",
        "job.failed",
    ]
    failed = next(one for one in told if one["type"] == "job.failed")
    assert failed["data"]["code"] == "synthesis_failed"
    assert "private reason" not in str(told)


@pytest.mark.parametrize(
    ("event", "data", "type"),
    [
        ("consent.reviewed", {"submission_id": "s"}, "consent.refused"),
        ("consent.reviewed", {"consent_id": "c"}, "consent.approved"),
        ("consent.rejected", {}, "consent.refused"),
        ("consent.expired", {}, "consent.expired"),
        ("consent.expiry_noticed", {}, "consent.expiring"),
        ("voice.registered", {}, ""),
    ],
)
def test_which_entries_are_told(event, data, type):
    assert events.type_of(event, data) == type


def test_it_is_written_with_what_it_tells_of_or_not_at_all(owner, voice, receiver, made):
    job = submit(owner, voice)
    with pytest.raises(RuntimeError), transaction.atomic():
        jobs.cancel_job(principal=owner, job_id=job.pk)
        assert Delivery.objects.count() == 1
        raise RuntimeError("a crash")
    assert Delivery.objects.count() == 0
    jobs.cancel_job(principal=owner, job_id=job.pk)
    # No message for a worker is needed: the row is the truth, and the clock calls.
    assert Delivery.objects.get().state == "pending"


def test_what_was_lost_with_its_worker_is_sent_again(endpoint, receiver, monkeypatch):
    one_due(endpoint)
    monkeypatch.setattr(delivering, "_settle", _crash)
    with pytest.raises(KeyboardInterrupt):
        deliver()
    monkeypatch.undo()
    row = Delivery.objects.get()
    assert row.state == "pending" and row.next_attempt_at > timezone.now()
    deliver()
    assert len(receiver.got) == 1  # not before its time
    Delivery.objects.update(next_attempt_at=timezone.now())
    deliver()
    assert len(receiver.got) == 2 and Delivery.objects.get().state == "delivered"
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]


def _crash(*args: Any) -> None:
    raise KeyboardInterrupt


def test_the_clock_calls_for_what_is_due(endpoint, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr("synth.webhooks.services.outbox.send", sent.append)
    tasks.reap()
    assert sent == []
    one_due(endpoint)
    tasks.reap()
    assert sent == ["checks.webhooks"]


def test_one_process_sends_at_a_time_so_slow_endpoints_hold_one_thread(endpoint, receiver):
    one_due(endpoint)
    with delivering._sending:
        assert services.deliver_due() == 0
    assert services.deliver_due() == 1


def test_the_schedule_of_the_scheme_and_its_end(endpoint, receiver):
    receiver.answers = [(500, {})] * 10
    row = one_due(endpoint)
    waits = []
    for attempt in range(1, 11):
        begun = timezone.now()
        Delivery.objects.update(next_attempt_at=begun)
        deliver()
        row.refresh_from_db()
        assert (row.attempts, row.response_status, row.error) == (attempt, 500, "status")
        if attempt < 10:
            waits.append((row.next_attempt_at - row.last_attempt_at).total_seconds())
    assert row.state == "dead" and len(receiver.got) == 10
    recommended = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for wait, least in zip(waits, recommended, strict=True):
        assert least <= wait <= least * 1.1
    endpoint.refresh_from_db()
    assert endpoint.failing_since is not None and endpoint.is_enabled
    one_due(endpoint)
    deliver()
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_an_endpoint_may_ask_for_more_time_within_bounds(endpoint, receiver):
    receiver.answers = [(503, {"Retry-After": "600"}), (503, {"Retry-After": "9999999"})]
    row = one_due(endpoint)
    for least, most in ((600, 601), (86_400, 86_401)):
        Delivery.objects.update(next_attempt_at=timezone.now())
        deliver()
        row.refresh_from_db()
        assert least <= (row.next_attempt_at - row.last_attempt_at).total_seconds() <= most


@pytest.mark.provokes("webhook.disabled")
@pytest.mark.parametrize(("status", "reason"), [(500, "failing"), (410, "gone")])
def test_what_fails_for_days_or_is_gone_is_switched_off_and_that_is_said(
    endpoint, receiver, browser, owner, status, reason
):
    receiver.answers = [(status, {})]
    if status == 500:
        Endpoint.objects.update(failing_since=timezone.now() - timedelta(days=3, minutes=1))
    waiting = Delivery.objects.create(
        endpoint=endpoint,
        type="job.failed",
        payload="{}",
        next_attempt_at=timezone.now() + timedelta(hours=1),
    )
    one_due(endpoint)
    deliver()
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert endpoint.disabled == reason and waiting.state == "dead"
    assert Entry.objects.get(event="webhook.disabled").content["data"]["reason"] == reason
    assert mail.outbox[-1].to == [owner.user.email] and endpoint.url in mail.outbox[-1].body
    assert endpoint.get_disabled_display() in browser.get(f"/webhooks/{endpoint.pk}").content.decode()


def test_a_disabled_endpoint_is_told_nothing(owner, voice, endpoint, browser):
    browser.patch(f"/api/v1/webhooks/{endpoint.pk}", {"enabled": False}, JSON)
    jobs.cancel_job(principal=owner, job_id=submit(owner, voice).pk)
    assert not Delivery.objects.exists()


def test_only_what_was_asked_for_and_only_one_s_own(owner, voice, endpoint, browser):
    browser.patch(f"/api/v1/webhooks/{endpoint.pk}", {"events": ["job.failed"]}, JSON)
    jobs.cancel_job(principal=owner, job_id=submit(owner, voice).pk)
    stranger = factories.owner_principal()
    theirs = factories.consented_voice(stranger)
    jobs.fail_job(
        job=jobs.claim_job(job_id=submit(stranger, theirs).pk, worker="w"),
        error=AssentError("x_failed", "no"),
    )
    assert not Delivery.objects.exists()


@pytest.mark.provokes("account_needed")
def test_a_verdict_is_told_where_its_asker_wants_it(endpoint, receiver, browser):
    from tests.doors.conftest import take
    from watermark import services as watermark
    from watermark.models import Verification

    for wanted in (False, True):
        answer = browser.post("/api/v1/verify/batches", {"files": [take()], "tell_webhooks": wanted})
        assert answer.status_code == 202, answer.content
    plain, told = Verification.objects.order_by("created_at")
    for row in (plain, told):
        watermark.cancel_verification(verification_id=row.pk)
    deliver()
    said = [json.loads(body) for _, body in receiver.got]
    assert [one["data"]["verification_id"] for one in said] == [str(told.pk)]
    assert said[0]["type"] == "verdict.finished" and said[0]["data"]["state"] == "failed"
    stranger = Client().post("/api/v1/verify", {"file": take(), "tell_webhooks": True})
    assert code_of(stranger) == "account_needed"


@pytest.mark.provokes("webhook_disabled", "delivery_not_found")
def test_replay_of_one_and_of_all_that_was_given_up(endpoint, receiver, browser, owner):
    url = f"/api/v1/webhooks/{endpoint.pk}"
    rows = [one_due(endpoint) for _ in range(3)]
    Delivery.objects.filter(pk=rows[0].pk).update(state="delivered")
    Delivery.objects.exclude(pk=rows[0].pk).update(state="dead", attempts=10, error="status")
    since = (timezone.now() - timedelta(hours=1)).isoformat()
    program = key_of(owner, "audit:read")
    assert program.post(f"{url}/replay", {"since": since}, JSON).json() == {"replayed": 2}
    deliver()
    deliver()
    assert {head["webhook-id"] for head, _ in receiver.got} == {row.message_id for row in rows[1:]}
    again = program.post(f"{url}/deliveries/{rows[0].pk}/replay", content_type=JSON)
    assert again.status_code == 202 and again.json()["state"] == "pending"
    deliver()
    assert receiver.got[-1][0]["webhook-id"] == rows[0].message_id
    assert code_of(browser.post(f"{url}/deliveries/{NOBODY}/replay")) == "delivery_not_found"
    browser.patch(url, {"enabled": False}, JSON)
    assert code_of(browser.post(f"{url}/deliveries/{rows[0].pk}/replay")) == "webhook_disabled"
    assert code_of(browser.post(f"{url}/test")) == "webhook_disabled"
    listed = program.get(f"{url}/deliveries?limit=2").json()
    assert listed["has_more"] and listed["data"][0]["response_status"] == 204


def test_a_test_is_sent_once(endpoint, receiver, browser):
    receiver.answers = [(500, {})]
    assert browser.post(f"/api/v1/webhooks/{endpoint.pk}/test").status_code == 202
    deliver()
    row = Delivery.objects.get()
    assert (row.type, row.state, row.response_status) == ("webhook.test", "dead", 500)
    endpoint.refresh_from_db()
    assert endpoint.failing_since is None


def test_a_new_secret_overlaps_with_the_one_before(made, receiver, browser):
    answer = browser.post(f"/api/v1/webhooks/{made['id']}/secret").json()
    assert answer["secret"] != made["secret"] and answer["previous_until"]
    endpoint = Endpoint.objects.get()
    assert made["secret"] not in (endpoint.previous_secret, endpoint.secret)  # sealed at rest
    one_due(endpoint)
    deliver()
    assert len(receiver.got[0][0]["webhook-signature"].split(" ")) == 2
    Endpoint.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    one_due(endpoint)
    deliver()
    assert len(receiver.got[1][0]["webhook-signature"].split(" ")) == 1


def test_a_secret_that_cannot_be_read_any_more_is_said(owner, endpoint, receiver, settings):
    settings.SECRET_KEY = "another one"
    one_due(endpoint)
    deliver()
    assert Delivery.objects.get().error == "secret_lost" and not receiver.got
    # A new one signs at once: that the one before cannot be read any more stops nothing.
    services.rotate_secret(principal=owner, endpoint_id=endpoint.pk)
    Delivery.objects.update(next_attempt_at=timezone.now())
    deliver()
    assert Delivery.objects.get().state == Delivery.State.DELIVERED and receiver.got


@pytest.mark.provokes(
    "webhook_url_invalid", "webhook_address_forbidden", "webhook_events_unknown", "too_many_webhooks",
    "webhook_not_found", "webhook.created", "webhook.changed", "webhook.deleted",
)  # fmt: skip
def test_what_is_refused_and_what_is_logged(owner, browser):
    def add(url: str = "https://example.org/hook", wanted: tuple[str, ...] = ("job.released",)) -> Any:
        return browser.post("/api/v1/webhooks", {"url": url, "events": list(wanted)}, JSON)

    assert code_of(add("http://example.org/")) == "webhook_url_invalid"
    assert code_of(add("https://127.1/")) == "webhook_address_forbidden"
    assert code_of(add(wanted=("job.begun",))) == "webhook_events_unknown"
    assert code_of(add(wanted=())) == "webhook_events_unknown"
    made = add().json()
    for _ in range(4):
        assert add().status_code == 201
    assert code_of(add()) == "too_many_webhooks"
    url = f"/api/v1/webhooks/{made['id']}"
    assert "secret" not in browser.get(url).json()
    assert browser.patch(url, {"events": ["job.failed"]}, JSON).json()["events"] == ["job.failed"]
    assert browser.delete(url).status_code == 204
    assert code_of(browser.get(url)) == "webhook_not_found"
    logged = Entry.objects.filter(event__startswith="webhook.").values_list("event", flat=True)
    assert sorted(logged) == ["webhook.changed", *["webhook.created"] * 5, "webhook.deleted"]


def test_who_may(owner, endpoint, browser):
    url = f"/api/v1/webhooks/{endpoint.pk}"
    program = key_of(owner, "audit:read", "speech:write")
    assert program.get(url).status_code == 200
    assert code_of(program.delete(url)) == "person_required"
    assert code_of(key_of(owner, "speech:write").get(url)) == "scope_missing"
    reviewer = browser_of(factories.member_principal(owner, Role.REVIEWER))
    assert code_of(reviewer.get(url)) == "scope_missing"
    auditor = browser_of(factories.member_principal(owner, Role.AUDITOR))
    assert auditor.get(url).status_code == 200
    assert code_of(auditor.post(f"{url}/secret")) == "scope_missing"
    assert code_of(browser_of(factories.owner_principal()).get(url)) == "webhook_not_found"


def test_the_pages(owner, browser, receiver):
    page = browser.post("/webhooks", {"url": receiver.url, "events": ["job.released", "job.failed"]})
    assert page.context["new_secret"].startswith("whsec_")
    endpoint = Endpoint.objects.get()
    here = f"/webhooks/{endpoint.pk}"
    assert page.context["new_secret"] not in browser.get(here).content.decode()
    assert refusal_on(browser.post("/webhooks", {"url": "nothing", "events": []})) == "webhook_url_invalid"
    browser.post(here, {"do": "test"})
    receiver.answers = [(418, {})]
    deliver()
    row = Delivery.objects.get()
    for language in ("en", "zh-hans"):
        shown = browser.get(here, headers={"accept-language": language}).content.decode()
        assert "HTTP 418" in shown and row.message_id in shown
    browser.post(here, {"do": "replay", "delivery": str(row.pk)})
    row.refresh_from_db()
    assert row.state == "pending"
    assert browser.post(here, {"do": "rotate"}).context["new_secret"].startswith("whsec_")
    browser.post(here, {"do": "off"})
    assert refusal_on(browser.post(here, {"do": "test"})) == "webhook_disabled"
    browser.post(here, {"do": "on"})
    browser.post(here, {"do": "change", "url": receiver.url, "events": ["job.cancelled"]})
    endpoint.refresh_from_db()
    assert endpoint.events == ["job.cancelled"] and endpoint.is_enabled
    assert refusal_on(browser.post(here, {"do": "dance"})) == "action_unknown"
    assert browser.post(here, {"do": "delete"}).status_code == 302
    assert not Endpoint.objects.exists()


def test_deliveries_are_kept_for_their_time(endpoint, settings):
    from synth.rights.services import retention

    settings.ASSENT_RETENTION = "deliveries=7"
    old = one_due(endpoint)
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=8), state="delivered")
    kept = one_due(endpoint)
    assert retention.sweep()["deliveries"] == 1
    assert list(Delivery.objects.all()) == [kept] and kept != old


def test_deleting_an_endpoint_makes_nothing_fail_that_is_told_to_it_meanwhile(owner, voice, endpoint):
    job = submit(owner, voice)
    with transaction.atomic():
        jobs.cancel_job(principal=owner, job_id=job.pk)
        Endpoint.objects.using("owner").filter(pk=endpoint.pk).delete()
    job.refresh_from_db()
    assert job.state == "cancelled"
    deliver()
