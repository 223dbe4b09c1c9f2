"""A request as clients of GPT-SoVITS' api_v2 write it, read as an order of ours.

Names and defaults are those of its ``/tts`` (api_v2.py of that project); ``character`` and ``emotion`` those of the
inference plug-in. Where it names a file on the server, a voice is meant: nothing here is opened as a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.consent.scope import DEFAULT_PURPOSE
from accounts.people.principals import Principal
from accounts.voices import selectors as voice_selectors
from accounts.voices.languages import LANGUAGES
from accounts.voices.models import Voice
from synth.errors import NotFound
from synth.jobs import selectors
from synth.jobs.engine_status import engine_supports
from synth.jobs.services import TEXT_LIMIT

MEDIA_TYPES = {"wav": "wav", "ogg": "opus", "raw": "wav_bare", "aac": "aac"}
"""What a client asks for -> our format; of a WAV that is streamed it expects a plain head (`BARE`)."""
BARE = "wav_bare"
HEAD_BYTES = 44
SEEDS = 2**31
NO_EMOTION = frozenset({"", "default", "默认"})
NO_EFFECT: dict[str, Any] = {
    "prompt_text": "", "prompt_lang": "", "aux_ref_audio_paths": [], "batch_size": 1, "batch_threshold": 0.75,
    "split_bucket": True, "fragment_interval": 0.3, "parallel_infer": True, "sample_steps": 32,
    "super_sampling": False, "overlap_length": 2, "min_chunk_length": 16,
}  # fmt: skip
"""What is read and has no effect here, with its default: a voice's clip has its own words, and the rest is of how that
program computes."""
SAMPLING = {
    "top_k": "top_k", "top_p": "top_p", "temperature": "temperature", "repetition_penalty": "repetition_penalty",
    "text_split_method": "cut_method",
}  # fmt: skip
"""Its names of parameters -> ours."""


@extend_schema_field({"oneOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": 3}]})
class StreamingModeField(serializers.Field):
    """false or 0: the whole file; true, 1, 2, 3: while it is made (here all alike)."""

    def to_internal_value(self, data: Any) -> bool:
        said = str(data).strip().lower()
        if said in ("false", "0"):
            return False
        if said in ("true", "1", "2", "3"):
            return True
        raise serializers.ValidationError("It is 0, 1, 2, 3, true or false.")

    def to_representation(self, value: bool) -> bool:
        return value


class TtsRequest(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=TEXT_LIMIT * 4)
    text_lang = serializers.CharField(
        max_length=16, required=False, default="", help_text="auto and auto_yue: the voice's language."
    )
    ref_audio_path = serializers.CharField(
        max_length=400, required=False, default="", help_text="A voice or voice/style; never a path."
    )
    aux_ref_audio_paths = serializers.JSONField(required=False, default=list)  # type: ignore[arg-type]
    prompt_lang = serializers.CharField(required=False, default="")
    prompt_text = serializers.CharField(required=False, default="")
    top_k = serializers.IntegerField(required=False, default=15)
    top_p = serializers.FloatField(required=False, default=1.0)
    temperature = serializers.FloatField(required=False, default=1.0)
    text_split_method = serializers.CharField(max_length=16, required=False, default="cut5")
    batch_size = serializers.IntegerField(required=False, default=1)
    batch_threshold = serializers.FloatField(required=False, default=0.75)
    split_bucket = serializers.BooleanField(required=False, default=True)
    speed_factor = serializers.FloatField(required=False, default=1.0)
    fragment_interval = serializers.FloatField(required=False, default=0.3)
    seed = serializers.IntegerField(
        required=False, default=-1, min_value=-(2**63), max_value=2**63, help_text="Below 0: drawn."
    )
    media_type = serializers.ChoiceField(required=False, default="wav", choices=list(MEDIA_TYPES))
    streaming_mode = StreamingModeField(required=False, default=False)
    parallel_infer = serializers.BooleanField(required=False, default=True)
    repetition_penalty = serializers.FloatField(required=False, default=1.35)
    sample_steps = serializers.IntegerField(required=False, default=32)
    super_sampling = serializers.BooleanField(required=False, default=False)
    overlap_length = serializers.IntegerField(required=False, default=2)
    min_chunk_length = serializers.IntegerField(required=False, default=16)
    character = serializers.CharField(max_length=100, required=False, default="")
    emotion = serializers.CharField(max_length=40, required=False, default="")
    purpose = serializers.CharField(max_length=40, required=False, default=DEFAULT_PURPOSE)

    def validate_text_lang(self, value: str) -> str:
        """The language as ours are named; "" is the voice's own."""
        asked = value.lower().removeprefix("all_")
        if asked in ("", "auto", "auto_yue"):
            return ""
        if asked not in LANGUAGES:
            raise serializers.ValidationError(f"It is auto or one of {', '.join(LANGUAGES)}.")
        return asked


def given_in(data: Any) -> dict[str, Any]:
    """What a query or a body says; an empty value says nothing."""
    if not isinstance(data, Mapping):
        raise serializers.ValidationError("Send one JSON object.")
    return {str(name): data[name] for name in data if data[name] not in (None, "")}


def order_of(principal: Principal, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of `services.submit_job` for a validated request."""
    if asked["ref_audio_path"]:
        voice, style = meant_by(principal, asked["ref_audio_path"])
    elif asked["character"]:
        voice, style = asked["character"], ""
    else:
        raise serializers.ValidationError({"ref_audio_path": "Name a voice here (or voice/style)."})
    if asked["emotion"].lower() not in NO_EMOTION:
        style = asked["emotion"]
    format = MEDIA_TYPES[asked["media_type"]]
    if asked["media_type"] == "wav" and asked["streaming_mode"]:
        format = BARE
    return {
        "voice": voice,
        "style": style,
        "text": asked["text"],
        "language": asked["text_lang"],
        "purpose": asked["purpose"],
        "format": format,
        "stream": asked["streaming_mode"],
        "speed": asked["speed_factor"],
        "seed": asked["seed"] % SEEDS if asked["seed"] >= 0 else None,
        "parameters": {ours: asked[theirs] for theirs, ours in SAMPLING.items()},
    }


def ignored(given: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Names of what was given and changes nothing: by its nature, with the engine in use, or as nobody knows it."""
    supports = engine_supports()
    return [
        *(name for name, usual in NO_EFFECT.items() if name in given and asked[name] != usual),
        *(theirs for theirs, ours in SAMPLING.items() if theirs in given and ours not in supports),
        *(name for name in given if name not in asked),
    ]


def meant_by(principal: Principal, path: str) -> tuple[str, str]:
    """The voice (its name) and style ("" for none) that a client's path names: ``narrator``, ``narrator/sad``, or the
    end of a path with the name of a file, ``./x/narrator.wav``. A name only: nothing is looked for on the server.

    What names no voice of the caller's comes back as it is, for `submit_job` to refuse.
    """
    parts = [part for part in re.split(r"[/\\]+", path.strip()) if part not in ("", ".", "..")]
    if not parts:
        return path, ""
    folder, last = (parts[-2] if len(parts) > 1 else ""), _stem(parts[-1])
    owner = _voice(principal, folder)
    if owner is not None and last in {
        style.name for style in voice_selectors.approved_styles([owner])[owner.pk]
    }:
        return folder, last
    if _voice(principal, last) is None and owner is not None:
        return folder, last
    return last, ""


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _voice(principal: Principal, name: str) -> Voice | None:
    try:
        return selectors.voice_named(principal, name) if name else None
    except NotFound:
        return None
