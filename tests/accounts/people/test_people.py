"""Accounts, organisations, memberships, invitations, keys, the first administrator, kept mail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import send_mail
from django.utils import timezone

from accounts.consent import selectors as consent_selectors
from accounts.people import mail as kept_mail
from accounts.people import permissions, services
from accounts.people import selectors as people_selectors
from accounts.people.models import (
    ApiKey,
    FirstAdminToken,
    Invitation,
    Membership,
    Organisation,
    OutboundMail,
    User,
)
from accounts.people.permissions import PERMISSIONS, SCOPES, Role
from accounts.people.principals import principal_of
from accounts.people.tokens import token_hash
from audit.models import Entry
from synth.errors import AssentError, Conflict, Forbidden, NotFound
from tests import factories

pytestmark = pytest.mark.django_db


def events(**where):
    return list(Entry.objects.filter(**where).order_by("id").values_list("event", flat=True))


def refreshed(principal):
    found = Membership.objects.select_related("user", "organisation")
    return principal_of(found.get(user=principal.user, organisation=principal.organisation))


# Roles


def test_no_role_but_the_owner_manages_members_and_no_auditor_acts():
    assert PERMISSIONS[Role.OWNER] >= set(SCOPES)
    assert [role for role in Role.values if permissions.MEMBERS_MANAGE in PERMISSIONS[role]] == [Role.OWNER]
    assert not {s for s in PERMISSIONS[Role.AUDITOR] if s.endswith(":write")}
    assert permissions.permissions_of("emperor") == frozenset()


def test_an_organisation_keeps_an_owner(owner):
    mine = Membership.objects.get(user=owner.user, organisation=owner.organisation)
    with pytest.raises(Conflict, match="at least one owner"):
        services.change_role(principal=owner, membership_id=mine.pk, role=Role.AUDITOR)
    with pytest.raises(Conflict):
        services.remove_member(principal=owner, membership_id=mine.pk)


def test_only_owners_change_roles_and_only_in_their_organisation(owner, reviewer, stranger):
    membership = Membership.objects.get(user=reviewer.user)
    with pytest.raises(Forbidden):
        services.change_role(principal=reviewer, membership_id=membership.pk, role=Role.OWNER)
    with pytest.raises(NotFound):
        services.change_role(principal=stranger, membership_id=membership.pk, role=Role.AUDITOR)
    services.change_role(principal=owner, membership_id=membership.pk, role=Role.AUDITOR)
    assert refreshed(reviewer).role == Role.AUDITOR
    assert "member.role_changed" in events(organisation_id=owner.organisation.pk)


def test_who_leaves_loses_their_keys_and_keeps_a_place_to_stand(owner):
    operator = factories.member_principal(owner, Role.OPERATOR)
    _, key = services.create_key(principal=operator, name="k", scopes=["speech:write"])
    services.remove_member(principal=owner, membership_id=Membership.objects.get(user=operator.user).pk)
    assert services.find_key(key) is None
    assert Membership.objects.get(user=operator.user).organisation_id != owner.organisation.pk


def test_somebody_may_leave_by_themselves(owner, reviewer):
    services.remove_member(principal=reviewer, membership_id=Membership.objects.get(user=reviewer.user).pk)
    assert not Membership.objects.filter(user=reviewer.user, organisation=owner.organisation).exists()


# Invitations


def test_an_invitation_is_for_one_address_and_works_once(owner, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        services.invite(principal=owner, email="New@Example.org", role=Role.REVIEWER)
    token = mail.outbox[-1].body.split("/invitations/")[1].split()[0]
    assert Invitation.objects.get().token_hash == token_hash(token)
    with pytest.raises(Forbidden, match="another address"):
        services.accept_invitation(user=factories.person("other@example.org"), token=token)
    guest = factories.person("new@example.org")
    assert services.accept_invitation(user=guest, token=token).role == Role.REVIEWER
    with pytest.raises(NotFound):
        services.accept_invitation(user=guest, token=token)


def test_a_second_invitation_replaces_the_first_and_can_be_withdrawn(owner):
    first = services.invite(principal=owner, email="a@example.org", role=Role.REVIEWER)
    second = services.invite(principal=owner, email="a@example.org", role=Role.AUDITOR)
    first.refresh_from_db()
    assert first.withdrawn_at is not None
    services.withdraw_invitation(principal=owner, invitation_id=second.pk)
    with pytest.raises(NotFound):
        services.withdraw_invitation(principal=owner, invitation_id=second.pk)


def test_an_old_invitation_is_closed(owner):
    services.invite(principal=owner, email="a@example.org", role=Role.REVIEWER)
    Invitation.objects.update(token_hash=token_hash("t"), expires_at=timezone.now() - timedelta(seconds=1))
    assert services.open_invitation("t") is None


def test_no_key_and_no_operator_invites(owner):
    operator = factories.member_principal(owner, Role.OPERATOR)
    with pytest.raises(Forbidden):
        services.invite(principal=operator, email="a@example.org", role=Role.OWNER)
    with pytest.raises(AssentError) as refusal:
        services.invite(principal=owner, email="not an address", role=Role.OWNER)
    assert refusal.value.code == "email_invalid"


# Keys


def test_a_key_is_shown_once_and_kept_as_a_hash(owner):
    row, key = services.create_key(principal=owner, name="ci", scopes=["speech:write"])
    stored = ApiKey.objects.get(pk=row.pk)
    assert key.startswith(f"assent_{stored.prefix}_")
    assert stored.hash == token_hash(key)
    assert key not in str(vars(stored))
    assert services.find_key(key) == stored
    assert key not in str([entry.content for entry in Entry.objects.all()])


def test_last_use_is_kept_to_the_minute(owner):
    row, key = services.create_key(principal=owner, name="ci", scopes=["speech:write"])
    services.find_key(key)
    first = ApiKey.objects.get(pk=row.pk).last_used_at
    services.find_key(key)
    assert ApiKey.objects.get(pk=row.pk).last_used_at == first is not None
    ApiKey.objects.filter(pk=row.pk).update(last_used_at=first - timedelta(minutes=2))
    services.find_key(key)
    assert ApiKey.objects.get(pk=row.pk).last_used_at > first


@pytest.mark.parametrize("end", ["revoked", "expired", "left", "inactive", "wrong secret"])
def test_a_key_ends(owner, end):
    operator = factories.member_principal(owner, Role.OPERATOR)
    row, key = services.create_key(principal=operator, name="ci", scopes=["speech:write"])
    assert services.find_key(key) is not None
    if end == "revoked":
        services.revoke_key(principal=operator, key_id=row.pk)
    elif end == "expired":
        ApiKey.objects.filter(pk=row.pk).update(
            created_at=timezone.now() - timedelta(days=2), expires_at=timezone.now() - timedelta(days=1)
        )
    elif end == "left":
        Membership.objects.filter(user=operator.user).delete()
    elif end == "inactive":
        User.objects.filter(pk=operator.user.pk).update(is_active=False)
    else:
        key = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert services.find_key(key) is None


def test_a_key_carries_no_more_than_its_maker_may(owner):
    operator = factories.member_principal(owner, Role.OPERATOR)
    with pytest.raises(Forbidden):
        services.create_key(principal=operator, name="k", scopes=["audit:read"])
    row, _ = services.create_key(principal=operator, name="k", scopes=["speech:write", "voices:write"])
    membership = Membership.objects.select_related("user", "organisation").get(user=operator.user)
    membership.role = Role.AUDITOR  # demoted afterwards: the key shrinks with its maker
    assert principal_of(membership, api_key=row).scopes == frozenset()


def test_a_key_makes_no_keys_and_reviews_nothing(owner):
    row, _ = services.create_key(principal=owner, name="k", scopes=list(SCOPES))
    membership = Membership.objects.select_related("user", "organisation").get(user=owner.user)
    acting = principal_of(membership, api_key=row)
    assert acting.actor.kind == "api_key"
    with pytest.raises(Forbidden):
        services.create_key(principal=acting, name="k", scopes=["speech:read"])
    with pytest.raises(Forbidden):
        consent_selectors.review_queue(acting)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"scopes": ["everything"]}, "scope_unknown"),
        ({"scopes": []}, "scope_unknown"),
        ({"days": 0}, "days_out_of_range"),
        ({"days": 366}, "days_out_of_range"),
        ({"name": "  "}, "text_missing"),
        ({"name": "a\x00b"}, "text_not_printable"),
        ({"name": "x" * 81}, "text_too_long"),
    ],
)
def test_a_bad_key_request_is_refused(owner, given, code):
    with pytest.raises(AssentError) as refusal:
        services.create_key(principal=owner, **{"name": "k", "scopes": ["speech:read"], **given})
    assert refusal.value.code == code


def test_operators_see_and_revoke_their_own_keys_only(owner):
    operator = factories.member_principal(owner, Role.OPERATOR)
    theirs, _ = services.create_key(principal=owner, name="k", scopes=["speech:read"])
    mine, _ = services.create_key(principal=operator, name="k", scopes=["speech:read"])
    assert list(people_selectors.keys(operator)) == [mine]
    assert set(people_selectors.keys(owner)) == {mine, theirs}
    with pytest.raises(NotFound):
        services.revoke_key(principal=operator, key_id=theirs.pk)
    services.revoke_key(principal=owner, key_id=mine.pk)


# The first administrator


def test_the_first_link_makes_one_administrator_and_no_second():
    link = services.first_admin_link()
    token = link.rsplit("/", 1)[1]
    assert not FirstAdminToken.objects.filter(token_hash=token).exists()
    assert services.open_first_admin_token(token).token_hash == token_hash(token)
    user = services.redeem_first_admin_token(
        token, email="Root@Example.org", organisation_name="Studio", password="a-long-enough-phrase"
    )
    assert user.is_staff and user.check_password("a-long-enough-phrase")
    assert Organisation.objects.get(memberships__user=user, memberships__role=Role.OWNER).name == "Studio"
    assert services.first_admin_link() is None
    with pytest.raises(NotFound) as spent:
        services.redeem_first_admin_token(token, email="b@example.org", organisation_name="B")
    assert spent.value.code == "link_used"


def test_a_newer_link_closes_the_older():
    older = services.first_admin_link().rsplit("/", 1)[1]
    newer = services.first_admin_link().rsplit("/", 1)[1]
    with pytest.raises(NotFound) as replaced:
        services.open_first_admin_token(older)
    assert replaced.value.code == "link_not_valid"
    assert services.open_first_admin_token(newer)


def test_a_refused_form_does_not_spend_the_link():
    token = services.first_admin_link().rsplit("/", 1)[1]
    with pytest.raises(AssentError) as refusal:
        services.redeem_first_admin_token(
            token, email="a@example.org", organisation_name="S", password="short"
        )
    assert refusal.value.code == "password_too_weak"
    with pytest.raises(AssentError):
        services.redeem_first_admin_token(token, email="a@example.org", organisation_name=" ")
    assert services.open_first_admin_token(token)
    assert not User.objects.filter(email="a@example.org").exists()


def test_without_a_password_none_works():
    token = services.first_admin_link().rsplit("/", 1)[1]
    user = services.redeem_first_admin_token(token, email="a@example.org", organisation_name="S")
    assert not user.has_usable_password()


def test_an_expired_link_is_refused():
    token = services.first_admin_link().rsplit("/", 1)[1]
    FirstAdminToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotFound):
        services.redeem_first_admin_token(token, email="a@example.org", organisation_name="S")


# New accounts and mail


def test_a_new_account_is_logged_once_and_gets_an_organisation():
    user = factories.person("ada@example.org")
    services.account_created(user=user)
    services.account_created(user=user)
    assert Membership.objects.get(user=user).role == Role.OWNER
    assert events(subject=f"user:{user.pk}").count("account.created") == 1


def test_no_log_entry_names_a_person(owner, speaking):
    text = str([entry.content for entry in Entry.objects.all()])
    assert owner.user.email not in text
    assert speaking.person_name not in text


def test_mail_without_a_server_is_kept_for_administrators(
    settings, tmp_path, owner, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "accounts.people.mail.OutboundMailBackend"
    settings.ASSENT_MAIL_DIR = tmp_path / "mail"
    with django_capture_on_commit_callbacks(execute=True):
        send_mail("Your code", "123456", "service@example.org", ["ada@example.org"])
    row = OutboundMail.objects.get()
    assert (row.recipients, row.body) == (["ada@example.org"], "123456")
    file = tmp_path / "mail" / f"{row.pk}.eml"
    assert "123456" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(NotFound):
        people_selectors.outbound_mail(owner)
    User.objects.filter(pk=owner.user.pk).update(is_staff=True)
    assert list(people_selectors.outbound_mail(refreshed(owner))) == [row]
    OutboundMail.objects.update(created_at=timezone.now() - timedelta(days=31))
    kept_mail.sweep()
    assert not file.exists() and not OutboundMail.objects.exists()
