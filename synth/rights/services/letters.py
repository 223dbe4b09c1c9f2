"""Letters to people who asked something without an account, in the language in which they asked."""

from __future__ import annotations

import re

from django.core.mail import send_mail
from django.db import transaction

from synth.errors import AssentError

MAX_TEXT = 4000
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def send_on_commit(*, email: str, subject: str, body: str) -> None:
    """Mail once the transaction has committed; a mail server that is away does not undo what was decided."""
    if email:
        transaction.on_commit(lambda: send_mail(subject, body, None, [email]), robust=True)


def clean_text(text: str, *, field: str, required: bool = True) -> str:
    """Several lines as somebody typed them. AssentError ``text_missing``, ``text_too_long``, ``text_not_printable``."""
    said = text.replace("\r\n", "\n").strip()
    if required and not said:
        raise AssentError("text_missing", f"Fill in {field}.", extra={"param": field})
    if len(said) > MAX_TEXT:
        raise AssentError(
            "text_too_long",
            f"{field} is longer than {MAX_TEXT} characters.",
            measured=len(said),
            limit=MAX_TEXT,
            extra={"param": field},
        )
    if _UNFIT.search(said):
        raise AssentError(
            "text_not_printable", f"{field} holds characters that cannot be shown.", extra={"param": field}
        )
    return said
