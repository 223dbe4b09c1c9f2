"""The studio's form: what a person filled in, as the fields of a request; and what the form offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.consent.scope import DEFAULT_PURPOSE, PURPOSES, Scope
from accounts.voices.languages import LANGUAGES
from synth.engines.base import BLEND, PRONUNCIATIONS
from synth.jobs.engine_status import engine_facts, engine_supports
from synth.jobs.formats import STREAMED
from synth.jobs.parameters import PARAMETERS, PRESETS
from synth.jobs.script import PLAIN, SSML, TAGS

INPUT_LABELS: dict[str, Promise] = {
    PLAIN: _("as it stands"),
    TAGS: _("with styles in brackets: [sad]…[/sad]"),
    SSML: _("SSML: <speak>…</speak>"),
}
SHARE_STEPS = (25, 50, 75)  # per cent of a second style


def asked(form: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments of `services.submit_job`. What is no number is passed on, to be refused by its name."""
    voice = form.get("voice", "")
    style, second = form.get(f"style-{voice}", ""), form.get(f"second-{voice}", "")
    manner: dict[str, Any] = {"style": style}
    if second and second != style:
        share = _number(form.get("share", "50"))
        share = share / 100 if isinstance(share, float) else 0.0
        manner = {"styles": [{"name": style, "weight": 1 - share}, {"name": second, "weight": share}]}
    parameters = {name: _number(form.get(name, "")) for name in PARAMETERS}
    return {
        "voice": voice,
        # A browser sends a line's end as two characters, and counts it as one.
        "text": form.get("text", "").replace("\r\n", "\n"),
        "input_type": form.get("input_type", PLAIN),
        **manner,
        "language": form.get(f"language-{voice}", form.get("language", "")),
        "purpose": form.get(f"purpose-{voice}", form.get("purpose", DEFAULT_PURPOSE)),
        "format": (format := form.get("format", "wav")),
        "stream": form.get("stream") == "on" and format in STREAMED,
        "speed": _speed(form.get("speed", "1")),
        "seed": _seed(form.get("seed", "")),
        "parameters": {
            "preset": form.get("preset") or None,
            **{name: value for name, value in parameters.items() if value != ""},
        },
    }


def permit(voice: Any, scope: Scope, form: Mapping[str, str]) -> None:
    """Hang on a voice what its owner's consent covers, and what of it is chosen."""
    voice.purposes = [(name, PURPOSES[name]) for name in scope.purposes]
    voice.languages = [(code, LANGUAGES[code]) for code in scope.languages]
    voice.own_language_permitted = voice.language in scope.languages
    voice.chosen_purpose = form.get(f"purpose-{voice.pk}", form.get("purpose", DEFAULT_PURPOSE))
    voice.chosen_language = form.get(f"language-{voice.pk}", form.get("language", ""))


def offered(form: Mapping[str, str]) -> dict[str, Any]:
    """What the form shows beside voices and styles: only what the engine in use supports."""
    supports = engine_supports()
    numbers = [
        {"row": row, "chosen": form.get(row.name, "")} for row in PARAMETERS.values() if row.name in supports
    ]
    return {
        "input_types": INPUT_LABELS.items(),
        "presets": PRESETS.items() if "preset" in supports else (),
        "numbers": numbers,
        "blends": BLEND in supports,
        "shares": SHARE_STEPS,
        # Hidden only where the engine has said that it would not read them.
        "pronounces": PRONUNCIATIONS in supports or engine_facts() is None,
        "is_advanced": any(form.get(name) for name in ("preset", "seed", *PARAMETERS)),
    }


def _number(text: str) -> float | str:
    """The number in a field; "" for an empty one, and the text where it is none."""
    text = text.strip()
    try:
        return float(text) if text else ""
    except ValueError:
        return text


def _speed(text: str) -> float:
    """A number from a form's field; what is none is out of every range."""
    number = _number(text)
    return number if isinstance(number, float) else -1.0


def _seed(text: str) -> int | None:
    """A seed, or None for a random one: also for what is none, since no speech depends on which it is."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
