"""Reads of jobs and outputs. The access rule is here, once: one's own organisation, else not found."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.people.models import Organisation
from accounts.people.permissions import SPEECH_READ
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.models import Style, Voice
from synth.errors import NotFound
from synth.jobs.models import DictionaryVersion, JobState, NoticeRule, Output, SynthesisJob, VoiceName
from synth.spoken.placing import Placed
from watermark.passages import Said

SAME_REQUEST_WITHIN = timedelta(minutes=15)
_VOICES_TOLD = 20


def jobs_for(principal: Principal) -> QuerySet[SynthesisJob]:
    """Jobs of the caller's organisation, newest first."""
    principal.require(SPEECH_READ)
    return (
        SynthesisJob.objects.filter(organisation=principal.organisation)
        .select_related("voice", "style", "dictionary", "output", "output__mark")
        .prefetch_related("further_styles__style")
        .order_by("-created_at", "-id")
    )


def jobs_said(principal: Principal, words: str) -> QuerySet[SynthesisJob]:
    """The same for a list: without what grows with the sound, and only those whose text holds ``words``, if any."""
    rows = jobs_for(principal)
    if words:
        rows = rows.filter(text__icontains=words)
    return rows.defer("output__mark__fingerprint", "output__mark__reference", "output__mark__manifest")


def job_for(principal: Principal, job_id: UUID) -> SynthesisJob:
    job = jobs_for(principal).filter(id=job_id).first()
    if job is None:
        raise NotFound("job_not_found", "There is no such job.")
    return job


def output_for(principal: Principal, job_id: UUID) -> Output:
    """The released output of a job, whether or not it may still be downloaded."""
    job = job_for(principal, job_id)
    output: Output | None = getattr(job, "output", None)
    if output is None:
        raise NotFound("output_not_found", "This job has released no file.", extra={"state": job.state})
    return output


def word_times(output: Output) -> list[Placed] | None:
    """When each word of the job's text is spoken in its file; None where that was not measured, or the text was
    erased. Without an access check."""
    if output.word_times is None or not output.job.text:
        return None
    return [Placed(start, end, a / 1000, b / 1000) for start, end, a, b in output.word_times]


def word_times_for(principal: Principal, job_id: UUID) -> tuple[Output, list[Placed]]:
    """A released job's words. NotFound ``timestamps_not_found``."""
    output = output_for(principal, job_id)
    found = word_times(output)
    if found is None:
        raise NotFound("timestamps_not_found", "When the words of this job are spoken was not measured.")
    return output, found


def said_in_records(principal: Principal, record_ids: Collection[UUID]) -> dict[UUID, Said]:
    """What released records say, of those that the caller may read (`watermark.passages.Source`)."""
    if not principal.can(SPEECH_READ):
        return {}
    rows = Output.objects.select_related("job", "mark").filter(
        mark__public_id__in=record_ids, job__organisation=principal.organisation
    )
    return {
        row.mark.public_id: Said(row.job.text, times)
        for row in rows
        if (times := word_times(row)) is not None
    }


def recent_same_request(principal: Principal, request_sha256: str) -> SynthesisJob | None:
    """A job that this caller submitted a moment ago with the same words: what a client's retry is about."""
    return (
        jobs_for(principal)
        .filter(
            request_sha256=request_sha256,
            requested_by=principal.user,
            api_key=principal.api_key,
            created_at__gt=timezone.now() - SAME_REQUEST_WITHIN,
            state__in=[JobState.QUEUED, JobState.RUNNING, JobState.RELEASED],
        )
        .first()
    )


def waiting_count() -> int:
    return SynthesisJob.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).count()


def queue_place(job: SynthesisJob) -> int | None:
    """How many jobs are spoken up to this one, while it waits; None otherwise."""
    if job.state != JobState.QUEUED:
        return None
    return SynthesisJob.objects.filter(state=JobState.QUEUED, id__lte=job.id).count()


