"""A request to speak: authorised and logged before anything computes, then queued."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.permissions import SPEECH_WRITE
from accounts.principals import Principal
from accounts.selectors import get_voice
from accounts.services import authorise
from audit.services import commitment, new_salt, record
from synth.common.queue import send_on_commit
from synth.errors import AssentError, Forbidden, Unavailable
from synth.jobs import selectors
from synth.jobs.formats import require_format
from synth.jobs.models import SynthesisJob

TEXT_LIMIT = 4096
SPEED_RANGE = (0.25, 4.0)


def submit_job(
    *,
    principal: Principal,
    voice: str,
    text: str,
    style: str = "",
    language: str = "",
    purpose: str = "general",
    format: str = "mp3",
    speed: float = 1.0,
    seed: int | None = None,
    parameters: dict[str, Any] | None = None,
    idempotency_key: str = "",
) -> SynthesisJob:
    """Authorise, log and queue a request to speak.

    The same ``idempotency_key`` with the same request returns the first job. Raises AssentError:
    ``text_empty``, ``text_too_long``, ``speed_out_of_range``, ``format_not_offered``, ``queue_full``,
    ``idempotency_mismatch``, and whatever `accounts.services.authorise` refuses (that is logged).
    """
    principal.require(SPEECH_WRITE)
    require_format(format)
    text = _checked_text(text)
    if not SPEED_RANGE[0] <= speed <= SPEED_RANGE[1]:
        raise AssentError(
            "speed_out_of_range",
            f"Speed lies between {SPEED_RANGE[0]} and {SPEED_RANGE[1]}.",
            measured=speed,
            limit=list(SPEED_RANGE),
            extra={"param": "speed"},
        )
    fingerprint = request_sha256(
        voice=voice, text=text, style=style, language=language, purpose=purpose, format=format, speed=speed,
        seed=seed, parameters=parameters or {},
    )  # fmt: skip
    if idempotency_key:
        earlier = _by_idempotency_key(principal, idempotency_key, fingerprint)
        if earlier is not None:
            return earlier
    waiting = selectors.waiting_count()
    if waiting >= settings.ASSENT_SPEECH_QUEUE_LIMIT:
        raise Unavailable(
            "queue_full",
            "Too many jobs are waiting; please try again shortly.",
            measured=waiting,
            limit=settings.ASSENT_SPEECH_QUEUE_LIMIT,
            retry_after_s=15,
        )
    try:
        with transaction.atomic():
            return _authorised_job(
                principal=principal, voice=voice, text=text, style=style, language=language,
                purpose=purpose, format=format, speed=speed, seed=seed, parameters=parameters or {},
                idempotency_key=idempotency_key, fingerprint=fingerprint,
            )  # fmt: skip
    except AssentError as refusal:
        _log_refusal(principal, refusal)
        raise
    except IntegrityError:
        # Two requests with one idempotency key at once: the other was first.
        earlier = _by_idempotency_key(principal, idempotency_key, fingerprint)
        if earlier is None:
            raise
        return earlier


def _authorised_job(
    *, principal: Principal, voice: str, text: str, style: str, language: str, purpose: str, format: str,
    speed: float, seed: int | None, parameters: dict[str, Any], idempotency_key: str, fingerprint: str,
) -> SynthesisJob:  # fmt: skip
    language = language or get_voice(principal, voice).language
    allowed = authorise(
        principal=principal,
        voice=voice,
        style_name=style or None,
        text=text,
        purpose=purpose,
        language=language,
    )
    clip = allowed.style.clip if allowed.style else allowed.consent.submission.clip
    if clip is None:
        raise Forbidden("clip_erased", "The recordings of this voice were erased.")
    salt = new_salt()
    job = SynthesisJob(
        organisation=principal.organisation,
        requested_by=principal.user,
        api_key=principal.api_key,
        voice=allowed.voice,
        style=allowed.style,
        clip=clip,
        consent=allowed.consent,
        consent_version=allowed.consent_version,
        idempotency_key=idempotency_key,
        request_sha256=fingerprint,
        text=text,
        text_salt=salt,
        language=language,
        purpose=purpose,
        format=format,
        speed=speed,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        parameters=parameters,
    )
    job.authorised_entry = record(
        event="synthesis.authorised",
        actor=principal.actor,
        organisation_id=principal.organisation.id,
        subject=f"voice:{job.voice_id}",
        data={
            "job_id": str(job.id),
            "voice_id": str(job.voice_id),
            "style_id": str(job.style_id) if job.style_id else None,
            "consent_id": str(job.consent_id),
            "consent_version": job.consent_version,
            "text_commitment": commitment(text, salt=salt),
            "text_characters": len(text),
            "language": job.language,
            "purpose": purpose,
            "format": format,
        },
        idempotency_key=f"synthesis.authorised:{job.id}",
    )
    job.save(force_insert=True)
    send_on_commit("speech.render", job.id)
    return job


def _checked_text(text: str) -> str:
    text = text.strip()
    if not text or not any(character.isalnum() for character in text):
        raise AssentError("text_empty", "There is nothing to say in this text.", extra={"param": "input"})
    if len(text) > TEXT_LIMIT:
        raise AssentError(
            "text_too_long",
            f"A request takes at most {TEXT_LIMIT} characters.",
            measured=len(text),
            limit=TEXT_LIMIT,
            extra={"param": "input"},
        )
    if "\x00" in text:
        raise AssentError("text_invalid", "The text holds a NUL character.", extra={"param": "input"})
    return text


def request_sha256(**facts: Any) -> str:
    """Digest by which a repeated request is recognised."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _by_idempotency_key(principal: Principal, key: str, fingerprint: str) -> SynthesisJob | None:
    job = SynthesisJob.objects.filter(organisation=principal.organisation, idempotency_key=key).first()
    if job is not None and job.request_sha256 != fingerprint:
        raise AssentError(
            "idempotency_mismatch",
            "This idempotency key was used for another request.",
            http_status=422,
            extra={"param": "Idempotency-Key"},
        )
    return job


def _log_refusal(principal: Principal, refusal: AssentError) -> None:
    """Refusals by rule are logged; typing errors are not events."""
    if refusal.http_status not in (403, 404):
        return
    with transaction.atomic():
        record(
            event="synthesis.refused",
            actor=principal.actor,
            organisation_id=principal.organisation.id,
            data={"code": refusal.code},
        )
