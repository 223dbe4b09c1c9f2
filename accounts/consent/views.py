"""Pages of consent: the challenge that is read aloud, its check, receipts, pausing, revoking."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.consent import attestations, receipts, services
from accounts.consent import selectors as consent_selectors
from accounts.consent.models import MAX_ATTEMPTS_PER_CHALLENGE, Challenge, Consent
from accounts.consent.scope import (
    ANY_EMOTION,
    DEFAULT_PURPOSES,
    DEFAULT_VALID_DAYS,
    MAX_VALID_DAYS,
    PURPOSES,
    Scope,
)
from accounts.consent.terms import terms_of, terms_of_consent
from accounts.people import permissions
from accounts.people.principals import principal_for
from accounts.voices import selectors as voice_selectors
from accounts.voices.labels import EMOTIONS, gate_rows
from accounts.voices.languages import LANGUAGES, needs_listener
from accounts.voices.models import Voice
from accounts.voices.views import checked, posted_recording
from synth.errors import AssentError
from synth.portal.refusals import page, show


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
        principal=principal_for(request),
        voice_id=voice_id,
        reason=request.POST.get("reason", ""),
        keep_print="decline_print" not in request.POST,
    )
    messages.success(
        request, _("Revoked. From this moment nothing in this voice is started, released or served.")
    )
    return redirect("accounts:voice", voice_id=voice_id)


@require_POST
@page
def erase(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Revoke, then erase recordings and voiceprint."""
    services.erase_voice(
        principal=principal_for(request), voice_id=voice_id, keep_print="decline_print" not in request.POST
    )
    messages.success(request, _("The recordings and the voiceprint were erased."))
    return redirect("accounts:voice", voice_id=voice_id)


@require_safe
@page
def receipt(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """The signed receipt of the latest consent, for people."""
    principal = principal_for(request)
    consent = consent_selectors.get_consent(principal, voice_id)
    live = consent_selectors.live_consent(consent.voice)
    context = {
        "voice": consent.voice,
        "consent": consent,
        "consent_is_live": live is not None and live.pk == consent.pk,
        "terms": terms_of_consent(consent),
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
    return receipt_answer(consent_selectors.get_consent(principal_for(request), voice_id))


def receipt_answer(consent: Consent) -> HttpResponse:
    """The receipt of `consent` as a file, with what it takes to check it."""
    body = {
        "receipt": consent.receipt,
        "signature": consent.receipt_signature,
        "public_key": key.public_key if (key := receipts.key_of(consent.receipt)) else None,
        "algorithm": "Ed25519 over RFC 8785",
    }
    response = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 2})
    response["Content-Disposition"] = f'attachment; filename="consent-{consent.pk}.json"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@page
