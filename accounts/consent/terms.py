"""What a consent permits, in plain words: shown before anything is recorded, and wherever a consent is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.consent.models import Consent
from accounts.consent.scope import ANY_EMOTION, DEFAULT_PURPOSES, PURPOSES, Scope
from accounts.voices.labels import emotion_label
from accounts.voices.languages import LANGUAGES


@dataclass(frozen=True)
class Term:
    """One part of a scope: its name in the API, its title, and what is permitted, one item a line."""

    part: str
    title: str
    items: tuple[str, ...]
    marked: tuple[str, ...] = ()
    """Those of the items that have consequences: worth a second look before speaking."""

    @property
    def text(self) -> str:
        return "; ".join(self.items)


def terms_of(scope: Scope, *, organisation: str) -> list[Term]:
    """Every part of `scope` in the reader's language; `organisation` is the name of whom it permits."""
    return list(_terms(scope, organisation))


def refused_purposes(scope: Scope) -> list[str]:
    """Purposes that stay forbidden, in the reader's words."""
    return [str(label) for purpose, label in PURPOSES.items() if purpose not in scope.purposes]


def _terms(scope: Scope, organisation: str) -> Iterator[Term]:
    yield Term("organisation", _("Who may use it"), (organisation,))
    consequential = tuple(purpose for purpose in scope.purposes if purpose not in DEFAULT_PURPOSES)
    yield Term("purposes", _("What for"), _words(PURPOSES, scope.purposes), _words(PURPOSES, consequential))
    if refused := refused_purposes(scope):
        yield Term("refused_purposes", _("Not for"), tuple(refused))
    yield Term("languages", _("In which languages"), _words(LANGUAGES, scope.languages))
    moods = (
        (_("any mood"),)
        if ANY_EMOTION in scope.emotions
        else tuple(str(emotion_label(emotion)) for emotion in scope.emotions)
    )
    yield Term("emotions", _("In which moods"), moods)
    excluded = tuple(f"“{term}”" for term in scope.excluded_terms) or (_("no words are excluded"),)
    yield Term("excluded_terms", _("Never to be said"), excluded)
    model = (
        _("may be trained on the recordings and used")
        if scope.custom_weights
        else _("none is trained on the recordings")
    )
    yield Term(
        "custom_weights", _("A model of this voice alone"), (model,), (model,) if scope.custom_weights else ()
    )
    days = ngettext("%(days)d day", "%(days)d days", scope.valid_days) % {"days": scope.valid_days}
    yield Term("valid_days", _("For how long"), (_("%(days)s, or until you revoke it") % {"days": days},))


def _words(labels: dict[str, Promise], chosen: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(labels.get(item, item)) for item in chosen)


def terms_of_consent(consent: Consent | None) -> list[Term]:
    """What a consent permits, in the reader's words; its receipt names whom."""
    if consent is None:
        return []
    return terms_of(
        Scope.from_json(consent.scope_in_force), organisation=consent.receipt["controller"]["name"]
    )
