"""Scripts as people write them, and as people send them who mean harm."""

from __future__ import annotations

import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from synth.errors import AssentError
from synth.projects import script
from synth.projects.models import Line, Project
from synth.projects.script import ScriptLine, read
from tests.doors.conftest import JSON, code_of

AT_THE_DOOR = pytest.mark.django_db(databases="__all__")

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>The parcel</i>
arrived.

2
00:00:03,000 --> 00:00:04,000
{\\an8}♪♪

3
00:01:00,250 --> 00:01:02,000
It was empty.
"""
VTT = """WEBVTT

NOTE made by hand

intro
00:01.000 --> 00:02.500 align:start
<v Ada>Tom &amp; I came.
"""


def test_csv_with_all_that_a_line_may_say():
    text = (
        "\ufefftext;voice;style;speed;begin;end;note\r\n"
        '"It rains; again.";ada;sad;1.2;00:00:01.5;0:00:03,250;loud\r\n'
        "Line two.;;;;4;;\r\n\r\n"
    )
    found = read(text.encode(), name="film.CSV")
    assert found.lines == [
        ScriptLine("It rains; again.", "ada", "sad", 1.2, 1500, 3250),
        ScriptLine("Line two.", begin_ms=4000),
    ]
    assert found.warnings == [{"code": "columns_ignored", "line": 1, "names": ["note"]}]


def test_json_srt_vtt_and_plain_text():
    rows = [{"text": "One.", "begin_ms": 0, "end_ms": 900.0}, {"text": "Two.", "mood": "sad"}]
    found = read(json.dumps({"lines": rows}).encode(), format="json")
    assert found.lines == [ScriptLine("One.", begin_ms=0, end_ms=900), ScriptLine("Two.")]
    assert found.warnings == [{"code": "columns_ignored", "line": 2, "names": ["mood"]}]
    found = read(SRT.encode("utf-16"))
    assert found.lines == [
        ScriptLine("The parcel arrived.", begin_ms=1000, end_ms=2500),
        ScriptLine("It was empty.", begin_ms=60_250, end_ms=62_000),
    ]
    assert found.warnings == [{"code": "nothing_to_say", "line": 7}]
    assert read(VTT.encode()).lines == [ScriptLine("Tom & I came.", begin_ms=1000, end_ms=2500)]
    assert [line.text for line in read("你好。\n\n再见。\n".encode(), name="a.txt").lines] == [
        "你好。",
        "再见。",
    ]


def test_a_formula_is_a_text_like_any_other():
    assert read(b'text\n"=HYPERLINK(""http://x"")"\n', format="csv").lines[0].text == '=HYPERLINK("http://x")'


@pytest.mark.parametrize(
    ("data", "format", "code", "measured"),
    [
        ("text\n他来了。".encode("gb18030"), "csv", "script_encoding", "gb18030"),
        ("text\nDéjà vu, señor.".encode("latin-1"), "csv", "script_encoding", "windows-1252"),
        ("WEBVTT".encode("utf-16-le"), "vtt", "script_encoding", "utf-16 without a byte order mark"),
        (b"PK\x03\x04" + bytes(range(256)), "csv", "script_encoding", "a spreadsheet or another ZIP file"),
        (b"a,b\n1,2\n", "csv", "script_unreadable", ["a", "b"]),
        (b"text,text\n1,2\n", "csv", "script_unreadable", ["text", "text"]),
        (b"text\n1,2\n", "csv", "script_unreadable", 2),
        (b'text\n"open\n', "csv", "script_unreadable", None),
        (b"text\n" + b"a" * 200_000, "csv", "script_unreadable", None),
        (b"[" * 100_000, "json", "script_unreadable", None),
        (b'[{"text": "a\\ud800"}]', "json", "script_unreadable", None),
        (b'[{"text": 3}]', "json", "script_unreadable", "int"),
        (b'[{"text": "a", "speed": NaN}]', "json", "script_unreadable", None),
        (b'[{"text": "a", "speed": "inf"}]', "json", "script_unreadable", "inf"),
        (b'[{"text": "a", "style": "' + b"s" * 41 + b'"}]', "json", "script_unreadable", 41),
        (b"[1]", "json", "script_unreadable", None),
        (b'[{"text": "a", "begin_ms": 1e99}]', "json", "slot_invalid", "1e+99"),
        (b'[{"text": "a", "begin_ms": -5}]', "json", "slot_invalid", -5),
        (b'[{"text": "a", "begin_ms": 5, "end_ms": 5}]', "json", "slot_invalid", [5, 5]),
        (b'[{"text": "a", "end_ms": 5}]', "json", "slot_invalid", [None, 5]),
        (b"text,begin\na,99:00:00\n", "csv", "slot_invalid", 356_400_000),
        (b"text,begin\na,00:61:00\n", "csv", "slot_invalid", "00:61:00"),
        (b"1\nnow --> then\na\n", "srt", "slot_invalid", "now"),
        (b"stray\n\n1\n00:00:01,000 --> 00:00:02,000\na\n", "srt", "script_unreadable", "stray"),
        (b" \n\n", "txt", "script_empty", 0),
        (b"a\n" * 1001, "txt", "script_too_many_lines", 1001),
        (b"a", "docx", "script_format_unknown", "docx"),
    ],
)
def test_what_does_not_fit_is_named(data, format, code, measured):
    with pytest.raises(AssentError) as refused:
        read(data, format=format)
    assert (refused.value.code, refused.value.measured) == (code, measured)


def test_where_it_stands_is_said():
    with pytest.raises(AssentError) as refused:
        read("text\nHello.\nÄ\n".encode("latin-1"), format="csv")
    assert refused.value.extra["line"] == 3


REFUSED = {
    "script_encoding": ({"file": "er kommt täglich".encode("latin-1")}, 400),
    "script_unreadable": ({"file": b"a,b\n1,2\n", "script_format": "csv"}, 400),
    "script_empty": ({"script": "\n"}, 400),
    "script_too_many_lines": ({"script": "a\n" * 1001}, 400),
    "script_format_unknown": ({"file": b"a", "name_of_file": "a.docx"}, 400),
    "slot_invalid": ({"script": "text,begin_ms\na,-1\n", "script_format": "csv"}, 400),
    "script_missing": ({}, 400),
    "project_name_invalid": ({"script": "a", "slug": "a b"}, 400),
    "line_without_voice": ({"script": "a", "voice": ""}, 400),
    "purpose_unknown": ({"script": "a", "purpose": "film dub"}, 400),
    "voice_not_found": ({"script": "a", "voice": "nobody"}, 404),
    "text_too_long": ({"script": "a" * 4097}, 400),
    "speed_out_of_range": ({"script": "a", "speed": 9}, 400),
    "format_not_offered": ({"script": "a", "format": "pcm"}, 400),
}


@AT_THE_DOOR
@pytest.mark.provokes(
    "script_encoding",
    "script_unreadable",
    "script_empty",
    "script_too_many_lines",
    "script_format_unknown",
    "script_missing",
    "slot_invalid",
    "project_name_invalid",
    "line_without_voice",
    "purpose_unknown",
)
def test_a_refused_script_leaves_nothing(browser, voice):
    for code, (change, status) in REFUSED.items():
        asked = {"name": "Film", "voice": voice.slug, **change}
        name = asked.pop("name_of_file", "script")
        if "file" in asked:
            asked["file"] = SimpleUploadedFile(name, asked["file"])
        answer = browser.post("/api/v1/projects", asked)
        assert (answer.status_code, code_of(answer)) == (status, code)
    assert not Project.objects.exists() and not Line.objects.exists()


@AT_THE_DOOR
def test_what_json_can_say_and_a_script_cannot(browser, voice):
    def ask(**line):
        asked = {"name": "Film", "voice": voice.slug, "lines": [{"text": "Hello.", **line}]}
        return browser.post("/api/v1/projects", asked, JSON)

    assert code_of(ask(speed=10**400)) == "script_unreadable"
    assert ask(**{"a\0b": 1}).status_code == 201
    assert Project.objects.get().warnings == [{"code": "columns_ignored", "line": 1, "names": ["a\ufffdb"]}]


def test_rows_without_words_are_bounded_too():
    with pytest.raises(AssentError) as refused:
        read(b".\n" * (script.MAX_ROWS + 1), format="txt")
    assert (refused.value.code, refused.value.measured) == ("script_too_many_lines", script.MAX_ROWS + 1)
    assert len(read(b".\n" * 500 + b"Hello.\n", format="txt").warnings) == script.MAX_WARNINGS


@AT_THE_DOOR
@pytest.mark.provokes("script_too_large")
def test_a_hundred_megabytes_are_refused_unread(browser, voice, monkeypatch):
    monkeypatch.setattr(script, "MAX_SCRIPT_BYTES", 100)
    uploaded = "django.core.files.uploadedfile.InMemoryUploadedFile.read"
    monkeypatch.setattr(uploaded, lambda *_: pytest.fail("it was read"), raising=False)
    monkeypatch.setattr(script, "read", lambda *_, **__: pytest.fail("it was parsed"))
    file = io.BytesIO(b"text\n" + b"a" * 200)
    file.name = "a.csv"
    for asked in ({"file": file}, {"script": "a" * 101}):
        answer = browser.post("/api/v1/projects", {"name": "Film", "voice": voice.slug, **asked})
        assert (answer.status_code, code_of(answer)) == (413, "script_too_large")
        assert answer.json()["limit"] == 100


@AT_THE_DOOR
def test_a_refusal_says_which_line(browser, voice):
    lines = [{"text": "One."}, {"text": "Two.", "voice": "nobody"}]
    answer = browser.post("/api/v1/projects", {"name": "F", "voice": voice.slug, "lines": lines}, JSON)
    assert answer.json()["line"] == 2 and answer.json()["detail"].startswith("Line 2: ")


@AT_THE_DOOR
@pytest.mark.provokes("project_exists")
def test_a_short_name_is_taken_once(browser, voice, make):
    assert make(script="One.")["slug"] == "film"
    assert make(script="One.")["slug"].startswith("film-")
    asked = {"name": "Film", "voice": voice.slug, "script": "One.", "slug": "film"}
    answer = browser.post("/api/v1/projects", asked, JSON)
    assert (answer.status_code, code_of(answer)) == (409, "project_exists")


@AT_THE_DOOR
def test_overlapping_slots_are_flagged_and_spoken_all_the_same(browser, make):
    lines = [
        {"text": "Late.", "begin_ms": 5000, "end_ms": 6000},
        {"text": "First.", "begin_ms": 0, "end_ms": 3000},
        {"text": "Into the first.", "begin_ms": 2999, "end_ms": 4000},
    ]
    project = make(lines=lines)
    assert project["counts"]["overlapping"] == 1
    found = browser.get(f"/api/v1/projects/{project['id']}/lines").json()["data"]
    assert [line["overlaps"] for line in found] == [False, False, True]
    browser.patch(f"/api/v1/projects/{project['id']}/lines/3", {"begin_ms": 3000}, JSON)
    assert browser.get(f"/api/v1/projects/{project['id']}").json()["counts"]["overlapping"] == 0
