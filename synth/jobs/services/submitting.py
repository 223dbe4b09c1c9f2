"""A request to speak: authorised and logged before anything computes, then queued."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.consent.scope import DEFAULT_PURPOSE
from accounts.consent.services import Authorisation, authorise
from accounts.people.permissions import SPEECH_WRITE
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Clip
from audit import continuity
from audit.models import Entry
from audit.services import commitment, new_salt, record
from audit.subjects import about
from synth.common.queue import send_on_commit
from synth.errors import AssentError, Forbidden, Unavailable
from synth.jobs import parameters as parameter_table
from synth.jobs import script, selectors
from synth.jobs.formats import UNLABELLED, require_format, require_streamed
from synth.jobs.models import DictionaryVersion, JobStyle, SynthesisJob
from synth.jobs.script import PLAIN, Script
from synth.jobs.services import quotas
from synth.jobs.services.noticing import notice_for
from synth.jobs.services.pronouncing import words_of
from synth.law import profiles
from synth.text import scripts

TEXT_LIMIT = 4096
LONG_TEXT_LIMIT = 100_000
"""Of the job API. What is longer than `TEXT_LIMIT` is made in pieces, whether or not somebody listens meanwhile."""
SPEED_RANGE = (0.25, 4.0)
WEIGHT_RANGE = (0.01, 100.0)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a caller asks for, in the shape in which it is checked and compared with an earlier request.

    ``style`` names one style, ``styles`` several with their weights (at most one of the two is given).
    ``dictionary_version`` None is the organisation's current one, 0 none.
    """

    voice: str
    text: str
    input_type: str = PLAIN
    style: str = ""
    styles: tuple[tuple[str, float], ...] = ()
    language: str = ""
    purpose: str = DEFAULT_PURPOSE
    format: str = "mp3"
    speed: float = 1.0
    seed: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    dictionary_version: int | None = None
    stream: bool = False
    notice: str = ""
    notice_reason: str = ""
    project: str = ""

    @property
    def sha256(self) -> str:
        """By which a repeated request is recognised."""
        return hashlib.sha256(
            json.dumps(asdict(self), sort_keys=True, ensure_ascii=False).encode()
        ).hexdigest()


def order(
    *,
    text: str,
    styles: Sequence[Mapping[str, Any]] = (),
    parameters: Mapping[str, Any] | None = None,
    text_limit: int = TEXT_LIMIT,
    **asked: Any,
) -> Order:
    """The order of a request's fields; ``styles`` are ``{"name", "weight"}``. Raises what their checks refuse.

    ``text_limit``: characters that the door takes.
    """
    made = Order(
        text=_checked_text(text, text_limit),
        styles=_blend(styles, asked.get("style", "")),
        parameters=parameter_table.checked(parameters or {}),
        **asked,
    )
    require_format(made.format)
    _refuse_without_label(made.format)
    _check_speed(made.speed)
    if len(made.text) > TEXT_LIMIT:
        made = replace(made, stream=True)
    if made.stream:
        require_streamed(made.format)
    return made


def submit_job(*, principal: Principal, idempotency_key: str = "", **asked: Any) -> SynthesisJob:
    """Authorise, log and queue a request to speak; ``asked`` are the fields of an `Order`, as `order` takes them.

    The same ``idempotency_key`` with the same request returns the first job. Raises AssentError:
    ``text_empty``, ``text_too_long``, ``speed_out_of_range``, ``format_not_offered``, ``queue_full``,
    ``quota_exceeded``, ``idempotency_mismatch``, ``styles_invalid``, ``language_mismatch``, ``nothing_to_speak``,
    those of `script.read`, `parameters.checked` and `noticing.notice_for`, and whatever
    `accounts.consent.services.authorise` refuses (that is logged).
    """
    principal.require(SPEECH_WRITE)
    continuity.require()
    wanted = order(**asked)
    if idempotency_key:
        earlier = _by_idempotency_key(principal, idempotency_key, wanted)
        if earlier is not None:
            return earlier
    _refuse_when_full()
    try:
        with transaction.atomic():
            return _authorised_job(principal, wanted, idempotency_key)
    except AssentError as refusal:
        if refusal.code == "quota_exceeded" and idempotency_key:
            # Its own repetition may have taken what was left, while it waited.
            earlier = _by_idempotency_key(principal, idempotency_key, wanted)
            if earlier is not None:
                return earlier
        _log_refusal(principal, refusal)
        raise
    except IntegrityError:
        # Two requests with one idempotency key at once: the other was first.
        earlier = _by_idempotency_key(principal, idempotency_key, wanted)
        if earlier is None:
            raise
        return earlier


