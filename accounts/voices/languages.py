"""Languages that a voice may be registered in, and which of them the recognisers here understand."""

from __future__ import annotations

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.gates import challenge
from accounts.gates.languages import CODES, load
from synth.errors import AssentError
from synth.modelstore import store
from synth.recognition import MODEL_FOLDER

LANGUAGES: dict[str, Promise] = {
    "en": _("English"),
    "zh": _("Chinese"),
    "yue": _("Cantonese"),
    "ja": _("Japanese"),
    "ko": _("Korean"),
    "es": _("Spanish"),
    "fr": _("French"),
    "hi": _("Hindi"),
    "it": _("Italian"),
    "pt": _("Portuguese"),
}
CHOICES = tuple(LANGUAGES.items())


def recogniser_is_there() -> bool:
    """Whether the recogniser of every language but English is installed; English has one that always is."""
    return store.is_there(settings.ASSENT_MODELS_DIR, MODEL_FOLDER)


def statement_languages() -> tuple[str, ...]:
    """Languages that a statement can be read in here, today."""
    return challenge.offered(heard=recogniser_is_there())


def needs_listener(language: str) -> bool:
    """Whether a reviewer must hear a statement in `language`, because no recogniser here understands it."""
    heard = recogniser_is_there() and language in CODES and not load(language).by_reviewer
    return language != "en" and not heard


def refuse_unread(language: str, *, param: str) -> None:
    """Raise AssentError ``language_not_offered`` where no statement can be read in `language`."""
    offered = statement_languages()
    if language in offered:
        return
    message = (
        "A statement in this language needs the recogniser's model, which is not installed here."
        if language in challenge.LANGUAGES
        else "There is no consent statement in this language."
    )
    raise AssentError("language_not_offered", message, limit=list(offered), extra={"param": param})
