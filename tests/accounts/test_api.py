"""The accounts API over HTTP: the whole way once, and whatever people send instead."""

from __future__ import annotations

import itertools
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.consent import services as consent_services
from accounts.consent.models import Consent, Submission
from accounts.people.models import ApiKey, Membership
from accounts.people.permissions import Role
from accounts.voices import recordings
from accounts.voices import services as voice_services
from accounts.voices.models import Voice
from tests.accounts.conftest import answered, browser, gate, program, report, take
from tests.accounts.test_access import filled, routes

pytestmark = pytest.mark.django_db


def post(client, path, body=None, **more):
    return client.post(path, json.dumps(body if body is not None else {}), "application/json", **more)


def test_the_whole_way_by_key(owner):
    client = program(owner, ["voices:read", "voices:write", "consent:write"])
    voice = post(
        client, "/api/v1/voices", {"name": "Ada", "person_name": "Ada Byron", "language": "en"}
    ).json()
    assert (voice["status"], voice["slug"], voice["consent_valid_until"]) == ("registered", "ada", None)

    issued = post(
        client, f"/api/v1/voices/{voice['slug']}/challenges", {"valid_days": 30, "purposes": ["dubbing"]}
    )
    assert issued.status_code == 201
    challenge = issued.json()
    assert "Ada Byron" in challenge["statement"] and challenge["needs_reviewer"] == []
    terms = {term["part"]: term["items"] for term in challenge["terms"]}
    assert terms["purposes"] == ["films, series, games"] and "30 days" in terms["valid_days"][0]
    assert "advertising" in terms["refused_purposes"] and "dubbing" in challenge["statement"]
    assert "spec" not in challenge and "decoy" not in issued.content.decode()

    sent = client.post(
        f"/api/v1/challenges/{challenge['id']}/recording",
        {
            "file": take(),
            "source": "microphone",
            "scope_sha256": challenge["scope_sha256"],
            "attestations": [declared["code"] for declared in challenge["attestations"]],
        },
    )
    assert sent.status_code == 202
    submission = sent.json()
    assert sent["Location"] == f"/api/v1/submissions/{submission['id']}"
    assert submission["state"] == "queued"

    consent_services.begin_check(submission_id=submission["id"])
    consent_services.apply_consent_gates(submission_id=submission["id"], result=report())
    decided = client.get(f"/api/v1/submissions/{submission['id']}").json()
    assert (decided["state"], decided["reasons"]) == ("approved", [])
    assert {row["outcome"] for row in decided["gates"]} == {"pass"}

    consent = client.get(f"/api/v1/voices/{voice['id']}/consent").json()
    assert (consent["state"], consent["scope"]["purposes"]) == ("live", ["dubbing"])
    checked = post(
        Client(),
        "/api/v1/receipts/verify",
        {"receipt": consent["receipt"], "signature": consent["receipt_signature"]},
    ).json()
    assert (checked["valid"], checked["state"]) == (True, "live")

    clip = {"file": take(), "name": "sad", "emotion": "sad", "language": "en", "transcript": "It had rained."}
    style = client.post(f"/api/v1/voices/{voice['id']}/styles", clip)
    assert style.status_code == 202
    assert client.get(style["Location"]).json()["state"] == "queued"
    assert [row["name"] for row in client.get(f"/api/v1/voices/{voice['id']}/styles").json()["data"]] == [
        "sad"
    ]
    assert client.delete(style["Location"]).status_code == 204
    assert client.get(style["Location"]).status_code == 404

    suspended = post(client, f"/api/v1/voices/{voice['id']}/suspend")
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    assert post(client, f"/api/v1/voices/{voice['id']}/suspend").status_code == 409
    assert post(client, f"/api/v1/voices/{voice['id']}/resume").json()["status"] == "active"
    revoked = post(client, f"/api/v1/voices/{voice['id']}/revoke", {"reason": "enough"})
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    assert client.delete(f"/api/v1/voices/{voice['id']}").json()["erased_at"]


