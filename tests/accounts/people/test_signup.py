"""Coming in by allauth's pages: sign-up by address, closed sign-up, invitation, the first administrator."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.adapter import get_adapter
from django.core import mail
from django.test import Client

from accounts.people import services
from accounts.people.models import Membership, User
from accounts.people.permissions import Role
from audit.models import Entry
from tests.accounts.conftest import browser

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-phrase"


def sign_up(client, email="Ada@Example.org"):
    return client.post("/accounts/signup/", {"email": email, "password1": PASSWORD, "password2": PASSWORD})


def test_sign_up_verifies_the_address_and_gives_an_organisation(client):
    answer = sign_up(client)
    assert answer.status_code == 302
    user = User.objects.get()
    assert user.email == "ada@example.org"
    assert Membership.objects.get(user=user).role == Role.OWNER
    assert Entry.objects.filter(event="account.created", subject=f"user:{user.pk}").count() == 1
    assert client.get("/api/v1/voices").status_code == 401  # not before the address is verified
    code = re.search(r"^\s*([A-Z0-9]{4,}-?[A-Z0-9]*)\s*$", mail.outbox[-1].body, re.M).group(1)
    assert client.post(answer.url, {"code": code}).status_code == 302
    assert client.get("/api/v1/voices").status_code == 200


def test_closed_sign_up_opens_for_invited_people_alone(settings, owner, django_capture_on_commit_callbacks):
    settings.ASSENT_SIGNUP_OPEN = False
    sign_up(Client())
    assert not User.objects.filter(email="ada@example.org").exists()
    with django_capture_on_commit_callbacks(execute=True):
        services.invite(principal=owner, email="ada@example.org", role=Role.REVIEWER)
    link = re.search(r"/invitations/\S+", mail.outbox[-1].body).group(0)
    guest = Client()
    guest.get(link)
    sign_up(guest)
    assert User.objects.filter(email="ada@example.org").exists()


def test_log_in_and_out_again():
    user = User.objects.create_user("ada@example.org", PASSWORD)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    services.account_created(user=user)
    client = Client()
    client.post("/accounts/login/", {"login": "ADA@example.org", "password": PASSWORD})
    assert client.get("/api/v1/organisation").json()["role"] == "owner"
    client.post("/accounts/logout/")
    assert client.get("/api/v1/organisation").status_code == 401


def test_second_factors_and_passkeys_are_offered(owner):
    owner.user.emailaddress_set.create(email=owner.user.email, verified=True, primary=True)
    client = browser(owner.user)
    assert client.get("/accounts/2fa/").status_code == 200
    assert Client().get("/accounts/login/").status_code == 200


def test_seeds_of_one_time_passwords_are_encrypted_at_rest(owner):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    secret = generate_totp_secret()
    factor = TOTP.activate(owner.user, secret).instance
    factor.refresh_from_db()
    assert secret not in str(factor.data)
    assert get_adapter().decrypt(factor.data["secret"]) == secret


@pytest.mark.parametrize(
    ("host", "address"), [("localhost:1337", "198.51.100.201"), ("testserver", "198.51.100.202")]
)
def test_letters_name_the_public_address_whatever_host_the_asker_wrote(settings, host, address):
    settings.ASSENT_BASE_URL = "https://speech.example.org:8443"
    user = User.objects.create_user(f"ada-{address}@example.org", PASSWORD)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    client = Client(headers={"host": host}, REMOTE_ADDR=address)
    client.post("/accounts/password/reset/", {"email": user.email})
    client.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    sign_up(client, user.email)
    assert len(mail.outbox) == 3
    for letter in mail.outbox:
        assert letter.subject.startswith("[Assent] ")
        assert host not in letter.body and host not in letter.subject
        links = re.findall(r"https?://\S+", letter.body)
        assert links and all(link.startswith("https://speech.example.org:8443") for link in links), (
            letter.body
        )
    reset = re.search(
        r"https://speech.example.org:8443(/accounts/password/reset/key/\S+)", mail.outbox[0].body
    )
    assert client.get(reset[1], follow=True).status_code == 200


def test_failed_log_ins_count_by_account_whatever_host_the_asker_writes(settings):
    user = User.objects.create_user("grace@example.org", PASSWORD)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    services.account_created(user=user)
    for port in range(1000, 1040):
        client = Client(headers={"host": f"localhost:{port}"}, REMOTE_ADDR=f"198.51.100.{port - 999}")
        client.post("/accounts/login/", {"login": user.email, "password": "wrong"})
    answer = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()
