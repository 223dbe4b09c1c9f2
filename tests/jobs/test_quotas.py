"""Quotas: the last unit of a day is taken once, what fails is given back, and only who answers for it sets a limit."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.people.permissions import Role
from audit.models import Entry
from synth.errors import AssentError, TooMany
from synth.jobs import services, usage
from synth.jobs.models import Quota, SynthesisJob
from synth.jobs.services import quotas
from tests import factories
from tests.accounts.test_races import at_once
from tests.doors.conftest import JSON, browser_of, key_of, refusal_on
from tests.jobs.test_services import TEXT, finished, reserved

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def owner(db):
    return factories.owner_principal()


@pytest.fixture
def voice(owner):
    voice = factories.consented_voice(owner)
    factories.approved_style(owner, voice)
    return voice


@pytest.fixture
def administrator(db):
    found = factories.owner_principal()
    found.user.is_staff = True
    found.user.save()
    return found


@pytest.fixture
def limit(owner, administrator):
    """Set limits of the owner's organisation."""

    def put(**limits):
        services.set_organisation_limits(
            principal=administrator, organisation_id=owner.organisation.pk, **limits
        )

    return put


def submit(owner, voice, **more):
    return services.submit_job(principal=owner, voice=str(voice.pk), **{"text": TEXT, **more})


def release(job, duration_ms=4000):
    job = services.claim_job(job_id=job.pk, worker="w")
    services.release_job(job=job, mark=reserved(job), finished=finished(duration_ms=duration_ms))


def test_two_at_once_do_not_both_take_the_last_job(owner, voice, limit):
    limit(jobs=3)
    submit(owner, voice)
    done = at_once(*[lambda: submit(owner, voice)] * 6)
    assert sorted(type(one).__name__ for one in done) == ["SynthesisJob"] * 2 + ["TooMany"] * 4
    assert SynthesisJob.objects.count() == 3


def test_a_repetition_that_waited_for_the_last_job_gets_that_job(owner, voice, limit):
    limit(jobs=1)
    done = at_once(*[lambda: submit(owner, voice, idempotency_key="k")] * 4)
    assert len({one.pk for one in done}) == 1


@pytest.mark.parametrize("kind", usage.KINDS)
def test_each_kind_bounds_the_day_and_what_fails_is_given_back(owner, voice, limit, kind):
    minutes = {"minutes": 1}
    text = "A sentence of a few words. " * 30 if kind == "minutes" else TEXT
    limit(**(minutes if kind == "minutes" else {kind: 1 if kind == "jobs" else len(TEXT)}))
    job = submit(owner, voice, text=text)
    with pytest.raises(TooMany) as refused:
        submit(owner, voice, text=text)
    assert refused.value.extra["quota"] == kind and refused.value.extra["of"] == "organisation"
    running = services.claim_job(job_id=job.pk, worker="w")
    services.fail_job(job=running, error=AssentError("synthesis_failed", "no"))
    assert usage.used_today(owner.organisation) == usage.Use()
    submit(owner, voice, text=text)


def test_minutes_are_estimated_first_and_settled_by_the_release(owner, voice):
    job = submit(owner, voice, speed=2.0)
    assert usage.used_today(owner.organisation).ms == quotas.estimated_ms(TEXT, speed=2.0)
    assert quotas.estimated_ms(TEXT, speed=2.0) < quotas.estimated_ms(TEXT, speed=1.0)
    release(job, duration_ms=61_000)
    assert usage.used_today(owner.organisation) == usage.Use(1, len(TEXT), 61_000)


@pytest.mark.parametrize("reason", ["cancelled", "style"])
def test_a_job_that_ended_early_gives_back_all_but_what_was_heard(owner, voice, reason):
    """Also one that failed when nearly all of it had left: its caller can see to that."""
    services.cancel_job(principal=owner, job_id=submit(owner, voice).pk)
    assert usage.used_today(owner.organisation) == usage.Use()
    job = submit(owner, voice, stream=True, format="wav")
    job = services.claim_job(job_id=job.pk, worker="w")
    mark = reserved(job)
    file = services.begin_stream(job=job)
    known = services.Known(b"print", b"reference")
    services.release_piece(job=job, mark=mark, file=file, data=b"sound", end_ms=1500, known=known)
    services.stop_job(job=job, reason=reason)
    assert usage.used_today(owner.organisation) == usage.Use(1, len(TEXT), 1500)


def test_what_was_spoken_counts_after_its_text_is_gone_and_not_tomorrow(owner, voice, time_machine_of):
    release(submit(owner, voice))
    SynthesisJob.objects.update(text="")
    assert usage.used_today(owner.organisation).characters == len(TEXT)
    time_machine_of(usage.renews_at() + timedelta(seconds=1))
    assert usage.used_today(owner.organisation) == usage.Use()


@pytest.fixture
def time_machine_of(monkeypatch):
    return lambda moment: monkeypatch.setattr("synth.jobs.usage.timezone.now", lambda: moment)