def _refuse_when_full() -> None:
    waiting = selectors.waiting_count()
    if waiting >= settings.ASSENT_SPEECH_QUEUE_LIMIT:
        raise Unavailable(
            "queue_full",
            "Too many jobs are waiting; please try again shortly.",
            measured=waiting,
            limit=settings.ASSENT_SPEECH_QUEUE_LIMIT,
            retry_after_s=15,
        )


def _authorised_job(principal: Principal, asked: Order, idempotency_key: str) -> SynthesisJob:
    """The job of an order that the voice's owner permits, logged and queued; inside a transaction."""
    voice = selectors.voice_named(principal, asked.voice)
    language = asked.language or voice.language
    read = script.read(
        asked.text,
        input_type=asked.input_type,
        language=language,
        styles=[style.name for style in voice_selectors.approved_styles([voice])[voice.pk]],
    )
    text = _checked_text(
        read.text, LONG_TEXT_LIMIT
    )  # an empty text is told as such, not as one in another language
    scripts.check(text, language)
    words = _dictionary(principal, asked)
    notice = notice_for(
        principal=principal,
        voice=voice,
        purpose=asked.purpose,
        language=language,
        asked=asked.notice,
        reason=asked.notice_reason,
    )
    allowed = authorise(
        principal=principal,
        voice=voice,
        style_name=asked.styles[0][0] if asked.styles else asked.style or None,
        text=text,
        purpose=asked.purpose,
        language=language,
        further_styles=[*(name for name, _weight in asked.styles[1:]), *read.styles],
        further_texts=[*_heard(read, words), *filter(None, [notice["text"]])],
    )
    for part in read.segments:
        _check_speed(part.rate * asked.speed)
    job = _row(principal, asked, read, words, allowed, language)
    job.idempotency_key = idempotency_key
    job.notice = notice
    job.characters = len(job.text)
    job.estimated_ms = quotas.estimated_ms(job.text, speed=job.speed)
    quotas.take(job)
    used = _styles_of(job, asked, allowed)
    job.authorised_entry = _authorised_entry(principal, job, used)
    job.save(force_insert=True)
    JobStyle.objects.bulk_create(used)
    send_on_commit("speech.render", job.id)
    return job


_READ = {"voice", "text", "style", "language", "seed", "notice"}
"""Fields of an order whose column of the same name holds what was made of them."""
_COLUMNS = {column.name for column in SynthesisJob._meta.concrete_fields}
_KEPT_AS_ASKED = tuple(one.name for one in fields(Order) if one.name in _COLUMNS - _READ)
"""The others that have a column: a new field is written in `Order`, in the model and in the doors' request."""


def _row(
    principal: Principal,
    asked: Order,
    read: Script,
    words: DictionaryVersion | None,
    allowed: Authorisation,
    language: str,
) -> SynthesisJob:
    """The unsaved row of an order, as it was read and permitted."""
    return SynthesisJob(
        organisation=principal.organisation,
        requested_by=principal.user,
        api_key=principal.api_key,
        voice=allowed.voice,
        style=allowed.style,
        clip=_clip(allowed.style.clip if allowed.style else allowed.consent.submission.clip),
        consent=allowed.consent,
        consent_version=allowed.consent_version,
        weights=allowed.weights,
        request_sha256=asked.sha256,
        text=read.text,
        source_text="" if asked.input_type == PLAIN else asked.text,
        segments=[
            script.to_json(part, str(allowed.further[part.style].pk) if part.style else None)
            for part in read.segments
        ],
        dictionary=words,
        text_salt=new_salt(),
        language=language,
        is_streamed=asked.stream,
        seed=secrets.randbelow(2**31) if asked.seed is None else asked.seed,
        **{name: getattr(asked, name) for name in _KEPT_AS_ASKED},
    )


def _authorised_entry(principal: Principal, job: SynthesisJob, used: Sequence[JobStyle]) -> Entry:
    """The log's entry that these words may be spoken; it commits to them without saying them."""
    words = job.dictionary
    return record(
        event="synthesis.authorised",
        actor=principal.actor,
        organisation_id=principal.organisation.id,
        subject=about("voice", job.voice_id),
        data={
            "job_id": str(job.id),
            "voice_id": str(job.voice_id),
            "style_id": str(job.style_id) if job.style_id else None,
            "style_ids": sorted(str(row.style_id) for row in used),
            "consent_id": str(job.consent_id),
            "consent_version": job.consent_version,
            "weights_id": str(job.weights_id) if job.weights_id else None,
            "dictionary_version": words.version if words else None,
            "text_commitment": commitment(job.text, salt=bytes(job.text_salt)),
            "text_characters": len(job.text),
            "language": job.language,
            "purpose": job.purpose,
            "format": job.format,
            # What is said stands in the job; who left it out and why stands here for good.
            "notice": {name: value for name, value in job.notice.items() if name != "text"},
        },
        idempotency_key=f"synthesis.authorised:{job.id}",
    )


