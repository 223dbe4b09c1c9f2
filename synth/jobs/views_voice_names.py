"""The page of further names of voices: what programs of other services ask for, and whose voice answers."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.people.permissions import MEMBERS_MANAGE, VOICES_READ
from accounts.people.principals import principal_for
from accounts.voices import selectors as voice_selectors
from synth.errors import AssentError
from synth.jobs import selectors, services
from synth.portal.refusals import page, show


@require_http_methods(["GET", "HEAD", "POST"])
@page
def voice_names(request: HttpRequest) -> HttpResponse:
    """Names of the organisation; an owner sets and removes them."""
    principal, form = principal_for(request), request.POST
    principal.require(VOICES_READ)
    refusal = None
    if request.method == "POST":
        name = form.get("name", "").strip()
        try:
            if form.get("do") == "remove":
                services.remove_voice_name(principal=principal, name=name)
                messages.success(request, _("The name was removed."))
            else:
                services.set_voice_name(principal=principal, name=name, voice=form.get("voice", ""))
                messages.success(request, _("The name was set."))
            return redirect("jobs:voice_names")
        except AssentError as error:
            refusal = error
    context = {
        "names": selectors.voice_names(principal),
        "voices": voice_selectors.voices(principal).filter(organisation=principal.organisation),
        "may_manage": principal.can(MEMBERS_MANAGE),
        "usual": services.OPENAI_NAMES,
        "chosen": form,
    }
    return show(request, "jobs/voice_names.html", context, refusal=refusal)
