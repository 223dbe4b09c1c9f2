"""Profiles: what they ask is the strictest of all, contradictions stop the start, and the table keeps its word."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.urls import reverse

from audit.events import EVENTS
from synth.conf.env import TABLE
from synth.law import profiles
from synth.law.document import as_markdown
from tests import factories
from tests.doors.conftest import JSON, browser_of, code_of

ROOT = Path(__file__).resolve().parents[2]


def test_the_strictest_of_several_profiles_counts():
    both = profiles.rules("cn, us-ca")
    assert (both.take_down_hours, both.in_file_label, both.notice_off_by) == (24, True, "owner")
    assert profiles.rules("cn,in").notice_off_by == "nobody" and profiles.rules("cn,in").take_down_hours == 3
    assert profiles.rules("cn").retention["outputs"] == (183, None)
    assert profiles.rules("none").is_none and profiles.rules("").take_down_hours == 96
    with pytest.raises(profiles.UnknownProfile):
        profiles.rules("mars")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ASSENT_PROFILE": "mars"}, "no profile: mars"),
        (
            {"ASSENT_PROFILE": "cn", "ASSENT_OPERATOR": "Harbor", "ASSENT_NOTICE": "none"},
            "asks for a heard notice",
        ),
        ({"ASSENT_PROFILE": "cn"}, "set ASSENT_OPERATOR"),
        ({"ASSENT_PROFILE": "eu", "ASSENT_OPERATOR": "Harbor"}, "set ASSENT_TIMESTAMP_URL"),
        (
            {"ASSENT_PROFILE": "cn", "ASSENT_OPERATOR": "Harbor", "ASSENT_RETENTION": "texts=30"},
            "at least 183",
        ),
        (
            {"ASSENT_PROFILE": "us-ca", "ASSENT_OPERATOR": "Harbor", "ASSENT_RETENTION": "uploads=0"},
            "allows at most 1 days",
        ),
        ({"ASSENT_RETENTION": "dreams=3"}, "ASSENT_RETENTION cannot be read"),
    ],
)
def test_a_setting_that_contradicts_the_profile_stops_the_start(settings, change, sentence):
    for name, value in change.items():
        setattr(settings, name, value)
    errors = [error for error in run_checks() if error.id == "assent.E004"]
    assert len(errors) == 1 and sentence in errors[0].msg
    settings.ASSENT_PROFILE, settings.ASSENT_RETENTION = "none", ""
    assert not [error for error in run_checks() if error.id == "assent.E004"]


def test_every_requirement_names_evidence_that_exists():
    settings_named = {row.name for row in TABLE}
    for row in profiles.requirements():
        assert set(row.profiles) <= set(profiles.names()), row.code
        assert row.state in ("met", "part", "operator")
        assert all(row.asks[language] and row.met[language] for language in ("en", "zh"))
        assert row.state == "operator" or any(one.kind == "test" for one in row.evidence), row.code
        for one in row.evidence:
            if one.kind == "test":
                path, name = one.name.split("::")
                tree = ast.parse((ROOT / path).read_text())
                assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (
                    one.name
                )
            elif one.kind == "event":
                assert one.name in EVENTS
            elif one.kind == "setting":
                assert one.name in settings_named
            elif one.kind == "bench":
                assert (ROOT / "docs" / "benchmarks" / one.name).exists(), one.name
            else:
                assert reverse(one.name)


def test_the_document_is_the_table():
    assert (ROOT / "docs" / "conformity.md").read_text(encoding="utf-8") == as_markdown()


def test_the_command_prints_the_table_of_the_chosen_rules(settings):
    out = io.StringIO()
    call_command("profile", "cn", stdout=out)
    assert "take-down within: 24 h" in out.getvalue() and "Not legal advice" in out.getvalue()
    call_command("profile", stdout=out)
    assert "No profile is chosen" in out.getvalue()
    with pytest.raises(CommandError, match="mars"):
        call_command("profile", "mars")


@pytest.mark.django_db
def test_the_terms_and_the_conformity_page_are_public(client, settings):
    settings.ASSENT_PROFILE = "cn"
    page = client.get("/conformity").content.decode()
    assert 'data-requirement="heard-notice"' in page and 'data-requirement="user-declaration"' not in page
    assert "Not legal advice" in page
    chinese = client.get("/conformity", headers={"accept-language": "zh-hans"}).content.decode()
    assert "调用方不能去掉提示" in chinese
    settings.ASSENT_PROFILE = "none"
    assert 'data-requirement="user-declaration"' in client.get("/conformity").content.decode()
    assert "GB 45438" not in client.get("/terms").content.decode()
    settings.ASSENT_PROFILE = "cn"
    assert "GB 45438" in client.get("/terms").content.decode()


@pytest.mark.django_db
@pytest.mark.provokes("format_cannot_be_labelled")
def test_raw_samples_are_refused_where_a_label_must_be_in_the_file(settings):
    owner = factories.owner_principal()
    voice = factories.consented_voice(owner)
    settings.ASSENT_PROFILE = "in"
    asked = {"voice": str(voice.pk), "text": "The parcel arrived.", "format": "pcm"}
    assert code_of(browser_of(owner).post("/api/v1/jobs", asked, JSON)) == "format_cannot_be_labelled"
