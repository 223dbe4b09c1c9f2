"""Dubbing in the portal: a script handed in, watched, changed; quick however long it is; in both languages."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.people.permissions import Role
from synth.projects.models import Line, Project
from tests import factories
from tests.doors.conftest import browser_of, refusal_on
from tests.projects.conftest import feed, rows, run_to_the_end, speak_waiting, states

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
CSV = b"text,begin_ms,end_ms,note\nIt rains.,0,3000,x\nAgain.,2000,2500,\n"


def test_a_script_is_handed_in_watched_and_changed(browser, voice):
    assert voice.name in browser.get("/projects/new").content.decode()
    given = {"name": "My film", "voice": str(voice.pk), "purpose": "dubbing", "format": "wav", "script": ""}
    refused = browser.post("/projects/new", given)
    assert (refused.status_code, refusal_on(refused)) == (400, "script_missing")
    wrong = browser.post(
        "/projects/new", {**given, "file": SimpleUploadedFile("a.csv", b"text\n\xe9t\xe9\n")}
    )
    assert "windows-1252" in wrong.content.decode() and "Line 2" in wrong.content.decode()
    assert (
        refusal_on(browser.post("/projects/new", {**given, "script": "a", "style": "s" * 50}))
        == "invalid_request"
    )
    made = browser.post("/projects/new", {**given, "file": SimpleUploadedFile("a.csv", CSV)})
    project = str(Project.objects.get().pk)
    assert made["location"] == f"/projects/{project}"
    page = browser.get(made["location"]).content.decode()
    assert 'data-live="/projects/' in page and "overlaps" in page and "note" in page
    run_to_the_end(project)
    part = browser.get(made["location"], headers={"X-Fragment": "1"}).content.decode()
    assert "data-live" not in part and "<html" not in part and "1.5 s too long" in part
    assert f"/projects/{project}/archive" in part
    line = browser.get(f"/projects/{project}/lines/2").content.decode()
    assert "Again." in line and 'value="2500"' in line
    changed = {
        "text": "Other.",
        "voice": "",
        "style": "sad",
        "begin_ms": "3000",
        "end_ms": "",
        "speed": "1.1",
    }
    assert browser.post(f"/projects/{project}/lines/2", changed).status_code == 302
    assert states(project) == ["done", "waiting"]
    bad = browser.post(f"/projects/{project}/lines/2", {**changed, "begin_ms": "-4"})
    assert (bad.status_code, refusal_on(bad)) == (400, "slot_invalid")
    for do in ("cancel", "retry"):
        assert browser.post(f"/projects/{project}/change", {"do": do}).status_code == 302
    run_to_the_end(project)
    browser.post(f"/projects/{project}/change", {"do": "redo", "number": "1"})
    assert states(project) == ["waiting", "done"] and Line.objects.get(number=2).style == "sad"
    assert browser.post(f"/projects/{project}/change", {"do": "redo", "number": "9" * 9}).status_code == 400
    assert browser.post(f"/projects/{project}/change", {"do": "track", "format": "wav"}).status_code == 409
    run_to_the_end(project)
    browser.post(f"/projects/{project}/change", {"do": "track", "format": "wav"})
    assert 'data-track="wav"' in browser.get(f"/projects/{project}").content.decode()


def test_who_may_see_and_change(owner, browser, make):
    project = make(lines=rows(2))["id"]
    stranger = browser_of(factories.owner_principal())
    for path in ("", "/lines/1", "/archive", "/track/wav"):
        assert stranger.get(f"/projects/{project}{path}").status_code == 404
    assert stranger.post(f"/projects/{project}/change", {"do": "cancel"}).status_code == 404
    auditor = browser_of(factories.member_principal(owner, Role.AUDITOR))
    assert "/projects/new" not in auditor.get("/projects").content.decode()
    assert auditor.get("/projects/new").status_code == 403
    assert auditor.post(f"/projects/{project}/change", {"do": "cancel"}).status_code == 403


def test_a_page_of_five_hundred_lines_is_quick_in_both_languages(
    browser, make, django_assert_max_num_queries
):
    project = make(lines=rows(500))["id"]
    feed(project)
    speak_waiting()
    feed(project)
    for language in ("en", "zh-hans"):
        for path in (f"/projects/{project}", f"/projects/{project}?page=10", "/projects"):
            with django_assert_max_num_queries(14):
                answer = browser.get(path, headers={"accept-language": language})
            assert answer.status_code == 200 and f'<html lang="{language}"' in answer.content.decode()
    assert "Line number 451." in browser.get(f"/projects/{project}?page=10").content.decode()