def job_row(job_id: UUID) -> SynthesisJob:
    """A job without an access check: for the worker and for waiting on one's own job."""
    return (
        SynthesisJob.objects.select_related(
            "voice",
            "style",
            "clip",
            "consent",
            "organisation",
            "weights",
            "dictionary",
            "output",
            "output__mark",
        )
        .prefetch_related("further_styles__style", "further_styles__clip", "timbre__clip")
        .get(id=job_id)
    )


def style_ids(job: SynthesisJob) -> set[UUID]:
    """Every style that the job speaks in; its rows never change, so those that came with the job will do."""
    further = {row.style_id for row in job.further_styles.all()}
    return further | ({job.style_id} if job.style_id else set())


def timbre_ids(job: SynthesisJob) -> set[UUID]:
    """Every style from which this claim of the job takes the timbre; they came with the claim."""
    return {style.pk for style in job.timbre.all()}


def neutral_first(styles: Iterable[Style]) -> list[Style]:
    """In the order in which their clips show a voice's timbre."""
    return sorted(styles, key=lambda style: (style.emotion != "neutral", style.name))


def dictionaries_for(principal: Principal) -> QuerySet[DictionaryVersion]:
    """Versions of the caller's pronunciations, newest first."""
    principal.require(SPEECH_READ)
    return dictionaries(principal.organisation)


def dictionary_version_for(principal: Principal, version: int) -> DictionaryVersion:
    principal.require(SPEECH_READ)
    return dictionary_version(principal.organisation, version)


def dictionaries(organisation: Organisation) -> QuerySet[DictionaryVersion]:
    """Versions of an organisation's pronunciations, newest first; without an access check, for services."""
    return DictionaryVersion.objects.filter(organisation=organisation).order_by("-version")


def current_dictionary(organisation: Organisation) -> DictionaryVersion | None:
    """The version that requests use unless they name another; None while there are no words."""
    current = dictionaries(organisation).first()
    return current if current is not None and current.word_count else None


def dictionary_version(organisation: Organisation, version: int) -> DictionaryVersion:
    found = dictionaries(organisation).filter(version=version).first()
    if found is None:
        raise NotFound("dictionary_not_found", "There is no such version of the dictionary.")
    return found


def notice_rules(principal: Principal) -> QuerySet[NoticeRule]:
    """The organisation's rules of heard notices, for whoever may speak or read in it."""
    principal.require(SPEECH_READ)
    return (
        NoticeRule.objects.filter(organisation=principal.organisation)
        .select_related("voice", "set_by")
        .order_by("voice_id", "purpose")
    )


def notice_rule(organisation: Organisation, voice: Voice, purpose: str) -> NoticeRule | None:
    """The nearest rule: of voice and purpose, of the voice, of the purpose, of all."""
    fitting = NoticeRule.objects.filter(
        Q(voice=voice) | Q(voice=None), purpose__in=["", purpose], organisation=organisation
    )
    return max(fitting, key=lambda rule: (rule.voice_id is not None, bool(rule.purpose)), default=None)


def voice_named(principal: Principal, name: str) -> Voice:
    """A visible voice by its id, its short name, or a further name that the organisation gave it.

    NotFound ``voice_not_found``, which says what there is.
    """
    try:
        return voice_selectors.get_voice(principal, name)
    except NotFound:
        pass
    further = voice_names(principal).filter(name=name).first() if voice_selectors.is_slug(name) else None
    if further is not None:
        return voice_selectors.get_voice(principal, further.voice_id)
    own = voice_selectors.voices(principal).filter(organisation=principal.organisation)
    there_are = list(own.order_by("slug").values_list("slug", flat=True)[:_VOICES_TOLD])
    message = (
        f"There is no such voice. There are: {', '.join(there_are)}."
        if there_are
        else "There is no such voice."
    )
    raise NotFound("voice_not_found", message, limit=there_are or None, extra={"param": "voice"})


def voice_names(principal: Principal) -> QuerySet[VoiceName]:
    """Further names of voices that the caller may see."""
    return (
        VoiceName.objects.filter(
            organisation=principal.organisation, voice__in=voice_selectors.voices(principal)
        )
        .select_related("voice", "set_by")
        .order_by("name")
    )
