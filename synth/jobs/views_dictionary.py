"""The page of the organisation's pronunciations. Rules are in `services`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.people.permissions import VOICES_WRITE
from accounts.people.principals import principal_for
from accounts.voices.languages import LANGUAGES
from synth.errors import AssentError
from synth.jobs import selectors, services
from synth.portal.refusals import page, show
from synth.text.dictionary import Entry


@require_http_methods(["GET", "HEAD", "POST"])
@page
def dictionary(request: HttpRequest) -> HttpResponse:
    """Words and how they are spoken; adding and removing one makes a new version."""
    principal = principal_for(request)
    refusal = None
    if request.method == "POST":
        form = request.POST
        word, language = form.get("word", ""), form.get("language", "")
        try:
            if form.get("do") == "remove":
                services.remove_word(principal=principal, language=language, word=word)
            else:
                kind = "alias" if form.get("kind") == "alias" else "reading"
                entry = Entry(language, word.strip(), **{kind: form.get("value", "").strip()})
                services.put_word(principal=principal, entry=entry)
        except AssentError as error:
            refusal = error
        else:
            return redirect("jobs:dictionary")
    current = selectors.dictionaries_for(principal).first()
    context = {
        "version": current,
        "entries": services.words_of(current).entries,
        "languages": LANGUAGES.items(),
        "chosen": request.POST if refusal else {},
        "may_write": principal.can(VOICES_WRITE),
    }
    return show(request, "jobs/dictionary.html", context, refusal=refusal)
