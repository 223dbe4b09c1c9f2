"""Shapes of the job API and of the OpenAI-compatible speech route."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.consent.scope import DEFAULT_PURPOSE
from synth.errors import shown
from synth.jobs import selectors
from synth.jobs.formats import FORMATS, PACES, STREAMED
from synth.jobs.models import DictionaryVersion, JobState, Output, SynthesisJob
from synth.jobs.parameters import CUT_METHODS, MAX_BLENDED_STYLES, PARAMETERS, PRESETS
from synth.jobs.script import INPUT_TYPES, PLAIN
from synth.jobs.services import (
    LONG_TEXT_LIMIT,
    MAX_WORDS,
    NOTICE_REASONS,
    SPEED_RANGE,
    TAKE_DOWN_REASONS,
    TEXT_LIMIT,
    WEIGHT_RANGE,
)
from synth.speech.wording import BEGINNING, KINDS, NONE, PLACES
from synth.spoken.placing import Placed
from watermark.models import Mark


def _number(name: str) -> serializers.Field:
    """The field of one parameter, with its limits for the schema."""
    row = PARAMETERS[name]
    if row.is_whole:
        return serializers.IntegerField(min_value=int(row.low), max_value=int(row.high), required=False)
    return serializers.FloatField(min_value=row.low, max_value=row.high, required=False)


class StyleWeight(serializers.Serializer):
    name = serializers.CharField(max_length=40)
    weight = serializers.FloatField(
        required=False, default=1.0, help_text=f"Relative, {WEIGHT_RANGE[0]:g} to {WEIGHT_RANGE[1]:g}."
    )


class StyleUse(serializers.Serializer):
    """A style that the job speaks in; the weight is null for one that only tags ask for."""

    name = serializers.CharField()
    weight = serializers.FloatField(allow_null=True)


class ParametersShape(serializers.Serializer):
    """How the engine is to speak. What the installed engine does not support is ignored with a warning."""

    preset = serializers.ChoiceField(choices=list(PRESETS), required=False)
    cut_method = serializers.ChoiceField(
        choices=list(CUT_METHODS),
        required=False,
        help_text="Where the text is cut into what is decoded at one go.",
    )

    def get_fields(self) -> dict[str, Any]:
        """The numbers come from their table."""
        return {**super().get_fields(), **{name: _number(name) for name in PARAMETERS}}


@extend_schema_field(ParametersShape)
class ParametersField(serializers.DictField):
    """A table whose names and values `parameters.checked` judges: an unknown name is refused, not dropped."""


class MannerRequest(serializers.Serializer):
    """What both doors take beside text, voice and format: how it is read, in which manner, for which purpose."""

    # DRF's serializers have an attribute `style` of their own.
    style = serializers.CharField(  # type: ignore[assignment]
        max_length=40, required=False, default="", allow_blank=True, help_text='A style, such as "sad".'
    )
    language = serializers.CharField(max_length=8, required=False, default="", allow_blank=True)
    purpose = serializers.CharField(max_length=40, required=False, default=DEFAULT_PURPOSE)
    speed = serializers.FloatField(
        required=False, default=1.0, help_text=f"{SPEED_RANGE[0]} to {SPEED_RANGE[1]}."
    )
    seed = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=2**31 - 1
    )
    input_type = serializers.ChoiceField(
        choices=INPUT_TYPES,
        required=False,
        default=PLAIN,
        help_text="plain: as it stands. tags: [sad]...[/sad] names a style of the voice. ssml: <speak> with break, "
        "prosody (rate, pitch), say-as, phoneme, sub, p, s; tags may stand in it. The consent must cover every "
        "style and the text without markup.",
    )
    styles = serializers.ListField(
        child=StyleWeight(),
        required=False,
        default=list,
        max_length=MAX_BLENDED_STYLES,
        help_text="Several styles blended by weight, in place of style.",
    )
    parameters = ParametersField(required=False, default=dict)
    dictionary_version = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Version of the organisation's pronunciations; null is the current one, 0 none.",
    )
    notice = serializers.ChoiceField(
        choices=["", *KINDS],
        required=False,
        default="",
        help_text="The heard notice that this is synthetic speech; empty is as the organisation's rules say.",
    )
    notice_reason = serializers.ChoiceField(
        choices=["", *NOTICE_REASONS],
        required=False,
        default="",
        help_text="Why there is to be none; it goes into the log.",
    )
    project = serializers.RegexField(
        r"\A[A-Za-z0-9._-]{0,64}\Z",
        required=False,
        default="",
        allow_blank=True,
        help_text="The work that this is for, as reports of use are to name it: letters, digits, . _ -",
    )


MANNER: tuple[str, ...] = tuple(MannerRequest().get_fields())
"""Names of what both doors take alike."""


class JobRequest(MannerRequest):
    voice = serializers.CharField(
        max_length=100, help_text="Id or short name of a voice of your organisation."
    )
    text = serializers.CharField(
        max_length=LONG_TEXT_LIMIT * 4, help_text=f"At most {LONG_TEXT_LIMIT} characters."
    )
    format = serializers.CharField(max_length=8, required=False, default="mp3", help_text=", ".join(FORMATS))
    stream = serializers.BooleanField(
        required=False,
        default=False,
        help_text=f"Release it piece by piece while it is made ({', '.join(STREAMED)}); its sound is at /stream then. "
        f"What is longer than {TEXT_LIMIT} characters always is.",
    )


class StreamQuery(serializers.Serializer):
    pace = serializers.ChoiceField(required=False, default=PACES[0], choices=PACES)
    owned = serializers.BooleanField(required=False, default=False)


class NoticeRuleRequest(serializers.Serializer):
    """A rule for one voice, one purpose, both, or (neither named) the whole organisation."""

    kind = serializers.ChoiceField(choices=KINDS)
    voice = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    purpose = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    places = serializers.ListField(
        child=serializers.ChoiceField(choices=PLACES),
        required=False,
        default=lambda: [BEGINNING],
        max_length=3,
    )
    wording = serializers.DictField(
        child=serializers.CharField(max_length=400),
        required=False,
        default=dict,
        help_text="What a spoken notice says, by language; where nothing is given, the service's own words.",
    )
    reason = serializers.ChoiceField(choices=["", *NOTICE_REASONS], required=False, default="")


class NoticeRuleShape(serializers.Serializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=KINDS)
    voice = serializers.UUIDField(source="voice_id", allow_null=True)
    purpose = serializers.CharField()
    places = serializers.ListField(child=serializers.ChoiceField(choices=PLACES))
    wording = serializers.DictField(child=serializers.CharField())
    reason = serializers.CharField()
    set_by = serializers.UUIDField(source="set_by_id")
    created_at = serializers.DateTimeField()


class NoticeRulesShape(serializers.Serializer):
    data = NoticeRuleShape(many=True)  # type: ignore[assignment]


class VoiceNameRequest(serializers.Serializer):
    voice = serializers.CharField(
        max_length=100, help_text="Id or short name of a voice of your organisation."
    )


class VoiceNameShape(serializers.Serializer):
    name = serializers.CharField()
    voice = serializers.UUIDField(source="voice_id")
    voice_slug = serializers.CharField(source="voice.slug")
    set_by = serializers.UUIDField(source="set_by_id")
    created_at = serializers.DateTimeField()


class VoiceNamesShape(serializers.Serializer):
    data = VoiceNameShape(many=True)  # type: ignore[assignment]


class TakeDownRequest(serializers.Serializer):
    reason = serializers.ChoiceField(choices=TAKE_DOWN_REASONS)


class OutputShape(serializers.Serializer):
    id = serializers.UUIDField(help_text="The record id that the mark carries.")
    format = serializers.CharField()
    media_type = serializers.CharField()
    sha256 = serializers.CharField()
    size_bytes = serializers.IntegerField()
    duration_s = serializers.FloatField()
    sample_rate_hz = serializers.IntegerField()
    is_labelled = serializers.BooleanField()
    mark_layers = serializers.ListField(child=serializers.CharField())
    log_entry = serializers.IntegerField()
    taken_down = serializers.BooleanField()
    audio = serializers.CharField()
    timestamps = serializers.CharField(allow_null=True, help_text="Null where words were not timed.")
    log_proof = serializers.CharField()


class NoticeShape(serializers.Serializer):
    """The heard notice of a job. ``source``: rule, caller or default."""

    kind = serializers.ChoiceField(choices=KINDS)
    places = serializers.ListField(child=serializers.ChoiceField(choices=PLACES))
    text = serializers.CharField()
    reason = serializers.CharField()
    # As in `MannerRequest`.
    source = serializers.CharField()  # type: ignore[assignment]
    rule_id = serializers.CharField()


class SpokenFault(serializers.Serializer):
    kind = serializers.ChoiceField(choices=["swallowed", "repeated", "cut_off", "babble"])
    words = serializers.CharField(help_text="Of the text as it was read; of babble what was heard.")
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()


class SpokenCheckShape(serializers.Serializer):
    """What a recogniser heard, held against the text. It mishears too; nothing is refused for it."""

    checked = serializers.BooleanField()
    reason = serializers.CharField(
        required=False, help_text="Why it was not checked: no_model, language, off."
    )
    rate = serializers.FloatField(
        required=False, help_text="Share of the text's phones that were heard otherwise."
    )
    faults = SpokenFault(many=True, required=False)
    redrawn = serializers.IntegerField(required=False, help_text="Sentences that were spoken again.")


class TimedWordShape(serializers.Serializer):
    text = serializers.CharField()
    start = serializers.IntegerField(help_text="First character in the job's text.")
    end = serializers.IntegerField(help_text="Behind its last character.")
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()


class TimestampsShape(serializers.Serializer):
    text = serializers.CharField()
    language = serializers.CharField()
    duration_s = serializers.FloatField()
    words = TimedWordShape(many=True)


class JobShape(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=JobState.choices)
    stage = serializers.CharField()
    progress = serializers.FloatField()
    voice = serializers.UUIDField()
    voice_name = serializers.CharField()
    # As in `MannerRequest`.
    style = serializers.CharField()  # type: ignore[assignment]
    styles = StyleUse(many=True)
    text = serializers.CharField(help_text="What is said, without markup.")
    input_type = serializers.ChoiceField(choices=INPUT_TYPES)
    source_text = serializers.CharField(help_text="What was sent, where it had markup.")
    language = serializers.CharField()
    purpose = serializers.CharField()
    project = serializers.CharField()
    format = serializers.CharField()
    speed = serializers.FloatField()
    seed = serializers.IntegerField()
    parameters = ParametersShape()
    dictionary_version = serializers.IntegerField(allow_null=True)
    notice = NoticeShape()
    own_weights = serializers.BooleanField(help_text="Whether the voice's own fine-tuned weights speak.")
    engine = serializers.CharField()
    engine_version = serializers.CharField()
    is_preview = serializers.BooleanField(allow_null=True)
    content_source = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())
    follow_report = serializers.DictField(allow_null=True)
    trim_to = serializers.DictField(
        allow_null=True,
        help_text='{"start_s", "end_s"}: where the words are in a short line that stands in room tone; else null.',
    )
    spoken_check = SpokenCheckShape(allow_null=True)
    error = serializers.DictField(allow_null=True)
    is_streamed = serializers.BooleanField()
    queue_place = serializers.IntegerField(
        allow_null=True, help_text="While it is queued: 1 is next to be spoken."
    )
    stream = serializers.CharField(help_text="Where its sound is while it is made.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    output = OutputShape(allow_null=True)


class JobPageShape(serializers.Serializer):
    data = JobShape(many=True)  # type: ignore[assignment]
    next_before = serializers.UUIDField(allow_null=True)


def output_answer(output: Output) -> dict[str, Any]:
    return {
        "id": str(output.id),
        "format": output.format,
        "media_type": output.media_type,
        "sha256": output.sha256,
        "size_bytes": output.size_bytes,
        "duration_s": output.duration_ms / 1000,
        "sample_rate_hz": output.sample_rate_hz,
        "is_labelled": output.is_labelled,
        "mark_layers": output.mark.layers,
        "log_entry": output.entry_id,
        "taken_down": output.mark.state == Mark.State.TAKEN_DOWN,
        "audio": reverse("job-audio", args=[output.job_id]),
        "timestamps": reverse("job-timestamps", args=[output.job_id])
        if output.word_times is not None
        else None,
        "log_proof": reverse("record-proof", args=[output.id]),
    }


_KEPT = {field.name for field in SynthesisJob._meta.concrete_fields if not field.is_relation}
SHOWN_AS_KEPT = tuple(
    name for name in JobShape().get_fields() if name in _KEPT - {"id", "created_at", "finished_at", "error"}
)
"""What of a job's row stands in its answer under its own name and as it is: the shape says which."""


