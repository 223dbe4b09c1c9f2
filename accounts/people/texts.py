"""Short texts that people type, addresses among them: trimmed, bounded, free of control characters."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.text import slugify

from synth.errors import AssentError


def clean_line(text: str, *, field: str, limit: int, required: bool = True) -> str:
    """One line of text in NFC, inner white space collapsed.

    Raises AssentError ``text_missing``, ``text_too_long`` or ``text_not_printable``, each naming `field`.
    """
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if required and not line:
        raise AssentError("text_missing", f"Fill in {field}.", extra={"param": field})
    if len(line) > limit:
        raise AssentError(
            "text_too_long",
            f"{field} is longer than {limit} characters.",
            measured=len(line),
            limit=limit,
            extra={"param": field},
        )
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} for character in line):
        raise AssentError(
            "text_not_printable", f"{field} holds characters that cannot be shown.", extra={"param": field}
        )
    return line


def clean_email(email: str, *, field: str = "email", required: bool = True) -> str:
    """An address in lower case, or "" where none is needed. AssentError ``email_invalid``."""
    address = email.strip().lower()
    if not address and not required:
        return ""
    try:
        validate_email(address)
    except ValidationError:
        raise AssentError("email_invalid", "This is not an e-mail address.", extra={"param": field}) from None
    return address


def slug_from(text: str, *, limit: int, fallback: str) -> str:
    """A URL word for `text`; `fallback` where nothing of it is Latin (a name in Chinese, say)."""
    return slugify(text)[:limit].strip("-_") or fallback