@pytest.mark.provokes("quota_exceeded", "quota.changed")
def test_every_door_refuses_with_what_is_left_and_when_it_renews(owner, voice, browser, program, key):
    url = f"/api/v1/keys/{key}/limits"
    assert browser.put(url, {"characters": 40}, JSON).json() == {
        "minutes": None,
        "characters": 40,
        "jobs": None,
    }
    made = program.post("/api/v1/jobs", {"voice": voice.slug, "text": TEXT}, JSON)
    assert made.status_code == 201
    assert made["RateLimit-Policy"] == '"key-characters";q=40;w=86400'
    assert made["RateLimit"].startswith(f'"key-characters";r={40 - len(TEXT)};t=')
    refused = program.post("/api/v1/jobs", {"voice": voice.slug, "text": TEXT}, JSON)
    said = refused.json()
    assert refused.status_code == 429 and said["code"] == "quota_exceeded"
    assert (said["quota"], said["of"], said["limit"]) == ("characters", "key", 40)
    assert (said["measured"], said["left"], said["asked"]) == (len(TEXT), 40 - len(TEXT), len(TEXT))
    midnight = datetime.fromisoformat(said["renews_at"])
    assert midnight.astimezone(UTC).time().isoformat() == "00:00:00"
    assert abs(int(refused["Retry-After"]) - (midnight - datetime.now(UTC)).total_seconds()) < 5
    assert refused["x-should-retry"] == "false"
    spoken = program.post("/v1/audio/speech", {"voice": voice.slug, "input": TEXT, "model": "a"}, JSON)
    assert spoken.status_code == 429 and spoken.json()["error"]["code"] == "quota_exceeded"
    # The key's limit is the key's alone.
    assert browser.post("/api/v1/jobs", {"voice": voice.slug, "text": TEXT}, JSON).status_code == 201
    entry = Entry.objects.get(event="quota.changed").content
    assert entry["data"]["value"]["characters"] == 40 and entry["data"]["api_key_id"] == key


@pytest.fixture
def browser(owner):
    return browser_of(owner)


@pytest.fixture
def program(owner):
    return key_of(owner, "speech:write", "speech:read", "voices:read")


@pytest.fixture
def key(program, browser):
    return browser.get("/api/v1/keys").json()["data"][0]["id"]


def test_the_studio_says_it_too(owner, voice, limit, browser):
    limit(jobs=0)
    answer = browser.post("/studio", {"voice": str(voice.pk), "text": TEXT, "format": "wav", "speed": "1"})
    assert answer.status_code == 429 and refusal_on(answer) == "quota_exceeded"


def test_usage_by_key_voice_and_purpose(owner, voice, program, browser, limit):
    limit(minutes=10, jobs=5)
    program.post("/api/v1/jobs", {"voice": voice.slug, "text": TEXT}, JSON)
    release(submit(owner, voice), duration_ms=90_000)
    said = program.get("/api/v1/usage").json()
    assert {(one["of"], one["quota"], one["limit"]) for one in said["quotas"]} == {
        ("organisation", "jobs", 5),
        ("organisation", "minutes", 10),
    }
    assert said["today"]["total"]["jobs"] == 2 and said["today"]["total"]["characters"] == 2 * len(TEXT)
    named = {row["name"]: row for row in said["last_30_days"]["by_key"]}
    assert named["portal"] == {
        "id": None,
        "name": "portal",
        "jobs": 1,
        "characters": len(TEXT),
        "minutes": 1.5,
    }
    assert named["program"]["jobs"] == 1
    assert [row["name"] for row in said["today"]["by_voice"]] == [voice.name]
    assert said["today"]["by_purpose"][0]["jobs"] == 2
    assert said["last_30_days"]["by_day"][0]["jobs"] == 2
    page = browser.get("/usage")
    assert page.status_code == 200
    assert "program" in page.content.decode() and "data-left" in page.content.decode()


@pytest.mark.provokes("quota_out_of_range", "api_key_not_found", "organisation_not_found")
def test_who_sets_limits(owner, voice, program, browser, key, administrator):
    url = f"/api/v1/keys/{key}/limits"
    assert browser.put(url, {"jobs": -1}, JSON).json()["code"] == "quota_out_of_range"
    assert browser.put(f"/api/v1/keys/{uuid.uuid4()}/limits", {}, JSON).json()["code"] == "api_key_not_found"
    assert program.put(url, {"jobs": 9}, JSON).json()["code"] == "person_required"
    operator = browser_of(factories.member_principal(owner, Role.OPERATOR))
    assert operator.put(url, {"jobs": 9}, JSON).json()["code"] == "scope_missing"
    of_all = f"/api/v1/organisations/{owner.organisation.pk}/limits"
    assert browser.put(of_all, {"jobs": 9}, JSON).status_code == 404
    staff = browser_of(administrator)
    assert staff.put(of_all, {"jobs": 9}, JSON).json()["jobs"] == 9
    missing = staff.put(f"/api/v1/organisations/{uuid.uuid4()}/limits", {"jobs": 9}, JSON)
    assert missing.json()["code"] == "organisation_not_found"
    assert staff.put(of_all, {}, JSON).json()["jobs"] is None
    assert not Quota.objects.exists()
    assert Client().get("/api/v1/usage").status_code == 401


def test_the_pages_set_limits(owner, voice, browser, key, administrator):
    browser.post("/usage", {"row": key, "minutes": "3", "jobs": ""})
    assert Quota.objects.get().minutes == 3
    assert refusal_on(browser.post("/usage", {"row": key, "minutes": "many"})) == "quota_out_of_range"
    assert browser.get("/usage/organisations").status_code == 404
    staff = browser_of(administrator)
    assert owner.organisation.name in staff.get("/usage/organisations").content.decode()
    staff.post("/usage/organisations", {"row": str(owner.organisation.pk), "jobs": "7"})
    assert Quota.objects.get(api_key=None).jobs == 7
