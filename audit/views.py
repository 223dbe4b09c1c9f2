"""Pages of the log: its entries, one entry with its proof, the checkpoint."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from audit import access, cosigning, keys, selectors, services
from audit.events import EVENTS
from audit.models import Entry, Publication
from synth.errors import NotFound, Unavailable

PAGE_SIZE = 25


class FilterForm(forms.Form):
    """What the list of entries is narrowed by; every field may be empty."""

    event = forms.ChoiceField(label=_("Event"), required=False)
    subject = forms.CharField(label=_("Subject"), required=False, max_length=200)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "en"
        names = [(name, event.sentence(language)) for name, event in EVENTS.items()]
        field = self.fields["event"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [("", _("All events")), *names]


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """The head of the log for everybody; the entries of their organisation for its members."""
    organisations = access.readable_organisations(request)
    form = FilterForm(request.GET)
    page = None
    if organisations:
        rows = selectors.entries_for(organisation_ids=organisations)
        if form.is_valid():
            wanted = form.cleaned_data
            rows = selectors.entries_for(
                organisation_ids=organisations,
                event=wanted["event"] or None,
                subject=wanted["subject"].strip() or None,
                since=_start_of(wanted["since"]),
                until=_start_of(wanted["until"], days_later=1),
            )
        page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
        for entry in page:
            _explain(entry)
    return render(request, "audit/log.html", {"form": form, "page": page, **_head()})


@require_safe
def entry_page(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One entry: what it says, its bytes, its place in the tree, and its proof."""
    try:
        entry = selectors.readable_entry(entry_id, organisation_ids=access.readable_organisations(request))
    except NotFound as error:
        raise Http404(error.message) from error
    _explain(entry)
    content = entry.content
    return render(
        request,
        "audit/entry.html",
        {
            "entry": entry,
            "content": content,
            "facts": sorted(content["data"].items()),
            "pretty": json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True),
            "proof": services.proof_for(entry),
            **_head(),
        },
    )


@require_safe
def checkpoint_page(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint, the key, and how to check them."""
    recent = Publication.objects.select_related("checkpoint").order_by("-checkpoint_id")[:20]
    shown = {"recent": [row.checkpoint for row in recent], "witnesses": list(cosigning.standing())}
    return render(request, "audit/checkpoint.html", {**shown, **_head()})


def _head() -> dict[str, Any]:
    try:
        *earlier, vkey = (key.vkey for key in keys.verifiers())
    except Unavailable:
        earlier, vkey = [], ""
    return {
        "checkpoint": selectors.published_checkpoint(),
        "status": selectors.log_status(),
        "vkey": vkey,
        "earlier_vkeys": earlier,
        "base_url": settings.ASSENT_BASE_URL,
    }


def _explain(entry: Entry) -> None:
    """Attach what the templates show: a sentence in the reader's language, the leaf's index."""
    event = EVENTS.get(entry.event)
    shown: Any = entry
    shown.sentence = event.sentence(get_language() or "en") if event else entry.event
    leaf: Any = getattr(entry, "leaf", None)
    shown.index = None if leaf is None else leaf.index


def _start_of(day: date | None, days_later: int = 0) -> datetime | None:
    if day is None or day >= date(9999, 12, 31):
        return None
    return datetime.combine(day + timedelta(days=days_later), time.min, tzinfo=UTC)
