"""Styles: named clips of a voice, each checked against the voiceprint of its consent."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.db import transaction

from accounts.consent import selectors as consent_selectors
from accounts.consent.scope import covers
from accounts.consent.services import checks
from accounts.people import permissions, texts
from accounts.people.principals import Principal
from accounts.voices import recordings
from accounts.voices import selectors as voice_selectors
from accounts.voices.languages import LANGUAGES
from accounts.voices.models import Style, Voice
from accounts.voices.services import lock_voice, record
from accounts.voices.states import CheckState, VoiceStatus
from audit.actors import SYSTEM, Actor
from synth.errors import AssentError, Conflict, Forbidden, NotFound

MAX_STYLES_PER_VOICE = 50
MAX_TRANSCRIPT_CHARACTERS = 1000
GATES_THAT_MUST_PASS = frozenset(
    {
        "length",
        "clipping",
        "snr",
        "speech",
        "own_mark",
        "single_speaker",
        "speaker",
        "transcript",
        "transcript_words",
    }
)

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def add_style(
    *,
    principal: Principal,
    voice_id: UUID | str,
    name: str,
    emotion: str,
    language: str,
    transcript: str,
    upload: File,
    source: str = "upload",
) -> Style:
    """Offer a clip as the style `name` of a voice with a live consent; a worker checks it (``checks.style``).

    `name` and `emotion` are lower-case Latin words ("sad", "news-reader"); `transcript` is what is said in
    the clip. Raises NotFound ``voice_not_found``; Forbidden ``consent_missing``, ``scope_violation``;
    Conflict ``style_exists``; AssentError ``word_invalid``, ``language_not_offered``, ``too_many_styles`` and
    those of the upload; Unavailable ``queue_full``.
    """
    principal.require(permissions.VOICES_WRITE)
    name, emotion = _word(name, "name"), _word(emotion, "emotion")
    transcript = texts.clean_line(transcript, field="transcript", limit=MAX_TRANSCRIPT_CHARACTERS)
    _refuse_unknown_language(language)
    checks.refuse_unknown_source(source)
    voice = voice_selectors.get_voice(principal, voice_id)
    if voice.organisation_id != principal.organisation.pk:
        raise NotFound("voice_not_found", "There is no such voice.")
    recordings.check_size(upload)
    _refuse_unconsented(voice, emotion)
    checks.refuse_when_full()
    with recordings.stored_with_row(upload) as stored:
        voice = lock_voice(voice.pk)
        _refuse_unconsented(voice, emotion)
        _refuse_taken(voice, name)
        style = Style.objects.create(
            voice=voice,
            name=name,
            emotion=emotion,
            language=language,
            transcript=transcript,
            upload=stored.name,
            upload_sha256=stored.sha256,
            upload_bytes=stored.size_bytes,
            source=source,
            submitted_by=principal.user,
        )
        record(
            principal,
            "style.submitted",
            voice,
            style_id=str(style.pk),
            emotion=emotion,
            language=language,
            clip_sha256=stored.sha256,
            bytes=stored.size_bytes,
        )
        checks.queue_check(style)
    return style


def begin_style_check(*, style_id: UUID) -> Style | None:
    """Claim a style for checking; None when there is nothing to do. The voice comes with it."""
    return checks.claim(Style, style_id)


def apply_style_gates(*, style_id: UUID, result: dict[str, Any]) -> Style:
    """Decide a style by its report: approved, to a reviewer, or rejected. A second report changes nothing."""
    found = Style.objects.get(pk=style_id)
    with transaction.atomic():
        voice = lock_voice(found.voice_id)
        style = _lock_style(style_id)
        if style.state != CheckState.CHECKING:
            return style
        report = checks.reported(style, result, must_pass=GATES_THAT_MUST_PASS)
        decision = CheckState.REJECTED if voice.status == VoiceStatus.REVOKED else report.decision
        if decision == CheckState.REJECTED:
            checks.settle(style, CheckState.REJECTED)
            checks.drop_recording(style)
        else:
            style.clip = checks.make_clip(
                row=style, report=report, voice=voice, transcript=style.transcript, language=style.language
            )
            checks.settle(style, CheckState(decision))
        _log(SYSTEM, f"style.{decision}", voice, style, report.facts())
        checks.announce(style)
    return style


def review_style(*, principal: Principal, style_id: UUID, approve: bool, note: str = "") -> Style:
    """A reviewer's decision on a style clip; nobody decides on their own voice or upload."""
    note = checks.reviewers_note(principal, note)
    found = Style.objects.filter(pk=style_id, voice__organisation=principal.organisation).first()
    if found is None:
        raise NotFound("style_not_found", "There is no such style.")
    with transaction.atomic():
        voice = lock_voice(found.voice_id)
        style = _lock_style(style_id)
        facts = checks.take_review(
            style, principal, note, approve=approve, involved={voice.owner_id, style.submitted_by_id}
        )
        if approve:
            _refuse_unconsented(voice, style.emotion)
            checks.settle(style, CheckState.APPROVED)
        else:
            checks.settle(style, CheckState.REJECTED)
            checks.drop_recording(style)
        _log(principal.actor, "style.reviewed", voice, style, facts)
        checks.announce(style)
    return style