NO_NOTICE = {"kind": NONE, "places": [], "text": "", "reason": "", "source": "default", "rule_id": ""}
"""What jobs of before there were notices say."""


def job_answer(job: SynthesisJob) -> dict[str, Any]:
    """The JSON of one job; ``output`` is null until it is released."""
    output: Output | None = getattr(job, "output", None)
    return {
        "id": str(job.id),
        "voice": str(job.voice_id),
        "voice_name": job.voice.name,
        "style": job.style.name if job.style else "",
        "styles": [{"name": row.style.name, "weight": row.weight} for row in job.further_styles.all()],
        **{name: getattr(job, name) for name in SHOWN_AS_KEPT},
        "notice": {**NO_NOTICE, **job.notice},
        "dictionary_version": job.dictionary.version if job.dictionary else None,
        "own_weights": job.weights_id is not None,
        "engine": job.engine_name,
        "error": shown(job.error),
        "queue_place": selectors.queue_place(job),
        "stream": reverse("job-stream", args=[job.id]),
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
        "output": output_answer(output) if output else None,
    }


def timestamps_answer(output: Output, words: Sequence[Placed]) -> dict[str, Any]:
    job = output.job
    return {
        "text": job.text,
        "language": job.language,
        "duration_s": output.duration_ms / 1000,
        "words": [
            {
                "text": job.text[w.start : w.end],
                "start": w.start,
                "end": w.end,
                "start_s": w.start_s,
                "end_s": w.end_s,
            }
            for w in words
        ],
    }


