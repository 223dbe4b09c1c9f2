"""What happens at an account's doors stands in the log: signing in, failing to, passwords, second factors."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.people import services
from accounts.people.models import User
from audit.models import Entry

pytestmark = pytest.mark.django_db
PASSWORD, NEXT = "long-enough-1", "longer-than-before-2"


@pytest.fixture
def ada() -> User:
    cache.clear()  # allauth counts attempts there
    user = User.objects.create_user("ada@example.org", PASSWORD)
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    services.account_created(user=user)
    return user


def entries(user: User) -> list[tuple[str, str, str]]:
    rows = Entry.objects.filter(subject=f"user:{user.pk}", event__startswith="account.")
    return [
        (row.event, row.content["data"]["kind"], row.content["actor"]["kind"])
        for row in rows.exclude(event="account.created").order_by("id")
    ]


def sign_in(client: Client, password: str) -> Any:
    return client.post("/accounts/login/", {"login": "ada@example.org", "password": password}, follow=True)


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


@pytest.mark.provokes("account.signed_in", "account.sign_in_failed", "account.password_changed")
def test_signing_in_and_failing_to_are_told_apart(ada: User, client: Client) -> None:
    sign_in(client, "wrong")
    client.post("/accounts/login/", {"login": "nobody@example.org", "password": "wrong"})
    sign_in(client, PASSWORD)
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEXT, "password2": NEXT})
    assert entries(ada) == [
        ("account.sign_in_failed", "password", "anonymous"),
        ("account.signed_in", "password", "user"),
        ("account.password_changed", "password", "user"),
    ]
    assert not Entry.objects.filter(event="account.sign_in_failed").exclude(subject=f"user:{ada.pk}").exists()


@pytest.mark.provokes("account.password_reset")
def test_a_password_reset_by_mail(ada: User, client: Client) -> None:
    client.post("/accounts/password/reset/", {"email": ada.email})
    link = re.search(r"http\S+(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link
    page = client.get(link[1], follow=True)
    client.post(page.request["PATH_INFO"], {"password1": NEXT, "password2": NEXT})
    assert ("account.password_reset", "password", "user") in entries(ada)


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.provokes("account.factor_added", "account.factor_removed")
def test_second_factors_come_and_go(ada: User, client: Client) -> None:
    sign_in(client, PASSWORD)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200
    secret = client.session["mfa.totp.secret"]
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert ("account.factor_added", "totp", "user") in entries(ada)
    other = Client()
    sign_in(other, PASSWORD)
    other.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert entries(ada)[-1] == ("account.sign_in_failed", "totp", "anonymous")
    client.post("/accounts/2fa/totp/deactivate/")
    assert ("account.factor_removed", "totp", "user") in entries(ada)
