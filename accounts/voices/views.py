"""Pages of voices: list, one voice, registration, the log of a voice, styles, recordings to hear."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.consent import selectors as consent_selectors
from accounts.consent import services as consent_services
from accounts.consent.models import Consent, Submission
from accounts.consent.scope import Scope
from accounts.consent.terms import terms_of_consent
from accounts.people import permissions
from accounts.people.principals import Principal, principal_for
from accounts.voices import recordings
from accounts.voices import selectors as voice_selectors
from accounts.voices import services as voice_services
from accounts.voices.labels import EMOTIONS, STOPPED, emotion_label, fact_rows, gate_rows, shown_check
from accounts.voices.languages import LANGUAGES, recogniser_is_there, statement_languages
from accounts.voices.models import Style, Voice
from accounts.voices.states import CheckState
from audit.events import EVENTS
from audit.models import Entry
from audit.subjects import about
from synth.common.ids import parse_id
from synth.errors import AssentError
from synth.portal.files import answer_with
from synth.portal.refusals import page, show

PAGE_SIZE = 24
LOG_PAGE_SIZE = 25


@require_safe
@page
def voices(request: HttpRequest) -> HttpResponse:
    """Voices that the person may see."""
    principal = principal_for(request)
    shown = Paginator(voice_selectors.voices(principal), PAGE_SIZE).get_page(request.GET.get("page"))
    styles = voice_selectors.approved_styles(shown.object_list)
    rows: list[Any] = list(shown)
    ending = consent_selectors.days_left(rows)
    for voice in rows:
        voice.shown_styles = styles[voice.pk]
        voice.ends_in_days = ending.get(voice.pk)
    return render(
        request,
        "accounts/voices.html",
        {
            "page": shown,
            "voices": rows,
            "may_register": principal.can(permissions.VOICES_WRITE),
            "unanswered": consent_selectors.likenesses(principal).filter(answered_at__isnull=True).count(),
        },
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
    owner_by_link = forms.BooleanField(
        label=gettext_lazy("The person is somebody else and has no account here"),
        required=False,
        help_text=gettext_lazy(
            "They consent by a link that you send them, and keep the say over their voice."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["language"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [(code, LANGUAGES[code]) for code in statement_languages()]


@require_http_methods(["GET", "HEAD", "POST"])
@page
def voice_new(request: HttpRequest) -> HttpResponse:
    """Register a voice; its consent comes next."""
    principal = principal_for(request)
    principal.require(permissions.VOICES_WRITE)
    initial = {
        "person_name": principal.user.name,
        "language": (get_language() or "en").split("-")[0],
    }
    form = VoiceForm(request.POST or None, initial=initial)
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            made = voice_services.register_voice(principal=principal, **form.cleaned_data)
        except AssentError as error:
            refusal = error
        else:
            if not made.owner.has_account:
                return redirect("accounts:ask_owner", voice_id=made.pk)
            return redirect("accounts:consent_new", voice_id=made.pk)
    context = {"form": form, "recogniser": recogniser_is_there()}
    return show(request, "accounts/voice_new.html", context, refusal=refusal)


@require_safe
@page
def voice(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """One voice: its styles, its consent, and how to stop it."""
    principal = principal_for(request)
    found = voice_selectors.get_voice(principal, voice_id)
    consent = Consent.objects.filter(voice=found).order_by("-version").first()
    live = consent_selectors.live_consent(found)
    mine = found.organisation_id == principal.organisation.pk
    controls = voice_selectors.controls(principal, found)
    active = live is not None and found.status == "active"
    trains = live is not None and Scope.from_json(live.scope_in_force).custom_weights
    styles: list[Any] = list(voice_selectors.styles(principal, voice_id))
    styles.sort(key=lambda style: style.state == CheckState.REJECTED)  # stable: refused clips come last
    for style in styles:
        style.emotion_label = emotion_label(style.emotion)
        style.shown_state = shown_check(style.state, found.status)
    context = {
        "voice": found,
        "styles": styles,
        "consent": live or consent,
        "terms": terms_of_consent(live or consent),
        "ends_in_days": consent_selectors.days_left([found]).get(found.pk),
        "consent_is_live": active,
        "controls": controls,
        "open_submissions": Submission.objects.filter(
            challenge__voice=found,
            state__in=[CheckState.QUEUED, CheckState.CHECKING, CheckState.NEEDS_REVIEW],
        ),
        "may_ask_owner": principal.can(permissions.CONSENT_WRITE)
        and mine
        and not found.owner.has_account
        and found.status not in ("revoked", "suspended"),
        "may_consent": principal.can(permissions.CONSENT_WRITE)
        and mine
        and found.owner.has_account
        and found.status not in ("revoked", "suspended"),
        "may_register": principal.can(permissions.VOICES_WRITE) and found.owner_id == principal.user.pk,
        "may_add_style": principal.can(permissions.VOICES_WRITE) and mine and active,
        "may_speak": principal.can(permissions.SPEECH_WRITE) and mine and active,
        "may_read_ledger": controls or (principal.can(permissions.AUDIT_READ) and mine),
        "may_listen": may_listen(principal, found),
        "may_add_weights": principal.user.is_staff and active and trains,
        "weights": consent_selectors.weights_of(found),
    }
    return render(request, "accounts/voice.html", context)


def may_listen(principal: Principal, found: Voice) -> bool:
    """Whether to show players; the recording itself is guarded by `selectors.get_clip`."""
    works = principal.can(permissions.REVIEW_DECIDE) or principal.can(permissions.VOICES_WRITE)
    return found.owner_id == principal.user.pk or (
        works and found.organisation_id == principal.organisation.pk
    )


@require_safe
@page
def log(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Every log entry about one voice."""
    principal = principal_for(request)
    found = voice_selectors.get_voice(principal, voice_id)
    return _log_page(request, voice_selectors.ledger(principal, voice_id), {"voice": found})


