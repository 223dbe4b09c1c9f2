"""The page of heard notices: the organisation's rules, and one form for a new one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.consent.scope import PURPOSES
from accounts.people.permissions import MEMBERS_MANAGE
from accounts.people.principals import principal_for
from accounts.voices import selectors as voice_selectors
from accounts.voices.languages import LANGUAGES
from synth.common.ids import parse_id
from synth.errors import AssentError
from synth.jobs import selectors, services
from synth.portal.refusals import page, show
from synth.speech.wording import BEGINNING, END, MIDDLE, NONE, RHYTHM, SPOKEN, WORDING

KIND_LABELS = {
    SPOKEN: gettext_lazy("spoken"),
    RHYTHM: gettext_lazy("the rhythm short-long-short-short"),
    NONE: gettext_lazy("no notice"),
}
PLACE_LABELS = {
    BEGINNING: gettext_lazy("at the beginning"),
    MIDDLE: gettext_lazy("in the middle"),
    END: gettext_lazy("at the end"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def notices(request: HttpRequest) -> HttpResponse:
    """Rules of the organisation; an owner sets and removes them."""
    principal = principal_for(request)
    refusal = None
    if request.method == "POST":
        try:
            messages.success(request, _changed(request))
            return redirect("jobs:notices")
        except AssentError as error:
            refusal = error
    rules = [
        {
            "row": rule,
            "kind": KIND_LABELS[rule.kind],
            "places": [PLACE_LABELS[place] for place in rule.places],
            "purpose": PURPOSES.get(rule.purpose, ""),
            "reason": services.NOTICE_REASONS.get(rule.reason, ""),
        }
        for rule in selectors.notice_rules(principal)
    ]
    context = {
        "rules": rules,
        "may_manage": principal.can(MEMBERS_MANAGE),
        "kinds": KIND_LABELS.items(),
        "places": PLACE_LABELS.items(),
        "purposes": PURPOSES.items(),
        "reasons": services.NOTICE_REASONS.items(),
        "voices": voice_selectors.voices(principal),
        "wordings": [(code, label, WORDING.get(code, "")) for code, label in LANGUAGES.items()],
        "wording_limit": services.MAX_WORDING,
    }
    return show(request, "jobs/notices.html", context, refusal=refusal)


def _changed(request: HttpRequest) -> str:
    """Do what the form asks; returns the sentence that says so."""
    principal, form = principal_for(request), request.POST
    if form.get("do") == "remove":
        services.remove_rule(principal=principal, rule_id=parse_id(form.get("rule", "")) or UUID(int=0))
        return _("The rule was removed.")
    services.set_rule(
        principal=principal,
        kind=form.get("kind", ""),
        voice=form.get("voice", ""),
        purpose=form.get("purpose", ""),
        places=form.getlist("places") or [BEGINNING],
        wording={code: form.get(f"wording-{code}", "") for code in WORDING},
        reason=form.get("reason", ""),
    )
    return _("The rule was set.")
