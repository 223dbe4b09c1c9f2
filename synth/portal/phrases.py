"""Refusals in the reader's language.

Rooms refuse with a stable code and an English sentence. The catalogues hold, under the context "refusal", one
sentence for each code; where a language has none, the room's own sentence is shown.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext

from synth.errors import AssentError


def phrase(code: str, message: str = "", measured: Any = None, limit: Any = None) -> str:
    """The sentence for `code`, with {measured}, {limit} and {limit_mib} filled in; `message` where none is known."""
    text = pgettext("refusal", code) if code else ""
    if not text or text == code:
        return message or code
    if "{limit_mib}" in text:
        text = text.replace("{limit_mib}", _plain(limit / 2**20))
    return text.replace("{measured}", _plain(measured)).replace("{limit}", _plain(limit))


def phrase_of(error: AssentError) -> str:
    """The sentence of an expected refusal."""
    return phrase(error.code, error.message, error.measured, error.limit)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        is_span = len(value) == 2 and all(isinstance(item, int | float) for item in value)
        return (" – " if is_span else ", ").join(_plain(item) for item in value)
    return "" if value is None else str(value)