def remove_style(*, principal: Principal, style_id: UUID) -> Style:
    """Remove a style and erase its clip; by whoever may write voices here, or the voice's owner."""
    style = voice_selectors.get_style(principal, style_id)
    if not voice_selectors.controls(principal, style.voice):
        principal.require(permissions.VOICES_WRITE)
    with transaction.atomic():
        voice = lock_voice(style.voice_id)
        style = _lock_style(style_id)
        if style.state == CheckState.REMOVED:
            raise NotFound("style_not_found", "There is no such style.")
        checks.settle(style, CheckState.REMOVED)
        checks.drop_recording(style)
        _log(principal.actor, "style.removed", voice, style, {})
    return style


def _log(actor: Actor, event: str, voice: Voice, style: Style, facts: dict[str, Any]) -> None:
    record(actor, event, voice, style_id=str(style.pk), **facts)


def _lock_style(style_id: UUID) -> Style:
    return Style.objects.select_for_update(of=("self",)).get(pk=style_id)


def _refuse_unconsented(voice: Voice, emotion: str) -> None:
    consent = consent_selectors.live_consent(voice)
    if consent is None or voice.status != VoiceStatus.ACTIVE:
        raise Forbidden("consent_missing", "A voice takes styles only while its owner consents to its use.")
    emotions = consent.scope_in_force["emotions"]
    if not covers(emotion, emotions):
        raise Forbidden(
            "scope_violation",
            "The consent does not cover this emotion.",
            limit=emotions,
            extra={"param": "emotion"},
        )


def _refuse_unknown_language(language: str) -> None:
    if language not in LANGUAGES:
        raise AssentError(
            "language_not_offered",
            "This language is not offered.",
            limit=list(LANGUAGES),
            extra={"param": "language"},
        )


def _refuse_taken(voice: Voice, name: str) -> None:
    """Inside the transaction that locked the voice: names are unique, and there is an end to them."""
    kept = Style.objects.filter(voice=voice).exclude(state__in=[CheckState.REJECTED, CheckState.REMOVED])
    if kept.filter(name=name).exists():
        raise Conflict("style_exists", "The voice has a style of this name. Remove it first.")
    if (count := kept.count()) >= MAX_STYLES_PER_VOICE:
        raise AssentError(
            "too_many_styles",
            "The voice has as many styles as it may.",
            measured=count,
            limit=MAX_STYLES_PER_VOICE,
        )


def _word(text: str, field: str) -> str:
    word = text.strip().lower()
    if not _WORD.fullmatch(word):
        raise AssentError(
            "word_invalid",
            f"{field}: up to 40 Latin letters, digits, - or _.",
            extra={"param": field},
        )
    return word