def consent_new(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Choose what the voice may be used for, and get the statement that permits exactly that."""
    principal = principal_for(request)
    principal.require(permissions.CONSENT_WRITE)
    voice = voice_selectors.get_voice(principal, voice_id)
    chosen = scope_form(voice)
    refusal = None
    if request.method == "POST":
        chosen = posted_scope(request)
        try:
            challenge_ = services.issue_challenge(principal=principal, voice_id=voice.pk, **scope_of(chosen))
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:challenge", challenge_id=challenge_.pk)
    context = {**scope_choices(voice), "voice": voice, "chosen": chosen}
    return show(request, "accounts/consent_new.html", context, refusal=refusal)


def scope_choices(voice: Voice) -> dict[str, Any]:
    """What the form of a scope offers."""
    return {
        "purposes": PURPOSES.items(),
        "languages": LANGUAGES.items(),
        "moods": EMOTIONS.items(),
        "known_moods": EMOTIONS,
        "any_mood": ANY_EMOTION,
        "max_days": MAX_VALID_DAYS,
        "listener": needs_listener(voice.language),
    }


def scope_form(voice: Voice, asked: Scope | None = None) -> dict[str, Any]:
    """The form of a scope before anybody touched it: what was asked for, or the defaults."""
    return {
        "purposes": asked.purposes if asked else DEFAULT_PURPOSES,
        "languages": asked.languages if asked else [voice.language],
        "emotions": list(asked.emotions) if asked else [ANY_EMOTION],
        "excluded_terms": "\n".join(asked.excluded_terms) if asked else "",
        "valid_days": asked.valid_days if asked else DEFAULT_VALID_DAYS,
        "custom_weights": asked.custom_weights if asked else False,
    }


def posted_scope(request: HttpRequest) -> dict[str, Any]:
    """The form of a scope as it was sent."""
    form = request.POST
    return {
        "purposes": form.getlist("purposes"),
        "languages": form.getlist("languages"),
        # Chips, and a line for moods that have none; a blank or a comma parts them.
        "emotions": [
            word for word in re.split(r"[,，、\s]+", ",".join(form.getlist("emotions")).lower()) if word
        ],
        "excluded_terms": form.get("excluded_terms", ""),
        "valid_days": form.get("valid_days", ""),
        "custom_weights": "custom_weights" in form,
    }


def scope_of(chosen: dict[str, Any]) -> dict[str, Any]:
    """What the services take, of a form that was sent."""
    return {
        "purposes": chosen["purposes"],
        "languages": chosen["languages"],
        # Any mood is every mood, whatever else is chosen.
        "emotions": [ANY_EMOTION] if ANY_EMOTION in chosen["emotions"] else chosen["emotions"],
        "excluded_terms": [line for line in chosen["excluded_terms"].splitlines() if line.strip()],
        "valid_days": int(days) if (days := chosen["valid_days"]).isdecimal() and len(days) < 6 else 0,
        "custom_weights": chosen["custom_weights"],
    }


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page
def ask_owner(request: HttpRequest, voice_id: UUID) -> HttpResponse:
    """Say what is asked for, and get the link to send to the voice's owner. It is shown once."""
    principal = principal_for(request)
    principal.require(permissions.CONSENT_WRITE)
    voice = voice_selectors.get_voice(principal, voice_id)
    chosen, refusal, url = scope_form(voice), None, ""
    if request.method == "POST":
        chosen = posted_scope(request)
        try:
            _link, url = services.ask_owner(principal=principal, voice_id=voice.pk, **scope_of(chosen))
        except AssentError as error:
            refusal = error
    context = {**scope_choices(voice), "voice": voice, "chosen": chosen, "link": url}
    return show(request, "accounts/ask_owner.html", context, refusal=refusal)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def challenge(request: HttpRequest, challenge_id: UUID) -> HttpResponse:
    """See what is permitted, agree, and read the statement aloud (or upload a recording of it)."""
    principal = principal_for(request)
    found = consent_selectors.get_challenge(principal, challenge_id)
    language = get_language() or "en"
    refusal = None
    if request.method == "POST":
        try:
            made = services.submit_recording(
                principal=principal,
                challenge_id=challenge_id,
                upload=posted_recording(request),
                source=request.POST.get("source", "upload"),
                scope_sha256=request.POST.get("scope_sha256", ""),
                attestations=request.POST.getlist("attestations"),
                language=language,
            )
        except AssentError as error:
            refusal = error
        else:
            return redirect("accounts:submission", submission_id=made.pk)
    context = challenge_context(found, language, request)
    return show(request, "accounts/consent_record.html", context, refusal=refusal)


def challenge_context(found: Challenge, language: str, request: HttpRequest) -> dict[str, Any]:
    """What the page of a statement shows to whoever reads it aloud."""
    return {
        **statement_of(found),
        "challenge": found,
        "voice": found.voice,
        "terms": terms_of(Scope.from_json(found.scope), organisation=found.voice.organisation.name),
        "attestations": attestations.wordings(language).items(),
        "attested": request.POST.getlist("attestations"),
        "attempts_left": MAX_ATTEMPTS_PER_CHALLENGE - found.attempts,
        "is_open": is_open(found),
        "listener": bool(found.needs_reviewer),
    }


def is_open(found: Challenge) -> bool:
    """Whether a statement may still be answered."""
    return (
        found.used_at is None
        and found.expires_at > timezone.now()
        and found.attempts < MAX_ATTEMPTS_PER_CHALLENGE
    )


def statement_of(found: Challenge) -> dict[str, Any]:
    """What is to be said: the statement, and apart from it the six words, which the page shows large and numbered."""
    words = services.challenge_words(found)
    return {"statement": before_words(found.statement, words), "words": words}


def before_words(statement: str, words: tuple[str, ...]) -> str:
    """The statement up to its six words."""
    at = statement.rfind(words[0]) if words else -1
    return statement[:at].rstrip() if at > 0 else statement


@require_safe
@page
def submission(request: HttpRequest, submission_id: UUID) -> HttpResponse:
    """How far the check of a consent recording has come, then what was measured."""
    row = consent_selectors.get_submission(principal_for(request), submission_id)
    retry_url = (
        reverse("accounts:challenge", args=[row.challenge_id])
        if is_open(row.challenge)
        else reverse("accounts:consent_new", args=[row.challenge.voice_id])
    )
    return checked(request, row, row.challenge.voice, {"retry_url": retry_url})