class SpeechRequest(MannerRequest):
    """OpenAI's speech request, with our optional extras at the top level."""

    model = serializers.CharField(required=False, default="assent", max_length=64)
    input = serializers.CharField(max_length=TEXT_LIMIT * 4, trim_whitespace=True)
    voice = serializers.JSONField(help_text='A voice\'s id or short name, or {"id": ...}.')
    instructions = serializers.CharField(required=False, default="", allow_blank=True, max_length=4096)
    response_format = serializers.CharField(required=False, default="mp3", max_length=16)
    stream_format = serializers.ChoiceField(required=False, default="audio", choices=["audio", "sse"])
    pace = serializers.ChoiceField(
        required=False,
        default=PACES[0],
        choices=PACES,
        help_text="real_time: bytes leave a few seconds ahead of playing at most. none: as soon as they are released.",
    )

    def validate_voice(self, value: Any) -> str:
        named = value.get("id") if isinstance(value, dict) else value
        if not isinstance(named, str) or not 0 < len(named) <= 100:
            raise serializers.ValidationError('Name a voice by its id or short name, or {"id": ...}.')
        return named


class DictionaryWord(serializers.Serializer):
    """A word with either a reading or an alias."""

    language = serializers.CharField(max_length=8, help_text="en, zh, yue, ja or ko.")
    word = serializers.CharField(max_length=200)
    reading = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=200,
        help_text="Syllables or phones with blanks between: pinyin, jyutping, ARPAbet, kana or Hangul.",
    )
    alias = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=200,
        help_text="Words to be read in its place.",
    )


