"""Letters to the owners of voices, in every language of the portal: which one they read is not known here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.consent.models import Concern
from accounts.voices.models import Voice

LANGUAGES = ("en", "zh-hans")


def tell_of_likeness(concern: Concern, *, until: datetime) -> None:
    """Tell the owner of the other voice that somebody handed in a recording like it; not who, and not what for."""
    voice = concern.voice
    if voice is None:
        return
    words = {
        "voice": voice.name,
        "until": until.date().isoformat(),
        "url": f"{settings.ASSENT_BASE_URL}/likenesses/{concern.pk}",
    }

    def text() -> tuple[str, str]:
        return _("A recording that sounds like “%(voice)s”") % words, _(
            "Somebody handed in a recording, as consent to a voice of their own, that sounds like your voice"
            " “%(voice)s”. It was not accepted: reviewers of this installation, who belong to neither side, decide."
            " Until %(until)s you can say what they should know, or object:\n%(url)s"
        ) % words

    send(voice.owner.letters_to, text)


def send(address: str, text: Callable[[], tuple[str, str]]) -> None:
    """Send `text()`, subject and body, in all languages one below the other; nothing where `address` is empty.

    Once the transaction has committed: a mail server that is away neither undoes what was decided nor keeps its locks.
    """
    if not address:
        return
    subjects, parts = [], []
    for language in LANGUAGES:
        with translation.override(language):
            title, part = text()
        subjects.append(title)
        parts.append(part)
    subject, body = " / ".join(subjects), "\n\n".join(parts) + "\n"
    transaction.on_commit(
        lambda: send_mail(subject, body, settings.DEFAULT_FROM_EMAIL, [address]), robust=True
    )


def send_private_link(voice: Voice, url: str) -> None:
    """The private page of a voice, to the address that its owner left."""

    def text() -> tuple[str, str]:
        words = {"voice": voice.name, "url": url}
        return _("Your private page for the voice “%(voice)s”") % words, _(
            "Here you see every use of your voice “%(voice)s”, and pause or revoke your consent. Whoever has this link"
            " can do so too, so keep it to yourself:\n%(url)s"
        ) % words

    send(voice.owner.letters_to, text)
