"""The one error of this room."""

from __future__ import annotations

from synth.errors import AssentError


class LabelError(AssentError):
    """A label cannot be written: ``label_bad_container`` or ``label_too_large``."""


def bad_container(what: str) -> LabelError:
    return LabelError("label_bad_container", f"The audio file cannot be labelled: {what}.")
