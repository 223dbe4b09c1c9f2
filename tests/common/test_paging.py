"""Lists are given out a page at a time, alike everywhere."""

from __future__ import annotations

import pytest

from accounts.people import services as people_services
from accounts.people.models import ApiKey
from accounts.people.permissions import Role
from accounts.voices import services as voice_services
from synth.common.paging import first_of, page_by_id
from tests import factories
from tests.accounts.conftest import browser

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return factories.owner_principal()


def keys_of(owner, count):
    return [
        people_services.create_key(principal=owner, name=f"k{i}", scopes=["voices:read"])[0]
        for i in range(count)
    ]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_together_are_the_list(owner, limit, newest_first):
    made = [key.pk for key in keys_of(owner, 5)]
    seen, after = [], None
    for _ in range(10):
        page = page_by_id(ApiKey.objects.all(), limit=limit, after=after, newest_first=newest_first)
        assert len(page.items) <= limit
        seen += [row.pk for row in page.items]
        assert page.last_id == (page.items[-1].pk if page.has_more else None)
        if not page.has_more:
            break
        after = page.last_id
    assert seen == (made[::-1] if newest_first else made)


def test_a_page_of_nothing_has_no_next(owner):
    page = first_of(ApiKey.objects.none(), 10)
    assert (page.items, page.has_more, page.last_id) == ([], False, None)


def test_every_list_of_the_accounts_api_pages_alike(owner):
    keys_of(owner, 3)
    for _ in range(2):
        factories.member_principal(owner, Role.AUDITOR)
    for number in range(3):
        people_services.invite(principal=owner, email=f"guest{number}@example.org", role=Role.AUDITOR)
        voice_services.register_voice(principal=owner, name=f"V{number}", person_name="A", language="en")
    client = browser(owner.user)
    for path in ("keys", "organisation/members", "organisation/invitations", "voices"):
        whole = client.get(f"/api/v1/{path}").json()
        assert (len(whole["data"]), whole["has_more"]) == (3, False), path
        first = client.get(f"/api/v1/{path}?limit=2").json()
        assert (len(first["data"]), first["has_more"]) == (2, True), path
        rest = client.get(f"/api/v1/{path}?limit=2&after={first['data'][-1]['id']}").json()
        assert (len(rest["data"]), rest["has_more"]) == (1, False), path
        assert first["data"] + rest["data"] == whole["data"], path
        assert client.get(f"/api/v1/{path}?limit=0").status_code == 400
