"""Lines on their way: fed a few at a time, each asked for by itself, followed to their end whoever is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.consent import services as consent
from accounts.people import services as people
from accounts.people.permissions import Role
from audit.models import Entry
from synth.common import queue
from synth.errors import Unavailable
from synth.jobs import services as jobs
from synth.jobs.models import JobState, Output, SynthesisJob
from synth.projects import selectors, services
from synth.projects.models import Line
from synth.projects.services import feeding
from tests import factories
from tests.doors.conftest import JSON, browser_of, code_of, key_of
from tests.projects.conftest import feed, rows, run_to_the_end, speak_waiting, states
from worker import tasks

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.mark.provokes("project.created")
def test_a_script_is_spoken_to_its_end(browser, make):
    project = make(lines=rows(11), purpose="dubbing", style="sad", format="flac")
    assert (project["state"], project["counts"]["waiting"]) == ("speaking", 11)
    assert run_to_the_end(project["id"]) == feeding.AHEAD
    found = browser.get(f"/api/v1/projects/{project['id']}").json()
    assert (found["state"], found["progress"], found["counts"]["done"]) == ("done", 1.0, 11)
    spoken = SynthesisJob.objects.order_by("id")
    assert [job.text for job in spoken] == [row["text"] for row in rows(11)]
    assert {(j.purpose, j.style.name, j.format, j.project) for j in spoken} == {
        ("dubbing", "sad", "flac", "film")
    }
    # Each was asked for, and each released, in the log.
    assert Entry.objects.filter(event="synthesis.authorised").count() == 11
    assert Entry.objects.filter(event="synthesis.completed").count() == 11
    line = browser.get(f"/api/v1/projects/{project['id']}/lines/11").json()
    assert (line["state"], line["take"], line["spoken_ms"], line["too_long_by_ms"]) == ("done", 1, 2000, None)
    assert line["output"]["sha256"] == Output.objects.get(job_id=line["job"]).sha256


def test_nobody_waits_behind_more_than_a_few_lines(owner, voice, make, settings):
    for name in ("One", "Two", "Three"):
        make(name=name, lines=rows(20))
    for project in selectors.unfinished_projects(feeding.AHEAD):
        tasks.feed_project(str(project))
    assert SynthesisJob.objects.count() == feeding.ORGANISATION_AHEAD
    settings.ASSENT_SPEECH_QUEUE_LIMIT = 2 * SynthesisJob.objects.count()
    speak_waiting()
    others = factories.owner_principal()
    theirs = factories.consented_voice(others)
    for _ in range(feeding.ORGANISATION_AHEAD):
        jobs.submit_job(principal=others, voice=str(theirs.pk), text="We wait.")
    for project in selectors.unfinished_projects(feeding.AHEAD):
        tasks.feed_project(str(project))
    assert (
        SynthesisJob.objects.filter(state=JobState.QUEUED, project="").count() == feeding.ORGANISATION_AHEAD
    )
    assert not SynthesisJob.objects.filter(state=JobState.QUEUED).exclude(project="").exists()


@pytest.mark.parametrize("lost_at", ["after the claim", "after the job", "while spoken", "before it is told"])
def test_a_killed_process_costs_no_line_and_doubles_none(make, monkeypatch, lost_at):
    project = make(lines=rows(9))
    if lost_at == "after the claim":
        services.feeding._claim(Line.objects.first().project_id)
    elif lost_at == "after the job":
        with monkeypatch.context() as patch:
            patch.setattr(feeding, "take_of", lambda line: Line.objects.none())
            patch.setattr(feeding, "_drop", lambda *_: None)
            tasks.feed_project(project["id"])
        assert SynthesisJob.objects.count() == feeding.AHEAD
        assert not Line.objects.filter(job__isnull=False).exists()
    elif lost_at == "while spoken":
        feed(project["id"])
        for job in SynthesisJob.objects.all():
            assert jobs.claim_job(job_id=job.id, worker="killed")
        long_ago = timezone.now() - timedelta(minutes=5)
        SynthesisJob.objects.update(heartbeat_at=long_ago)
        tasks.reap()
    else:
        feed(project["id"])
        speak_waiting()  # and the worker is gone before `follow`
    run_to_the_end(project["id"])
    assert states(project["id"]) == ["done"] * 9
    assert Output.objects.count() == 9
    assert sorted(Output.objects.values_list("job__text", flat=True)) == [row["text"] for row in rows(9)]
    assert set(Line.objects.values_list("take", flat=True)) == {1}


def test_a_full_queue_is_waited_for(make, monkeypatch):
    project = make(lines=rows(3))

    def full() -> None:
        raise Unavailable("queue_full", "Too many jobs are waiting.", retry_after_s=15)

    with monkeypatch.context() as patch:
        patch.setattr("synth.jobs.services.submitting._refuse_when_full", full)
        feed(project["id"])
    assert states(project["id"]) == ["waiting"] * 3
    run_to_the_end(project["id"])
    assert states(project["id"]) == ["done"] * 3 and Output.objects.count() == 3


def test_the_worker_that_spoke_a_line_goes_on_with_the_next(make, monkeypatch):
    project = make(lines=rows(6))
    feed(project["id"])
    first = SynthesisJob.objects.order_by("id").first()
    monkeypatch.setattr(
        "worker.rendering.render", lambda job, make: jobs.fail_job(job=job, error=Unavailable("x", "y"))
    )
    tasks.render(str(first.pk))
    assert states(project["id"]) == ["failed", *["speaking"] * 4, "waiting"]
    assert Line.objects.get(number=1).error["code"] == "x"


def test_an_edited_line_alone_is_spoken_anew(browser, make):
    project = make(lines=rows(3))
    run_to_the_end(project["id"])
    url = f"/api/v1/projects/{project['id']}/lines/2"
    answer = browser.patch(
        url, {"text": "Other words.", "style": "sad", "begin_ms": 100, "end_ms": 9000}, JSON
    )
    assert answer.status_code == 200, answer.content
    assert states(project["id"]) == ["done", "waiting", "done"]
    run_to_the_end(project["id"])
    line = browser.get(url).json()
    assert (line["text"], line["style"], line["take"], line["state"]) == ("Other words.", "sad", 2, "done")
    assert SynthesisJob.objects.get(pk=line["job"]).style.name == "sad"
    assert SynthesisJob.objects.count() == 4
    for change, code in [
        ({"text": "…"}, "text_empty"),
        ({"end_ms": 5}, "slot_invalid"),
        ({"speed": 9}, "speed_out_of_range"),
    ]:
        assert code_of(browser.patch(url, change, JSON)) == code
    assert states(project["id"]) == ["done"] * 3


def test_an_edit_stops_what_is_being_spoken(browser, make):
    project = make(lines=rows(1))
    feed(project["id"])
    old = SynthesisJob.objects.get()
    browser.post(f"/api/v1/projects/{project['id']}/lines/1/redo")
    old.refresh_from_db()
    assert old.state == JobState.CANCELLED
    run_to_the_end(project["id"])
    assert states(project["id"]) == ["done"] and Output.objects.count() == 1


@pytest.mark.provokes("project.changed", "project_cancelled")
def test_a_cancelled_project_stops_and_can_be_taken_up_again(browser, make):
    project = make(lines=rows(7))
    feed(project["id"])
    running = jobs.claim_job(job_id=SynthesisJob.objects.order_by("id").first().id, worker="w")
    url = f"/api/v1/projects/{project['id']}"
    for _ in range(2):
        assert browser.post(f"{url}/cancel").status_code == 200
    with pytest.raises(jobs.JobStopped) as stopped:
        jobs.beat(job=running, stage="speaking", progress=0.5)
    jobs.stop_job(job=running, reason=stopped.value.reason)
    assert code_of(browser.post(f"{url}/lines/1/redo")) == "project_cancelled"
    run_to_the_end(project["id"])
    found = browser.get(url).json()
    assert (found["state"], found["counts"]["cancelled"]) == ("cancelled", 7)
    assert not Output.objects.exists()
    browser.post(f"{url}/retry")
    run_to_the_end(project["id"])
    assert browser.get(url).json()["state"] == "done" and Output.objects.count() == 7


def test_a_revocation_in_the_middle_ends_the_rest(owner, voice, browser, make):
    project = make(lines=rows(10))
    feed(project["id"])
    speak_waiting()
    feed(project["id"])
    consent.revoke(principal=owner, voice_id=voice.id, reason="enough")
    run_to_the_end(project["id"])
    assert states(project["id"]) == ["done"] * 4 + ["failed"] * 6
    errors = {
        line["error"]["code"]
        for line in browser.get(f"/api/v1/projects/{project['id']}/lines?state=failed").json()["data"]
    }
    assert errors == {"cancelled_consent_revoked", "consent_revoked"}
    assert browser.get(f"/api/v1/projects/{project['id']}").json()["state"] == "incomplete"
    assert code_of(browser.get(f"/api/v1/projects/{project['id']}/archive")) == "nothing_to_export"


def test_a_revoked_key_speaks_no_further_line(owner, voice, browser):
    key, secret = people.create_key(
        principal=owner, name="k", scopes=["speech:write", "speech:read", "voices:read"]
    )
    program = key_of(owner, "speech:write", "speech:read", "voices:read")
    program.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    asked = {"name": "Film", "voice": voice.slug, "lines": rows(6)}
    project = program.post(
        "/api/v1/projects", asked, JSON, headers={"authorization": f"Bearer {secret}"}
    ).json()
    people.revoke_key(principal=owner, key_id=key.pk)
    run_to_the_end(project["id"])
    assert states(project["id"]) == ["failed"] * 6
    assert Line.objects.first().error["code"] == "authentication_required"
    browser.post(f"/api/v1/projects/{project['id']}/retry")
    run_to_the_end(project["id"])
    assert states(project["id"]) == ["done"] * 6


# ---- the slot


def hurried(job: SynthesisJob) -> int:
    """Three seconds of speech at the usual speed."""
    return round(3000 / job.speed)


def test_a_line_is_hurried_once_to_fit_its_slot(browser, make):
    lines = [
        {"text": "Fits.", "begin_ms": 0, "end_ms": 3000},
        {"text": "Nearly.", "begin_ms": 3000, "end_ms": 5970},
        {"text": "A little too long.", "begin_ms": 6000, "end_ms": 8500},
        {"text": "Far too long.", "begin_ms": 9000, "end_ms": 11_000},
        {"text": "No end.", "begin_ms": 12_000},
    ]
    project = make(lines=lines)
    run_to_the_end(project["id"], duration_ms=hurried)
    found = browser.get(f"/api/v1/projects/{project['id']}/lines").json()["data"]
    assert [(line["take"], line["fit_speed"], line["too_long_by_ms"]) for line in found] == [
        (1, None, None),
        (1, None, None),
        (2, pytest.approx(1.224), None),
        (1, None, 1000),
        (1, None, None),
    ]
    assert found[2]["spoken_ms"] == pytest.approx(2451, abs=2)
    assert browser.get(f"/api/v1/projects/{project['id']}").json()["counts"]["too_long"] == 1


def test_what_hurrying_did_not_mend_is_flagged(browser, make):
    project = make(lines=[{"text": "Stubborn.", "begin_ms": 0, "end_ms": 2600}])
    run_to_the_end(project["id"], duration_ms=3000)
    line = browser.get(f"/api/v1/projects/{project['id']}/lines/1").json()
    assert (line["state"], line["take"], line["too_long_by_ms"]) == ("done", 2, 400)
    assert Output.objects.count() == 2


# ---- who may


@pytest.mark.provokes("project_not_found", "line_not_found")
def test_another_organisation_sees_nothing(browser, make):
    project = make(lines=rows(2))
    run_to_the_end(project["id"])
    url = f"/api/v1/projects/{project['id']}"
    stranger = browser_of(factories.owner_principal())
    for path in ("", "/lines", "/lines/1", "/archive", "/subtitles", "/track", "/track/audio", "/usage"):
        assert (stranger.get(url + path).status_code, path) == (404, path)
    for path in ("/cancel", "/retry", "/lines/1/redo", "/track"):
        assert stranger.post(url + path, {}, JSON).status_code == 404
    assert stranger.patch(f"{url}/lines/1", {"text": "Mine."}, JSON).status_code == 404
    assert stranger.get("/api/v1/projects").json()["data"] == []
    assert [row["id"] for row in browser.get("/api/v1/projects").json()["data"]] == [project["id"]]
    assert code_of(browser.get(f"{url}/lines/3")) == "line_not_found"


def test_an_auditor_reads_and_changes_nothing(owner, voice, make):
    project = make(lines=rows(1))
    auditor = browser_of(factories.member_principal(owner, Role.AUDITOR))
    url = f"/api/v1/projects/{project['id']}"
    assert auditor.get(url).status_code == 200
    for answer in (
        auditor.post(f"{url}/cancel"),
        auditor.post(f"{url}/lines/1/redo"),
        auditor.post("/api/v1/projects", {"name": "X", "voice": voice.slug, "script": "a"}, JSON),
    ):
        assert (answer.status_code, code_of(answer)) == (403, "scope_missing")


def test_five_hundred_lines_are_a_page_in_few_queries(browser, make, django_assert_max_num_queries):
    project = make(lines=rows(500))
    feed(project["id"])
    speak_waiting()
    feed(project["id"])
    url = f"/api/v1/projects/{project['id']}"
    for path in ("", "/lines?limit=1", "/lines?limit=100", "/lines?limit=100&after=400"):
        with django_assert_max_num_queries(7):
            assert browser.get(url + path).status_code == 200
    assert [line["number"] for line in browser.get(f"{url}/lines?limit=2&after=498").json()["data"]] == [
        499,
        500,
    ]


def test_messages_name_the_project_alone(make, monkeypatch):
    sent = []
    project = make(lines=rows(1))
    monkeypatch.setattr(queue, "send", lambda task, *args: sent.append((task, *map(str, args))))
    tasks.feed_projects()
    assert sent == [("upkeep.feed_project", project["id"])]
