"""What people are refused, and what they do that the log remembers."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.doors.conftest import JSON, NOBODY, browser_of, code_of, key_of, refusal_on, room_of
from tests.promises import case

pytestmark = pytest.mark.django_db


def organisation_form(client, **form):
    return client.post("/organisation", form)


@pytest.mark.parametrize(
    "form",
    [
        case("action_unknown", {"do": "dance"}),
        case("not_found", {"do": "remove", "member": "nobody"}),
        case("member_not_found", {"do": "remove", "member": NOBODY}),
        case("invitation_not_found", {"do": "withdraw", "invitation": NOBODY}),
        case("role_unknown", {"do": "invite", "email": "a@example.org", "role": "king"}),
        case("email_invalid", {"do": "invite", "email": "nobody", "role": "auditor"}),
        case("text_missing", {"do": "rename", "name": "  "}),
        case("text_too_long", {"do": "rename", "name": "x" * 81}),
        case("text_not_printable", {"do": "rename", "name": "a\x07b"}),
        case("last_owner", {"do": "role", "member": "own", "role": "auditor"}),
    ],
)
def test_the_organisation_s_page_refuses(owner, browser, form, request):
    mine = str(owner.user.memberships.get().pk)
    answer = organisation_form(browser, **{k: mine if v == "own" else v for k, v in form.items()})
    assert answer.status_code >= 400
    assert refusal_on(answer) == request.node.callspec.id


@pytest.mark.provokes("already_member", "member.invited")
def test_a_member_is_not_invited_again(owner, browser):
    there = factories.member_principal(owner, "auditor").user.email
    for email, status in (("new@example.org", 201), (there.upper(), 409)):
        answer = browser.post("/api/v1/organisation/invitations", {"email": email, "role": "auditor"}, JSON)
        assert answer.status_code == status
    assert code_of(answer) == "already_member"


@pytest.mark.provokes("too_many_invitations")
def test_invitations_are_bounded(browser, monkeypatch):
    monkeypatch.setattr(room_of(factories.people.invite), "MAX_OPEN_INVITATIONS", 1)
    for email in ("a@example.org", "b@example.org"):
        answer = browser.post("/api/v1/organisation/invitations", {"email": email, "role": "auditor"}, JSON)
    assert code_of(answer) == "too_many_invitations"


@pytest.mark.provokes("too_many_organisations", "organisation.created")
def test_organisations_are_bounded(browser, monkeypatch):
    monkeypatch.setattr(room_of(factories.people.create_organisation), "MAX_ORGANISATIONS_PER_PERSON", 2)
    assert organisation_form(browser, do="create", name="Second").status_code == 302
    assert refusal_on(organisation_form(browser, do="create", name="Third")) == "too_many_organisations"


@pytest.mark.provokes("invitation_for_another_address")
def test_an_invitation_is_for_whom_it_was_sent_to(browser, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        browser.post("/api/v1/organisation/invitations", {"email": "a@example.org", "role": "auditor"}, JSON)
    link = next(word for word in mail.outbox[-1].body.split() if "/invitations/" in word)
    path = "/invitations/" + link.rsplit("/", 1)[1]
    other = browser_of(factories.owner_principal())
    assert refusal_on(other.post(path)) == "invitation_for_another_address"


@pytest.mark.provokes(
    "member.added", "member.removed", "member.role_changed", "member.invitation_withdrawn", "settings.changed"
)
def test_members_come_and_go_in_the_log(owner, browser, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        browser.post("/api/v1/organisation/invitations", {"email": "b@example.org", "role": "auditor"}, JSON)
    link = next(word for word in mail.outbox[-1].body.split() if "/invitations/" in word)
    joined = Client()
    joined.force_login(factories.person("b@example.org"))
    assert joined.post("/invitations/" + link.rsplit("/", 1)[1]).status_code == 302
    sent = browser.post(
        "/api/v1/organisation/invitations", {"email": "c@example.org", "role": "auditor"}, JSON
    )
    assert browser.delete(f"/api/v1/organisation/invitations/{sent.json()['id']}").status_code == 204
    (row,) = [r for r in browser.get("/api/v1/organisation/members").json()["data"] if r["role"] == "auditor"]
    path = f"/api/v1/organisation/members/{row['id']}"
    assert browser.patch(path, {"role": "operator"}, JSON).status_code == 200
    assert browser.delete(path).status_code == 204
    assert browser.patch("/api/v1/organisation", {"name": "North"}, JSON).status_code == 200


@pytest.mark.provokes("internal_error")
def test_a_fault_of_ours_is_told_to_programs_in_their_own_shape(browser, monkeypatch):
    def fault(*_):
        raise ZeroDivisionError

    browser.raise_request_exception = False
    monkeypatch.setattr(room_of(factories.people.invite), "_known_role", fault)
    answer = browser.post(
        "/api/v1/organisation/invitations", {"email": "a@example.org", "role": "auditor"}, JSON
    )
    assert (answer.status_code, code_of(answer)) == (500, "internal_error")


# ---- keys


@pytest.mark.parametrize(
    "form",
    [
        case("scope_unknown", {"scopes": ["speech:shout"], "days": "1"}),
        case("days_out_of_range", {"scopes": ["voices:read"], "days": "366"}),
        case("api_key_not_found", {"do": "revoke", "key": NOBODY}),
    ],
)
def test_the_keys_page_refuses(browser, form, request):
    answer = browser.post("/keys", {"name": "k", **form})
    assert refusal_on(answer) == request.node.callspec.id


@pytest.mark.provokes("too_many_keys", "api_key.created")
def test_keys_are_bounded(browser, monkeypatch):
    monkeypatch.setattr(room_of(factories.people.create_key), "MAX_LIVE_KEYS", 1)
    for _ in range(2):
        answer = browser.post("/api/v1/keys", {"name": "k", "scopes": ["voices:read"], "days": 1}, JSON)
    assert code_of(answer) == "too_many_keys"


@pytest.mark.provokes("person_required")
def test_no_key_makes_keys(owner):
    answer = key_of(owner, "voices:read").get("/api/v1/keys")
    assert (answer.status_code, code_of(answer)) == (403, "person_required")


@pytest.mark.provokes("scope_missing")
def test_a_key_does_what_it_was_made_for(owner):
    program = key_of(owner, "voices:read")
    answer = program.post("/api/v1/voices", {"name": "A", "person_name": "A", "language": "en"}, JSON)
    assert (answer.status_code, code_of(answer)) == (403, "scope_missing")


@pytest.mark.provokes("authentication_required")
def test_strangers_are_asked_who_they_are(db):
    assert Client().get("/api/v1/log/entries").json()["code"] == "authentication_required"


@pytest.mark.provokes("invalid_api_key")
def test_a_key_that_is_none(db):
    answer = Client(headers={"authorization": "Bearer ask-0000-nothing"}).get("/api/v1/voices")
    assert (answer.status_code, code_of(answer)) == (401, "invalid_api_key")


@pytest.mark.provokes("no_organisation")
def test_an_organisation_that_is_not_one_s_own(browser):
    answer = browser.get("/api/v1/voices", headers={"X-Organisation": "elsewhere"})
    assert (answer.status_code, code_of(answer)) == (403, "no_organisation")


# ---- the first administrator


def first_link() -> str:
    out = io.StringIO()
    call_command("first_admin_link", stdout=out)
    return "/first-administrator/" + out.getvalue().strip().rsplit("/", 1)[1]


FORM = {
    "email": "first@example.org",
    "name": "Ada",
    "organisation_name": "North",
    "password": "a-long-one-717",
}


@pytest.mark.parametrize(
    "change",
    [
        case("password_too_weak", {"password": "12345678"}),
        case("account_exists", {"email": "TAKEN@example.org"}),
    ],
)
def test_the_first_administrator_s_page_refuses(db, change, request):
    factories.person("taken@example.org")
    answer = Client().post(first_link(), {**FORM, **change})
    assert refusal_on(answer) == request.node.callspec.id


@pytest.mark.provokes("link_used", "account.created")
def test_the_first_administrator_is_first_only_once(db):
    path = first_link()
    assert Client().post(path, FORM).status_code == 302
    assert refusal_on(Client().get(path)) == "link_used"


@pytest.mark.provokes("link_not_valid")
def test_a_first_link_does_not_live_for_ever(db, monkeypatch):
    path = first_link()
    now = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now + timedelta(days=2))
    assert refusal_on(Client().get(path)) == "link_not_valid"
