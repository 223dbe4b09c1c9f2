"""What a consent permits: purposes, languages, emotions, an organisation, a time; and words never to be said.

A scope is plain JSON. It is fixed when the challenge is issued, so it is known before the statement is
spoken, and it goes into the receipt unchanged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.people import folding, texts
from accounts.voices.languages import LANGUAGES
from synth.errors import AssentError, Forbidden

PURPOSES: dict[str, Promise] = {
    "general": _("everyday speech of the organisation"),
    "narration": _("reading texts aloud: books, articles, lessons"),
    "dubbing": _("films, series, games"),
    "assistant": _("an assistant or companion that answers people"),
    "accessibility": _("speaking for a person who cannot, or reading for one who cannot see"),
    "advertising": _("advertising"),
    "political": _("political speech"),
}
# Advertising and politics put words with consequences into a person's mouth: they are never the default.
DEFAULT_PURPOSES = ("general", "narration", "dubbing", "assistant", "accessibility")
DEFAULT_PURPOSE = "general"
CUSTOM_WEIGHTS = "custom_weights"

ANY_EMOTION = "*"
DEFAULT_VALID_DAYS = 365
MAX_VALID_DAYS = 730
MAX_EMOTIONS = 20
MAX_EXCLUDED_TERMS = 50

_EMOTION = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Scope:
    """`emotions` is ``("*",)`` for any; `excluded_terms` are words the owner will never have said;
    `custom_weights` is whether weights of a speech model may be made of this voice and used.
    """

    organisation: str
    purposes: tuple[str, ...]
    languages: tuple[str, ...]
    emotions: tuple[str, ...] = (ANY_EMOTION,)
    excluded_terms: tuple[str, ...] = ()
    valid_days: int = DEFAULT_VALID_DAYS
    custom_weights: bool = False

    @property
    def spoken_purposes(self) -> tuple[str, ...]:
        """What the statement names: the purposes, and the making of a model beside them."""
        return (*self.purposes, *((CUSTOM_WEIGHTS,) if self.custom_weights else ()))

    def as_json(self) -> dict[str, Any]:
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    def sha256(self) -> str:
        """Hex SHA-256 of the scope's RFC 8785 bytes: what a person acknowledges, and the receipt repeats."""
        return sha256_of(self.as_json())

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Scope:
        parts: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**parts)


def sha256_of(scope: dict[str, Any]) -> str:
    """Hex SHA-256 of a scope as it was stored, which may lack parts that were invented later."""
    return hashlib.sha256(rfc8785.dumps(scope)).hexdigest()


def make_scope(
    *,
    organisation_id: str,
    languages: Sequence[str],
    purposes: Sequence[str] = DEFAULT_PURPOSES,
    emotions: Sequence[str] = (ANY_EMOTION,),
    excluded_terms: Sequence[str] = (),
    valid_days: int = DEFAULT_VALID_DAYS,
    custom_weights: bool = False,
) -> Scope:
    """A checked scope. Raises AssentError ``scope_invalid`` naming the part, or ``days_out_of_range``."""
    _among("purposes", purposes, PURPOSES)
    _among("languages", languages, LANGUAGES)
    if not 1 <= len(emotions) <= MAX_EMOTIONS:
        raise _invalid("emotions", f"Name 1 to {MAX_EMOTIONS} emotions, or {ANY_EMOTION} for any.")
    for emotion in emotions:
        if emotion != ANY_EMOTION and not _EMOTION.fullmatch(emotion):
            raise _invalid("emotions", "An emotion is a lower-case Latin word.")
    if len(excluded_terms) > MAX_EXCLUDED_TERMS:
        raise _invalid("excluded_terms", f"At most {MAX_EXCLUDED_TERMS} excluded terms.")
    terms = [texts.clean_line(term, field="excluded_terms", limit=60) for term in excluded_terms]
    if isinstance(valid_days, bool) or not 1 <= valid_days <= MAX_VALID_DAYS:
        raise AssentError(
            "days_out_of_range",
            f"A consent lasts 1 to {MAX_VALID_DAYS} days.",
            measured=valid_days,
            limit=MAX_VALID_DAYS,
            extra={"param": "valid_days"},
        )
    return Scope(
        organisation=organisation_id,
        purposes=_unique(purposes),
        languages=_unique(languages),
        emotions=(ANY_EMOTION,) if ANY_EMOTION in emotions else _unique(emotions),
        excluded_terms=_unique(terms),
        valid_days=valid_days,
        custom_weights=custom_weights,
    )


def covers(emotion: str, permitted: Sequence[str]) -> bool:
    """Whether the emotions that a consent permits include this one."""
    return ANY_EMOTION in permitted or emotion in permitted


def check_use(
    scope: Scope,
    *,
    organisation_id: str,
    purpose: str,
    language: str,
    emotions: Sequence[str],
    spoken: Sequence[str],
) -> None:
    """Raise `Forbidden` ``scope_violation``, naming the part, unless this use lies inside `scope`.

    `emotions` are those of every style in use, `spoken` what will be heard, in each way it may be written.
    """
    if scope.organisation != organisation_id:
        raise _violation(
            "organisation", "The consent was given to another organisation.", [scope.organisation]
        )
    if purpose not in scope.purposes:
        raise _violation("purpose", "The consent does not cover this purpose.", list(scope.purposes))
    if language not in scope.languages:
        raise _violation("language", "The consent does not cover this language.", list(scope.languages))
    if not all(covers(emotion, scope.emotions) for emotion in emotions):
        raise _violation("emotion", "The consent does not cover this emotion.", list(scope.emotions))
    if any(folding.says(text, scope.excluded_terms) for text in set(spoken)):
        # Which word it was is the owner's business: the answer would read the list out one guess at a time.
        raise _violation("text", "The owner of this voice has excluded words of this text.", None)


def _among(part: str, chosen: Sequence[str], offered: dict[str, Promise]) -> None:
    if not chosen or any(item not in offered for item in chosen):
        raise _invalid(part, f"Choose {part} among: {', '.join(offered)}.")


def _unique(items: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))


def _invalid(part: str, message: str) -> AssentError:
    return AssentError("scope_invalid", message, extra={"param": part})


def _violation(part: str, message: str, allowed: list[str] | None) -> Forbidden:
    return Forbidden("scope_violation", message, limit=allowed, extra={"param": part})