@require_safe
@page
def uses_log(request: HttpRequest) -> HttpResponse:
    """Every log entry about the voices that belong to the person, in whichever organisation."""
    principal = principal_for(request)
    mine = list(voice_selectors.voices(principal).filter(owner=principal.user))
    rows = Entry.objects.none()
    for found in mine:
        rows = rows | voice_selectors.ledger(principal, found.pk)
    return _log_page(request, rows, {"voices": {about("voice", found.pk): found for found in mine}})


def _log_page(request: HttpRequest, rows: Any, context: dict[str, Any]) -> HttpResponse:
    shown = Paginator(rows, LOG_PAGE_SIZE).get_page(request.GET.get("page"))
    lines = ledger_lines(shown, context.pop("voices", {}))
    return render(request, "accounts/log.html", {**context, "page": shown, "lines": lines})


def ledger_lines(entries: Iterable[Entry], voices: dict[str, Voice]) -> list[dict[str, Any]]:
    """Entries as people read them; `voices` by subject, where a list is about several."""
    language = get_language() or "en"
    return [
        {
            "entry": entry,
            "sentence": EVENTS[entry.event].sentence(language) if entry.event in EVENTS else entry.event,
            "details": fact_rows(json.loads(bytes(entry.body))),
            "voice": voices.get(entry.subject or ""),
        }
        for entry in entries
    ]


@require_safe
@never_cache
@page
def clip_audio(request: HttpRequest, clip_id: UUID) -> HttpResponse:
    """A kept recording, for those who may hear it."""
    clip = voice_selectors.get_clip(principal_for(request), clip_id)
    file, media_type = recordings.open_recording(clip.file.name or "")
    return answer_with(request, file, media_type=media_type)


WAITING = (CheckState.QUEUED, CheckState.CHECKING)


def posted_recording(request: HttpRequest) -> Any:
    file = request.FILES.get("file")
    if file is None:
        raise AssentError("file_missing", "Record something, or choose a file, first.")
    return file


@require_safe
@page
def style(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """One style: its clip, its check."""
    principal = principal_for(request)
    row: Any = voice_selectors.get_style(principal, style_id)
    row.emotion_label = emotion_label(row.emotion)
    context = {
        "style": row,
        "retry_url": f"{reverse('accounts:style_new', args=[row.voice_id])}?again={row.pk}",
        "may_listen": may_listen(principal, row.voice),
        "may_remove": voice_selectors.controls(principal, row.voice)
        or principal.can(permissions.VOICES_WRITE),
    }
    return checked(request, row, row.voice, context)


def checked(
    request: HttpRequest, row: Submission | Style, voice: Voice, context: dict[str, Any]
) -> HttpResponse:
    """The page of a recording's check, or with the header X-Fragment only the part of it that changes."""
    kind = "style" if isinstance(row, Style) else "submission"
    template = "accounts/checked.html" if request.headers.get("X-Fragment") else f"accounts/{kind}.html"
    context |= {
        "row": row,
        "voice": voice,
        "stopped": STOPPED.get(voice.status, "") if row.state == CheckState.APPROVED else "",
        "is_style": kind == "style",
        "waiting": row.state in WAITING,
        "gates": gate_rows(row.gates),
        "live_url": reverse(f"accounts:{kind}", args=[row.pk]),
    }
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@page
def style_new(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Record or upload a clip in a mood."""
    principal = principal_for(request)
    principal.require(permissions.VOICES_WRITE)
    voice = voice_selectors.get_voice(principal, voice_id)
    taken = set(
        voice_selectors.styles(principal, voice_id)
        .exclude(state=CheckState.REJECTED)
        .values_list("emotion", flat=True)
    )
    free = next((emotion for emotion in EMOTIONS if emotion not in taken), "neutral")
    chosen = {"name": "", "emotion": free, "language": voice.language, "transcript": ""}
    again = parse_id(request.GET.get("again", ""))
    refused = voice_selectors.styles(principal, voice_id).filter(pk=again).first() if again else None
    if refused is not None:
        chosen = {key: getattr(refused, key) for key in chosen}
    refusal = None
    if request.method == "POST":
        chosen = {key: request.POST.get(key, "") for key in chosen}
        try:
            made = consent_services.add_style(
                principal=principal,
                voice_id=voice_id,
                upload=posted_recording(request),
                source=request.POST.get("source", "upload"),
                **chosen,
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:style", style_id=made.pk)
    context = {
        "voice": voice,
        "chosen": chosen,
        "emotions": EMOTIONS.items(),
        "languages": LANGUAGES.items(),
    }
    return show(request, "accounts/style_new.html", context, refusal=refusal)


@require_POST
@page
def style_remove(request: HttpRequest, style_id: UUID) -> HttpResponse:
    """Remove a style; its clip is erased."""
    removed = consent_services.remove_style(principal=principal_for(request), style_id=style_id)
    messages.success(request, _("The style was removed and its clip erased."))
    return redirect("accounts:voice", voice_id=removed.voice_id)
