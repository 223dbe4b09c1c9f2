"""Nobody reaches what is another organisation's, through any door; keys do no more than their scopes."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone

from accounts import urls as doors
from accounts.consent import services as consent_services
from accounts.consent.models import Concern
from accounts.people import services as people_services
from accounts.people.models import ApiKey, Membership
from accounts.people.permissions import SCOPES, Role
from accounts.voices import services as voice_services
from accounts.voices.models import Clip, Voice
from audit.models import Entry
from tests import factories
from tests.accounts.conftest import browser, program, take, waiting_for_review

pytestmark = pytest.mark.django_db
PUBLIC = {"api/v1/receipts/verify", "api/v1/receipts/key"}
METHODS = ("get", "post", "put", "patch", "delete")
BODIES = {
    "api/v1/voices/<slug:voice>/challenges": {},
    "api/v1/voices/<slug:voice>/styles": {
        "name": "sad", "emotion": "sad", "language": "en", "transcript": "It rained.", "file": take,
    },
    "api/v1/challenges/<uuid:challenge_id>/recording": {"file": take},
    "api/v1/review/submissions/<uuid:submission_id>": {"approve": True},
    "api/v1/review/submissions/<uuid:submission_id>/refer": {"note": "A minor, it seems."},
    "api/v1/review/styles/<uuid:style_id>": {"approve": True},
    "api/v1/likenesses/<uuid:concern_id>": {"objects": False},
    "api/v1/voices/<slug:voice>/narrow": {"purposes": ["general"], "languages": ["en"]},
    "api/v1/organisation/members/<uuid:membership_id>": {"role": "auditor"},
}  # fmt: skip


def routes():
    """Every route of the accounts API, as its pattern."""
    found = [str(entry.pattern) for entry in doors.urlpatterns if isinstance(entry, URLPattern)]
    assert len(found) > 25
    return found


def test_the_sweep_knows_every_parameter(victim):
    for route in routes():
        assert "<" not in filled(route, victim[0]), route


def filled(route, names):
    for parameter, value in names.items():
        route = route.replace(f"<slug:{parameter}>", str(value)).replace(f"<uuid:{parameter}>", str(value))
    return f"/{route}"


@pytest.fixture
def victim(owner, stranger):
    """Ids of one thing of each kind that belongs to `owner`, and the same as never existed."""
    voice = factories.consented_voice(owner)
    style = factories.approved_style(owner, voice)
    fresh = voice_services.register_voice(principal=owner, name="B", person_name="Bea", language="en")
    waiting = waiting_for_review(owner, fresh)
    likeness = Concern.objects.create(
        submission=waiting, kind=Concern.Kind.PROTECTED_VOICE, voice=voice, told_at=timezone.now()
    )
    open_challenge = consent_services.issue_challenge(principal=owner, voice_id=fresh.pk)
    key, _ = people_services.create_key(principal=owner, name="k", scopes=["speech:read"])
    invitation = people_services.invite(principal=owner, email="guest@example.org", role=Role.AUDITOR)
    names = {
        "voice": voice.pk,
        "challenge_id": open_challenge.pk,
        "submission_id": waiting.pk,
        "style_id": style.pk,
        "clip_id": Clip.objects.filter(voice=voice).first().pk,
        "consent_id": voice.consents.get().pk,
        "key_id": key.pk,
        "membership_id": Membership.objects.get(user=owner.user).pk,
        "invitation_id": invitation.pk,
        "concern_id": likeness.pk,
    }
    return names, {name: uuid.uuid4() for name in names}


def call(client, method, route, names):
    body = {name: value() if callable(value) else value for name, value in BODIES.get(route, {}).items()}
    options = (
        {}
        if any(callable(v) for v in BODIES.get(route, {}).values())
        else {"content_type": "application/json"}
    )
    if options:
        body = json.dumps(body)
    action = getattr(client, method)
    path = filled(route, names)
    return action(path) if method == "get" else action(path, body, **options)


def shown(answer):
    """The body of an answer without what differs from request to request."""
    if not answer.content:
        return answer.status_code
    body = answer.json()
    body.pop("request_id", None)
    return answer.status_code, body


def snapshot():
    return (
        list(Voice.objects.order_by("pk").values_list("pk", "status", "name")),
        list(ApiKey.objects.filter(name="k").values_list("pk", "revoked_at")),
        list(Membership.objects.order_by("pk").values_list("pk", "role")),
        Entry.objects.count(),
    )


@pytest.mark.parametrize("caller", ["person", "key"])
def test_foreign_and_unknown_look_the_same_at_every_door(victim, stranger, caller):
    theirs, unknown = victim
    client = browser(stranger.user) if caller == "person" else program(stranger, list(SCOPES))
    client.raise_request_exception = True
    before = snapshot()
    tried = 0
    for route in routes():
        if "<" not in route:
            continue
        for method in METHODS:
            foreign, absent = (call(client, method, route, names) for names in (theirs, unknown))
            if foreign.status_code == 405:
                continue
            tried += 1
            assert foreign.status_code in {403, 404}, (method, route, foreign.content)
            assert shown(foreign) == shown(absent), (method, route)
    assert tried > 25
    assert snapshot() == before


def test_without_an_account_every_door_is_closed_but_the_public_ones(victim):
    theirs, _ = victim
    before = snapshot()
    for route in routes():
        for method in METHODS:
            answer = call(Client(), method, route, theirs)
            if route in PUBLIC:
                assert answer.status_code in {200, 400, 405}
            else:
                assert answer.status_code == 401, (method, route)
    assert snapshot() == before


def test_another_organisations_lists_stay_empty_of_ours(victim, stranger):
    client = browser(stranger.user)
    for route in routes():
        if "<" in route or route in PUBLIC:
            continue
        answer = client.get(f"/{route}")
        if answer.status_code == 200:
            text = answer.content.decode()
            assert not [name for name, value in victim[0].items() if str(value) in text], route


def test_a_named_organisation_must_be_ones_own(victim, owner, stranger):
    client = browser(stranger.user)
    for name in (str(owner.organisation.pk), owner.organisation.slug, "x\x00", "💥"):
        try:
            answer = client.get("/api/v1/voices", headers={"x-organisation": name})
        except UnicodeEncodeError:
            continue
        assert (answer.status_code, answer.json()["code"]) == (403, "no_organisation")
    assert (
        client.get("/api/v1/voices", headers={"x-organisation": stranger.organisation.slug}).status_code
        == 200
    )


def test_the_session_remembers_an_organisation_only_while_one_belongs_to_it(owner, stranger):
    client = browser(stranger.user)
    session = client.session
    session["organisation_id"] = str(owner.organisation.pk)
    session.save()
    assert client.get("/api/v1/organisation").json()["id"] == str(stranger.organisation.pk)


@pytest.mark.parametrize("scope", list(SCOPES))
def test_a_key_opens_only_what_its_scope_names(owner, speaking, scope):
    client = program(owner, [scope])
    expected = {
        ("get", "/api/v1/voices"): "voices:read",
        ("get", f"/api/v1/voices/{speaking.pk}"): "voices:read",
        ("get", "/v1/audio/voices"): "voices:read",
        ("post", "/api/v1/voices"): "voices:write",
    }
    for (method, path), needed in expected.items():
        body = json.dumps({"name": "n", "person_name": "N", "language": "en"})
        answer = client.get(path) if method == "get" else client.post(path, body, "application/json")
        if method == "get" and path == "/api/v1/voices":
            assert (answer.status_code, bool(answer.json()["data"])) == (200, scope == needed)
        else:
            assert (answer.status_code in {200, 201}) == (scope == needed), (path, answer.content)
    for path in ("/api/v1/keys", "/api/v1/review", "/api/v1/organisation/members"):
        assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer assent_zzzzzzzzzzzz_" + "a" * 43, "Bearer assent_" + "a" * 9000,
     "Bearer assent_a_b_c_d", "bearer assent__", "Bearer \xff\xfe"],
)  # fmt: skip
def test_what_is_no_key_is_401_in_both_envelopes(db, header):
    for path in ("/api/v1/voices", "/v1/audio/voices"):
        answer = Client().get(path, headers={"authorization": header})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        body = answer.json()
        assert (body["error"]["code"] if path.startswith("/v1") else body["code"]) == "invalid_api_key"


@pytest.mark.provokes("permission_denied")
def test_a_session_needs_the_csrf_token_to_write(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.post("/api/v1/voices", {"name": "n"}, "application/json")
    assert answer.status_code == 403


def test_recordings_are_heard_by_those_who_may(owner, reviewer, speaking):
    clip = Clip.objects.get(voice=speaking)
    path = f"/api/v1/clips/{clip.pk}/audio"
    auditor = factories.member_principal(owner, Role.AUDITOR)
    heard = browser(reviewer.user).get(path)
    assert heard.status_code == 200
    assert heard["Content-Type"] == "audio/wav"
    assert (heard["X-Content-Type-Options"], heard["Cache-Control"]) == ("nosniff", "private, no-store")
    assert heard.content.startswith(b"RIFF")
    assert browser(auditor.user).get(path).status_code == 404
    assert program(owner, ["voices:read"]).get(path).status_code == 404


def test_the_ledger_is_for_the_owner_and_auditors(owner, reviewer, speaking):
    operator = factories.member_principal(owner, Role.OPERATOR)
    auditor = factories.member_principal(owner, Role.AUDITOR)
    path = f"/api/v1/voices/{speaking.pk}/ledger"
    for user, status in ((owner.user, 200), (auditor.user, 200), (operator.user, 403), (reviewer.user, 403)):
        assert browser(user).get(path).status_code == status
    first = browser(owner.user).get(path, {"limit": 2}).json()
    assert [entry["event"] for entry in first["entries"]] == [
        "consent.approved",
        "consent.recording_submitted",
    ]
    rest = browser(owner.user).get(path, {"before": first["next"]}).json()
    assert [entry["event"] for entry in rest["entries"]] == ["consent.challenge_issued", "voice.registered"]
    assert rest["next"] is None


def test_an_inactive_person_is_out(owner):
    client = browser(owner.user)
    owner.user.is_active = False
    owner.user.save()
    assert client.get("/api/v1/voices").status_code == 401


def test_review_is_closed_to_the_handing_in_person_over_http(owner, voice):
    submission = waiting_for_review(owner, voice)
    answer = browser(owner.user).post(
        f"/api/v1/review/submissions/{submission.pk}", {"approve": True}, "application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "two_person_rule")
