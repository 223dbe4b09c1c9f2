"""What the person at the microphone declares beside the spoken statement, in the words that they were shown.

The wording is part of the evidence: it stands in the receipt as it was read, so it is fixed here, by language,
and not in a catalogue of translations.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypedDict

from synth.errors import AssentError

SCOPE_READ = "scope_read"
ADULT = "adult"

WORDING: dict[str, dict[str, str]] = {
    SCOPE_READ: {
        "en": "I have read what is permitted here, and I want exactly that.",
        "zh": "我已阅读以上授权内容，我同意的正是这些。",
    },
    ADULT: {
        "en": "The voice in the recording is my own, and I am at least 18 years old.",
        "zh": "录音中是我本人的声音，并且我已年满 18 周岁。",
    },
}
LANGUAGES = ("en", "zh")


class Attestation(TypedDict):
    """One declaration, as the receipt keeps it."""

    code: str
    language: str
    wording: str


def wordings(language: str) -> dict[str, str]:
    """Every declaration that a recording needs, by code, in `language` (English for any other)."""
    return {code: texts[_offered(language)] for code, texts in WORDING.items()}


def attested(codes: Collection[str], *, language: str) -> list[Attestation]:
    """The declarations as evidence. AssentError ``attestation_missing`` unless every one was made."""
    missing = [code for code in WORDING if code not in codes]
    if missing:
        raise AssentError(
            "attestation_missing",
            "The person who speaks has to declare: " + " ".join(WORDING[code]["en"] for code in missing),
            limit=list(WORDING),
            extra={"param": "attestations"},
        )
    used = _offered(language)
    return [{"code": code, "language": used, "wording": texts[used]} for code, texts in WORDING.items()]


def _offered(language: str) -> str:
    short = language.split("-")[0].split("_")[0].lower()
    return short if short in LANGUAGES else "en"