class DictionaryRequest(serializers.Serializer):
    words = serializers.ListField(child=DictionaryWord(), max_length=MAX_WORDS)
    if_version = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=0,
        help_text="The version that was read before the change (0: none); refused when another is current by now.",
    )


class DictionaryShape(serializers.Serializer):
    version = serializers.IntegerField(help_text="0 while there are no pronunciations.")
    sha256 = serializers.CharField()
    created_at = serializers.DateTimeField(allow_null=True)
    words = DictionaryWord(many=True)


class DictionaryBrief(serializers.Serializer):
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()
    word_count = serializers.IntegerField()


class DictionaryPage(serializers.Serializer):
    data = DictionaryBrief(many=True)  # type: ignore[assignment]


class EngineParameterShape(serializers.Serializer):
    name = serializers.CharField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    supported = serializers.BooleanField()


class EngineShape(serializers.Serializer):
    name = serializers.CharField()
    version = serializers.CharField()
    is_preview = serializers.BooleanField()
    supports = serializers.ListField(
        child=serializers.CharField(),
        help_text="Parameters that are honoured, and blend, pronunciations, own_weights where it can.",
    )
    presets = serializers.ListField(child=serializers.CharField())
    parameters = EngineParameterShape(many=True)


def dictionary_answer(version: DictionaryVersion | None) -> dict[str, Any]:
    """A version of the pronunciations; an empty one where there is none yet."""
    if version is None:
        return {"version": 0, "sha256": "", "created_at": None, "words": []}
    words = [{"reading": "", "alias": "", **word} for word in version.content["words"]]
    return {
        "version": version.version,
        "sha256": version.sha256,
        "created_at": version.created_at.isoformat(),
        "words": words,
    }
