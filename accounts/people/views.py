"""Pages of people: organisation and members, keys, invitations, the first administrator, kept mail."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.account.utils import perform_login
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_text_html
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.people import permissions, selectors, services
from accounts.people.adapter import INVITATION_SESSION_KEY
from accounts.people.models import Membership
from accounts.people.permissions import SCOPES, Role
from accounts.people.principals import ORGANISATION_SESSION_KEY, principal_for
from synth.common.ids import parse_id
from synth.errors import AssentError, NotFound
from synth.portal.refusals import page, show

PAGE_SIZE = 20


@require_http_methods(["GET", "HEAD", "POST"])
@page
def organisation(request: HttpRequest) -> HttpResponse:
    """Members, invitations, the name; and the choice of the organisation one works for."""
    principal = principal_for(request)
    refusal = None
    if request.method == "POST":
        try:
            done = _change_organisation(request)
        except AssentError as error:
            refusal = error
        else:
            if done:
                messages.success(request, done)
            return redirect("accounts:organisation")
    may_manage = principal.can(permissions.MEMBERS_MANAGE)
    members = selectors.members(principal)
    owners = [member.pk for member in members if member.role == Role.OWNER]
    context = {
        "members": members,
        "kept": owners[0] if len(owners) == 1 else None,
        "invitations": selectors.invitations(principal) if may_manage else [],
        "memberships": Membership.objects.select_related("organisation").filter(user=principal.user),
        "roles": Role.choices,
        "may_manage": may_manage,
    }
    return show(request, "accounts/organisation.html", context, refusal=refusal)


def _change_organisation(request: HttpRequest) -> str:
    """Do what the form asks; returns the sentence that says so."""
    principal = principal_for(request)
    form = request.POST
    match form.get("do"):
        case "invite":
            services.invite(principal=principal, email=form.get("email", ""), role=form.get("role", ""))
            return _("The invitation is on its way.")
        case "withdraw":
            services.withdraw_invitation(principal=principal, invitation_id=_id(form.get("invitation")))
            return _("The invitation was withdrawn.")
        case "role":
            services.change_role(
                principal=principal, membership_id=_id(form.get("member")), role=form.get("role", "")
            )
            return _("The role was changed.")
        case "remove":
            services.remove_member(principal=principal, membership_id=_id(form.get("member")))
            return _("The membership ended.")
        case "rename":
            services.rename_organisation(principal=principal, name=form.get("name", ""))
            return _("The organisation was renamed.")
        case "create":
            made = services.create_organisation(owner=principal.user, name=form.get("name", ""))
            request.session[ORGANISATION_SESSION_KEY] = str(made.pk)
            return _("The organisation was created.")
        case "switch":
            request.session[ORGANISATION_SESSION_KEY] = form.get("organisation", "")
            return ""
        case _:
            raise AssentError("action_unknown", "The form asked for something unknown.")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def keys(request: HttpRequest) -> HttpResponse:
    """API keys: made, shown once, revoked."""
    principal = principal_for(request)
    context: dict[str, Any] = {
        "scopes": SCOPES.items(),
        "now": timezone.now(),
        "base_url": settings.ASSENT_BASE_URL,
    }
    refusal = None
    if request.method == "POST":
        form = request.POST
        try:
            if form.get("do") == "revoke":
                services.revoke_key(principal=principal, key_id=_id(form.get("key")))
                messages.success(request, _("The key was revoked."))
                return redirect("accounts:keys")
            # Not after a redirect: the key itself is nowhere kept, so this answer is the only one that has it.
            context["new_row"], context["new_key"] = services.create_key(
                principal=principal,
                name=form.get("name", ""),
                scopes=form.getlist("scopes"),
                days=_number(form.get("days"), services.keys.DEFAULT_KEY_DAYS),
            )
        except AssentError as error:
            refusal = error
    offered = [(scope, label) for scope, label in SCOPES.items() if principal.can(scope)]
    context |= {"scopes": offered, "keys": selectors.keys(principal)}
    return show(request, "accounts/keys.html", context, refusal=refusal)


@require_safe
@never_cache
@page
def mail(request: HttpRequest) -> HttpResponse:
    """Mail that was kept for want of a mail server; administrators only."""
    rows = Paginator(selectors.outbound_mail(principal_for(request)), PAGE_SIZE)
    return render(request, "accounts/mail.html", {"page": rows.get_page(request.GET.get("page"))})


class FirstAdminForm(forms.Form):
    """The account of whoever looks after this installation."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    name = forms.CharField(label=gettext_lazy("Your name"), max_length=120)
    organisation_name = forms.CharField(
        label=gettext_lazy("Organisation"), max_length=80, help_text=gettext_lazy("Consents will name it.")
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@never_cache
@page
def first_admin(request: HttpRequest, token: str) -> HttpResponse:
    """The one-time link that `up` prints: make the first administrator's account and log in."""
    try:
        services.open_first_admin_token(token)
    except NotFound as error:
        return show(request, "accounts/first_admin.html", {}, refusal=error)
    form = FirstAdminForm(request.POST or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            user = services.redeem_first_admin_token(token, **form.cleaned_data)
        except AssentError as error:
            refusal = error
        else:
            answer = perform_login(request, user, redirect_url=reverse("mfa_index"))
            # The password was set a moment ago: a second factor can be switched on without it.
            reauthenticate_by_password(request)
            messages.success(request, _("Welcome. Switch on a second factor for this account now."))
            return answer
    return show(request, "accounts/first_admin.html", {"form": form}, refusal=refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation by mail: sign up or log in, then join."""
    found = services.open_invitation(token)
    if found is None:
        raise NotFound("invitation_not_found", "This invitation is not open (any more).")
    request.session[INVITATION_SESSION_KEY] = token
    refusal = None
    if request.method == "POST" and request.user.is_authenticated:
        try:
            membership = services.accept_invitation(user=request.user, token=token)
        except AssentError as error:
            refusal = error
        else:
            request.session[ORGANISATION_SESSION_KEY] = str(membership.organisation_id)
            messages.success(request, _("You joined %(name)s.") % {"name": found.organisation.name})
            return redirect("portal:home")
    return show(request, "accounts/invitation.html", {"invitation": found}, refusal=refusal)


def _id(text: str | None) -> Any:
    """The identifier in a form's field; one that is none names nothing."""
    found = parse_id(text or "")
    if found is None:
        raise NotFound("not_found", "There is no such thing.")
    return found


def _number(text: str | None, default: int) -> int:
    """A whole number from a form's field; what is none is out of every range."""
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        return -1
