"""The denials that are among the committed phrases."""

from __future__ import annotations

NEGATED_CONSENTS = (
    "cannot consent", "can't consent", "do not consent", "don't consent", "will not consent", "won't consent",
    "would never consent", "would not consent", "never consent", "hardly consent", "no longer consent",
    "did not consent", "refuse consent", "decline to consent",
)  # fmt: skip
NEGATED_OWNERS = ("am not", "was never", "am no longer")