def test_review_over_http(owner, reviewer, voice):
    submission = answered(owner, voice)
    consent_services.apply_consent_gates(
        submission_id=submission.pk, result=report(gate("person", "review", "person_needs_reviewer"))
    )
    client = browser(reviewer.user)
    queue = client.get("/api/v1/review").json()
    assert [row["id"] for row in queue["submissions"]] == [str(submission.pk)]
    assert queue["submissions"][0]["reasons"][0]["code"] == "person_needs_reviewer"
    path = f"/api/v1/review/submissions/{submission.pk}"
    decided = post(client, path, {"approve": True, "note": "clear"})
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    assert post(client, path, {"approve": True}).status_code == 409


def test_keys_over_http(owner):
    client = browser(owner.user)
    made = post(client, "/api/v1/keys", {"name": "ci", "scopes": ["voices:read"], "days": 1})
    assert made.status_code == 201
    key = made.json()["key"]
    holder = Client(headers={"authorization": f"Bearer {key}"})
    assert holder.get("/api/v1/voices").status_code == 200
    listed = client.get("/api/v1/keys")
    assert key not in listed.content.decode()
    assert listed.json()["data"][0]["last_used_at"]
    assert client.delete(f"/api/v1/keys/{made.json()['id']}").status_code == 200
    assert holder.get("/api/v1/voices").status_code == 401
    assert ApiKey.objects.get().revoked_at


def test_the_organisation_over_http(owner, reviewer):
    client = browser(owner.user)
    assert client.get("/api/v1/organisation").json()["role"] == "owner"
    renamed = client.patch("/api/v1/organisation", json.dumps({"name": "North"}), "application/json")
    assert renamed.json()["name"] == "North"
    members = client.get("/api/v1/organisation/members").json()["data"]
    assert {row["role"] for row in members} == {"owner", "reviewer"}
    theirs = Membership.objects.get(user=reviewer.user)
    path = f"/api/v1/organisation/members/{theirs.pk}"
    assert client.patch(path, json.dumps({"role": "auditor"}), "application/json").json()["role"] == "auditor"
    assert client.patch(path, json.dumps({"role": "king"}), "application/json").status_code == 400
    assert client.delete(path).status_code == 204
    mine = Membership.objects.get(user=owner.user)
    assert client.delete(f"/api/v1/organisation/members/{mine.pk}").json()["code"] == "last_owner"
    sent = post(client, "/api/v1/organisation/invitations", {"email": "a@example.org", "role": Role.AUDITOR})
    assert sent.status_code == 201
    assert "token" not in sent.content.decode()
    assert len(client.get("/api/v1/organisation/invitations").json()["data"]) == 1
    assert client.delete(f"/api/v1/organisation/invitations/{sent.json()['id']}").status_code == 204


def test_pages_of_voices(owner):
    for number in range(5):
        voice_services.register_voice(principal=owner, name=f"v{number}", person_name="P", language="en")
    client = browser(owner.user)
    first = client.get("/api/v1/voices", {"limit": 3}).json()
    assert [row["name"] for row in first["data"]] == ["v4", "v3", "v2"] and first["has_more"]
    rest = client.get("/api/v1/voices", {"limit": 3, "after": first["data"][-1]["id"]}).json()
    assert [row["name"] for row in rest["data"]] == ["v1", "v0"] and not rest["has_more"]


def test_waiting_for_a_decision_ends_with_it(owner, voice, monkeypatch):
    submission = answered(owner, voice)

    def decide(channel, subject, *, timeout_s):
        assert (channel, subject) == ("submission", str(submission.pk)) and 4 < timeout_s <= 5
        consent_services.apply_consent_gates(submission_id=submission.pk, result=report())
        return True

    monkeypatch.setattr("synth.common.wakeup.wait", decide)
    answer = browser(owner.user).get(f"/api/v1/submissions/{submission.pk}", {"wait_s": 5})
    assert answer.json()["state"] == "approved"


