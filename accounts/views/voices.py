"""Pages of voices: list, one voice, registration, receipt, pausing and revoking, the ledger, recordings to hear."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import permissions, receipts, recordings, selectors, services
from accounts.gates.challenge import LANGUAGES as STATEMENT_LANGUAGES
from accounts.languages import LANGUAGES
from accounts.models import CheckState, Consent, Submission, Voice
from accounts.principals import Principal, principal_for
from accounts.scope import Scope
from accounts.terms import Term, terms_of
from accounts.words import emotion_label, fact_rows, gate_rows
from audit.events import EVENTS
from audit.models import Entry
from audit.subjects import about
from synth.errors import AssentError
from synth.portal.files import answer_with
from synth.portal.refusals import page, show

PAGE_SIZE = 24
LEDGER_PAGE_SIZE = 50


@require_safe
@page
def voices(request: HttpRequest) -> HttpResponse:
    """Voices that the person may see."""
    principal = principal_for(request)
    shown = Paginator(selectors.voices(principal), PAGE_SIZE).get_page(request.GET.get("page"))
    styles = selectors.approved_styles(shown.object_list)
    rows: list[Any] = list(shown)
    ending = selectors.days_left(rows)
    for voice in rows:
        voice.shown_styles = styles[voice.pk]
        voice.ends_in_days = ending.get(voice.pk)
    return render(
        request,
        "accounts/voices.html",
        {"page": shown, "voices": rows, "may_register": principal.can(permissions.VOICES_WRITE)},
    )


class VoiceForm(forms.Form):
    """A voice and the person it belongs to."""

    name = forms.CharField(
        label=gettext_lazy("Name of the voice"),
        max_length=80,
        help_text=gettext_lazy("For lists and programs."),
    )
    person_name = forms.CharField(
        label=gettext_lazy("The person's full name"),
        max_length=80,
        help_text=gettext_lazy("As the person will say it in the statement."),
    )
    language = forms.ChoiceField(label=gettext_lazy("Language of the statement"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["language"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [(code, LANGUAGES[code]) for code in STATEMENT_LANGUAGES]


@require_http_methods(["GET", "HEAD", "POST"])
@page
def voice_new(request: HttpRequest) -> HttpResponse:
    """Register a voice; its consent comes next."""
    principal = principal_for(request)
    principal.require(permissions.VOICES_WRITE)
    initial = {
        "person_name": principal.user.name,
        "language": "zh" if (get_language() or "").startswith("zh") else "en",
    }
    form = VoiceForm(request.POST or None, initial=initial)
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            made = services.register_voice(principal=principal, **form.cleaned_data)
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:consent_new", voice_id=made.pk)
    return show(request, "accounts/voice_new.html", {"form": form}, refusal=refusal)


@require_safe
@page
def voice(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """One voice: its styles, its consent, and how to stop it."""
    principal = principal_for(request)
    found = selectors.get_voice(principal, voice_id)
    consent = Consent.objects.filter(voice=found).order_by("-version").first()
    live = selectors.live_consent(found)
    mine = found.organisation_id == principal.organisation.pk
    controls = selectors.controls(principal, found)
    active = live is not None and found.status == "active"
    trains = live is not None and Scope.from_json(live.scope).custom_weights
    styles: list[Any] = list(selectors.styles(principal, voice_id))
    styles.sort(key=lambda style: style.state == CheckState.REJECTED)  # stable: refused clips come last
    for style in styles:
        style.emotion_label = emotion_label(style.emotion)
    context = {
        "voice": found,
        "styles": styles,
        "consent": live or consent,
        "terms": _terms(live or consent),
        "ends_in_days": selectors.days_left([found]).get(found.pk),
        "consent_is_live": active,
        "controls": controls,
        "open_submissions": Submission.objects.filter(
            challenge__voice=found,
            state__in=[CheckState.QUEUED, CheckState.CHECKING, CheckState.NEEDS_REVIEW],
        ),
        "may_consent": principal.can(permissions.CONSENT_WRITE)
        and mine
        and found.status not in ("revoked", "suspended"),
        "may_register": principal.can(permissions.VOICES_WRITE) and found.owner_id == principal.user.pk,
        "may_add_style": principal.can(permissions.VOICES_WRITE) and mine and active,
        "may_speak": principal.can(permissions.SPEECH_WRITE) and mine and active,
        "may_read_ledger": controls or (principal.can(permissions.AUDIT_READ) and mine),
        "may_listen": may_listen(principal, found),
        "may_add_weights": principal.user.is_staff and active and trains,
        "weights": selectors.weights_of(found),
    }
    return render(request, "accounts/voice.html", context)


def may_listen(principal: Principal, found: Voice) -> bool:
    """Whether to show players; the recording itself is guarded by `selectors.get_clip`."""
    works = principal.can(permissions.REVIEW_DECIDE) or principal.can(permissions.VOICES_WRITE)
    return found.owner_id == principal.user.pk or (
        works and found.organisation_id == principal.organisation.pk
    )


def _terms(consent: Consent | None) -> list[Term]:
    """What a consent permits, in the reader's words; its receipt names whom."""
    if consent is None:
        return []
    return terms_of(Scope.from_json(consent.scope), organisation=consent.receipt["controller"]["name"])