def _styles_of(job: SynthesisJob, asked: Order, allowed: Authorisation) -> list[JobStyle]:
    """A row for every style that the job will speak in, its own first."""
    weights = dict(asked.styles)
    used: dict[Any, JobStyle] = {}
    for style in (allowed.style, *allowed.further.values()):
        if style is None or style.pk in used:
            continue
        weight = weights.get(style.name, 1.0 if style == allowed.style else None)
        used[style.pk] = JobStyle(job=job, style=style, clip=_clip(style.clip), weight=weight)
    return list(used.values())


def _clip(clip: Clip | None) -> Clip:
    if clip is None:
        raise Forbidden("clip_erased", "The recordings of this voice were erased.")
    return clip


def _blend(styles: Sequence[Mapping[str, Any]], style: str) -> tuple[tuple[str, float], ...]:
    """Names with weights, the heaviest first: its clip leads, the others colour it."""
    blend = [(str(row["name"]), float(row.get("weight", 1.0))) for row in styles]
    low, high = WEIGHT_RANGE
    names = [name for name, _weight in blend]
    limit = parameter_table.MAX_BLENDED_STYLES
    if (
        (blend and style)
        or len(blend) > limit
        or len(set(names)) < len(names)
        or not all(names)
        or not all(low <= weight <= high for _name, weight in blend)
    ):
        raise AssentError(
            "styles_invalid",
            f"Name one style, or up to {limit} different ones with weights from {low:g} to {high:g}.",
            measured=len(blend),
            limit=limit,
            extra={"param": "styles"},
        )
    return tuple(sorted(blend, key=lambda row: -row[1]))


def _dictionary(principal: Principal, asked: Order) -> DictionaryVersion | None:
    if asked.dictionary_version == 0:
        return None
    if asked.dictionary_version is None:
        return selectors.current_dictionary(principal.organisation)
    return selectors.dictionary_version(principal.organisation, asked.dictionary_version)


def _heard(read: Script, words: DictionaryVersion | None) -> list[str]:
    """The text as it may be heard; a dictionary must not make it many times as long."""
    heard = read.heard(words_of(words))
    longest = max(map(len, heard))
    limit = 4 * max(TEXT_LIMIT, len(read.text))
    if longest > limit:
        raise _too_long(longest, limit)
    return heard


def _refuse_without_label(format: str) -> None:
    """Where the profile asks for a label in every file, a format without a place for one is not made."""
    rules = profiles.rules(settings.ASSENT_PROFILE)
    if format in UNLABELLED and rules.in_file_label:
        raise AssentError(
            "format_cannot_be_labelled",
            "The rules that this service follows ask for a label in the file, and this format has no place for it.",
            measured=format,
            limit=list(rules.profiles),
            extra={"param": "response_format"},
        )


def _check_speed(speed: float) -> None:
    if not SPEED_RANGE[0] <= speed <= SPEED_RANGE[1]:
        raise AssentError(
            "speed_out_of_range",
            f"Speed lies between {SPEED_RANGE[0]} and {SPEED_RANGE[1]}.",
            measured=speed,
            limit=list(SPEED_RANGE),
            extra={"param": "speed"},
        )


def _checked_text(text: str, limit: int) -> str:
    text = text.strip()
    if not text or not any(character.isalnum() for character in text):
        raise AssentError("text_empty", "There is nothing to say in this text.", extra={"param": "input"})
    if len(text) > limit:
        raise _too_long(len(text), limit)
    if "\x00" in text:
        raise AssentError("text_invalid", "The text holds a NUL character.", extra={"param": "input"})
    return text


def _too_long(measured: int, limit: int) -> AssentError:
    return AssentError(
        "text_too_long",
        f"A request takes at most {limit} characters.",
        measured=measured,
        limit=limit,
        extra={"param": "input"},
    )


def _by_idempotency_key(principal: Principal, key: str, asked: Order) -> SynthesisJob | None:
    job = SynthesisJob.objects.filter(organisation=principal.organisation, idempotency_key=key).first()
    if job is not None and job.request_sha256 != asked.sha256:
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