def test_who_waits_is_woken_on_commit(owner, voice, monkeypatch, django_capture_on_commit_callbacks):
    woken = []
    monkeypatch.setattr(
        "accounts.consent.services.checks.notify", lambda channel, pk: woken.append((channel, pk))
    )
    submission = answered(owner, voice)
    with django_capture_on_commit_callbacks(execute=True):
        consent_services.apply_consent_gates(submission_id=submission.pk, result=report())
        assert woken == []
    assert woken == [("submission", str(submission.pk))]


# What people send instead


def test_uploads_are_refused_with_stable_codes(owner, voice, monkeypatch):
    client = browser(owner.user)
    challenge = consent_services.issue_challenge(principal=owner, voice_id=voice.pk)
    path = f"/api/v1/challenges/{challenge.pk}/recording"
    monkeypatch.setattr(recordings, "MAX_BYTES", 100)
    large = client.post(path, {"file": SimpleUploadedFile("a.wav", b"x" * 101)})
    assert (large.status_code, large.json()["code"], large.json()["limit"]) == (413, "upload_too_large", 100)
    empty = client.post(path, {"file": SimpleUploadedFile("a.wav", b"")})
    assert (empty.status_code, empty.json()["code"]) == (400, "empty_upload")
    for body in ({}, {"file": "text"}, {"file": SimpleUploadedFile("a.wav", b"x"), "source": "tape"}):
        assert client.post(path, body).status_code == 400
    for content_type in (
        "multipart/form-data",
        "multipart/form-data; boundary=\xff",
        "application/json",
        "text/plain",
        "",
    ):
        assert client.generic("POST", path, b"--x\r\nbroken", content_type=content_type).status_code in {
            400,
            415,
        }
    assert not Submission.objects.exists()


NASTY = [
    None, True, 0, -1, 2**63, 1e308, float("nan"), "", " ", "\x00", "a\x00b", "\ud800", "../../etc", "x" * 100_000,
    "' OR 1=1 --", "<script>", "%s%n", "💥" * 40, "\u202eabc", [], [None], [[]], ["\x00"], {}, {"": None}, {"$ne": 1},
]  # fmt: skip
FIELDS = {
    "api/v1/voices": {"name": "n", "person_name": "N", "language": "en"},
    "api/v1/voices/<slug:voice>/challenges": {
        "purposes": ["general"], "languages": ["en"], "emotions": ["*"], "excluded_terms": ["x"],
        "valid_days": 3, "statement_language": "en",
    },
    "api/v1/voices/<slug:voice>/revoke": {"reason": "", "keep_print": True},
    "api/v1/voices/<slug:voice>/owner-links": {"purposes": ["general"], "emotions": ["*"], "valid_days": 3},
    "api/v1/voices/<slug:voice>/narrow": {
        "purposes": ["general"], "languages": ["en"], "excluded_terms": ["x"], "custom_weights": False,
    },
    "api/v1/review/submissions/<uuid:submission_id>/refer": {"note": "n"},
    "api/v1/likenesses/<uuid:concern_id>": {"objects": True, "text": "t"},
    "api/v1/review/submissions/<uuid:submission_id>": {"approve": True, "note": ""},
    "api/v1/review/styles/<uuid:style_id>": {"approve": True, "note": ""},
    "api/v1/keys": {"name": "n", "scopes": ["voices:read"], "days": 1},
    "api/v1/organisation": {"name": "n"},
    "api/v1/organisation/members/<uuid:membership_id>": {"role": "owner"},
    "api/v1/organisation/invitations": {"email": "a@example.org", "role": "auditor"},
    "api/v1/receipts/verify": {"receipt": {}, "signature": "x"},
    "v1/audio/voice_consents/<slug:consent_id>": {"name": "x"},
}  # fmt: skip

PATCHED = {"api/v1/organisation", "api/v1/organisation/members/<uuid:membership_id>"}