@require_POST
@page
def pause(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Suspend a voice, or resume it."""
    principal = principal_for(request)
    if request.POST.get("do") == "resume":
        services.resume(principal=principal, voice_id=voice_id)
        messages.success(request, _("The voice may be used again."))
    else:
        services.suspend(principal=principal, voice_id=voice_id)
        messages.success(request, _("The voice is suspended. Nothing is spoken or released in it."))
    return redirect("accounts:voice", voice_id=voice_id)


@require_POST
@page
def revoke(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Withdraw the consent for good."""
    services.revoke(
        principal=principal_for(request), voice_id=voice_id, reason=request.POST.get("reason", "")
    )
    messages.success(
        request, _("Revoked. From this moment nothing in this voice is started, released or served.")
    )
    return redirect("accounts:voice", voice_id=voice_id)


@require_POST
@page
def erase(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Revoke, then erase recordings and voiceprint."""
    services.erase_voice(principal=principal_for(request), voice_id=voice_id)
    messages.success(request, _("The recordings and the voiceprint were erased."))
    return redirect("accounts:voice", voice_id=voice_id)


@require_safe
@page
def receipt(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """The signed receipt of the latest consent, for people."""
    principal = principal_for(request)
    consent = selectors.get_consent(principal, voice_id)
    live = selectors.live_consent(consent.voice)
    context = {
        "voice": consent.voice,
        "consent": consent,
        "consent_is_live": live is not None and live.pk == consent.pk,
        "terms": _terms(consent),
        "receipt": consent.receipt,
        "receipt_text": json.dumps(consent.receipt, ensure_ascii=False, indent=2),
        "signature_is_valid": receipts.signature_is_valid(consent.receipt, consent.receipt_signature),
        "gates": gate_rows(consent.receipt["checks"]["gates"]),
    }
    return render(request, "accounts/receipt.html", context)


@require_safe
@page
def receipt_file(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """The receipt with its signature and the key it verifies under, as JSON."""
    consent = selectors.get_consent(principal_for(request), voice_id)
    body = {
        "receipt": consent.receipt,
        "signature": consent.receipt_signature,
        "public_key": key.public_key if (key := receipts.key_of(consent.receipt)) else None,
        "algorithm": "Ed25519 over RFC 8785",
    }
    response = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 2})
    response["Content-Disposition"] = f'attachment; filename="consent-{consent.pk}.json"'
    return response


@require_safe
@page
def ledger(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Every log entry about one voice."""
    principal = principal_for(request)
    found = selectors.get_voice(principal, voice_id)
    return _ledger_page(request, selectors.ledger(principal, voice_id), {"voice": found})


@require_safe
@page
def uses(request: HttpRequest) -> HttpResponse:
    """Every log entry about the voices that belong to the person, in whichever organisation."""
    principal = principal_for(request)
    mine = list(selectors.voices(principal).filter(owner=principal.user))
    rows = Entry.objects.none()
    for found in mine:
        rows = rows | selectors.ledger(principal, found.pk)
    return _ledger_page(request, rows, {"voices": {about("voice", found.pk): found for found in mine}})


def _ledger_page(request: HttpRequest, rows: Any, context: dict[str, Any]) -> HttpResponse:
    shown = Paginator(rows, LEDGER_PAGE_SIZE).get_page(request.GET.get("page"))
    language = get_language() or "en"
    by_subject = context.pop("voices", {})
    lines = [
        {
            "entry": entry,
            "sentence": EVENTS[entry.event].sentence(language) if entry.event in EVENTS else entry.event,
            "details": fact_rows(json.loads(bytes(entry.body))),
            "voice": by_subject.get(entry.subject),
        }
        for entry in shown
    ]
    return render(request, "accounts/ledger.html", {**context, "page": shown, "lines": lines})


@require_safe
@never_cache
@page
def clip_audio(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """A kept recording, for those who may hear it."""
    clip = selectors.get_clip(principal_for(request), clip_id)
    file, media_type = recordings.open_recording(clip.file.name or "")
    return answer_with(request, file, media_type=media_type)
