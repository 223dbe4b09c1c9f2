"""Languages that a voice may be registered in, and which of them the embedded recogniser understands."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LANGUAGES: dict[str, Promise] = {
    "en": _("English"),
    "zh": _("Chinese"),
    "yue": _("Cantonese"),
    "ja": _("Japanese"),
    "ko": _("Korean"),
}
CHOICES = tuple(LANGUAGES.items())

# The embedded recogniser knows English alone. In every other language a reviewer listens to the statement.
RECOGNISED_LANGUAGES = frozenset({"en"})


def needs_listener(language: str) -> bool:
    """Whether a reviewer must hear a statement in `language`, because no recogniser here understands it."""
    return language not in RECOGNISED_LANGUAGES