@pytest.fixture
def names(owner):
    voice = voice_services.register_voice(principal=owner, name="B", person_name="Bea", language="en")
    unknown = "018f0000-0000-7000-8000-000000000000"
    kinds = (
        "challenge_id",
        "submission_id",
        "style_id",
        "clip_id",
        "consent_id",
        "key_id",
        "membership_id",
        "invitation_id",
        "concern_id",
    )
    return {"voice": voice.pk, **dict.fromkeys(kinds, unknown)}


@pytest.mark.parametrize("route", sorted(FIELDS))
def test_no_value_in_any_field_breaks_a_door(owner, names, route, monkeypatch):
    monkeypatch.setattr("accounts.consent.services.challenges.CHALLENGES_PER_DAY", 10_000)
    client = browser(owner.user)
    client.raise_request_exception = False
    path = filled(route, names)
    method = client.patch if route in PATCHED else client.post
    for field, value in itertools.product(FIELDS[route], NASTY):
        answer = method(path, json.dumps({**FIELDS[route], field: value}), "application/json")
        assert answer.status_code < 500, (path, field, value, answer.content)
        assert answer.status_code != 405
        if answer.status_code >= 400:
            shown = answer.json()
            assert shown.get("code") or shown["error"]["code"], answer.content


def test_no_body_and_no_query_breaks_a_door(owner, names):
    client = browser(owner.user)
    client.raise_request_exception = False
    bodies = [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{" * 5000, b'{"a":' * 3000]
    for route in routes():
        path = filled(route, names)
        for body in bodies:
            answer = client.generic("POST", path, body, content_type="application/json")
            assert answer.status_code < 500, (path, body[:20], answer.content)
        assert client.generic("POST", path, b"x", content_type="image/png").status_code < 500
        for query in (
            "limit=x",
            "limit=-1",
            "limit=1e9",
            "after=x",
            "after=%00",
            "before=0",
            "wait_s=-1",
            "wait_s=nan",
        ):
            answer = client.get(f"{path}?{query}")
            assert answer.status_code < 500, (path, query, answer.content)


def test_strange_names_in_paths_are_unknown_not_broken(owner):
    client = browser(owner.user)
    client.raise_request_exception = False
    for name in (
        "x",
        "-",
        "_",
        "0" * 300,
        "%00",
        "%F0%9F%92%A5",
        "..%2f..",
        "018f0000000070008000000000000000",
    ):
        for path in (
            f"/api/v1/voices/{name}",
            f"/v1/audio/voice_consents/{name}",
            f"/api/v1/clips/{name}/audio",
        ):
            assert client.get(path).status_code == 404


def test_errors_come_as_problem_details_whatever_is_accepted(owner):
    answer = browser(owner.user).get("/api/v1/voices/nobody", headers={"accept": "application/octet-stream"})
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "voice_not_found"


def test_no_path_has_a_trailing_slash_or_redirects(owner):
    client = browser(owner.user)
    assert not [route for route in routes() if route.endswith("/")]
    assert client.post("/api/v1/voices/", {}, "application/json").status_code == 404


def test_every_door_is_in_the_schema_without_a_warning(capsys):
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator().get_schema(request=None, public=True)
    for route in routes():
        path = "/" + route.replace("<slug:", "{").replace("<uuid:", "{").replace(">", "}")
        assert path in schema["paths"], path
    warnings = [line for line in capsys.readouterr().err.splitlines() if "accounts" in line]
    assert warnings == []
    operations = [
        o["operationId"] for p in schema["paths"].values() for o in p.values() if "operationId" in o
    ]
    assert len(operations) == len(set(operations))


def test_revocation_over_http_is_seen_by_the_next_request(owner, speaking):
    consent = Consent.objects.get(voice=speaking)
    client = browser(owner.user)
    assert client.get(f"/api/v1/voices/{speaking.pk}").json()["consent_valid_until"]
    post(client, f"/api/v1/voices/{speaking.pk}/revoke")
    assert client.get(f"/api/v1/voices/{speaking.pk}").json()["consent_valid_until"] is None
    assert not consent_services.consent_is_live(consent_id=consent.pk, version=consent.version)
    assert Voice.objects.get(pk=speaking.pk).status == "revoked"
