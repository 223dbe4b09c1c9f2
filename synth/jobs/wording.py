"""Words in which the pages name stages, formats and what the follow report measured."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STAGES: dict[str, Promise] = {
    "": _("Waiting for a speech worker"),
    "starting": _("Starting"),
    "speaking": _("Speaking"),
    "measuring": _("Measuring how it follows the clip"),
    "marking": _("Marking"),
    "labelling": _("Labelling"),
    "reading back": _("Reading the mark back"),
    "releasing": _("Releasing"),
}

FORMAT_NOTES: dict[str, Promise] = {
    "wav": _("lossless"),
    "flac": _("lossless, smaller"),
    "mp3": _("small"),
    "opus": _("smallest"),
    "pcm": _("raw, carries no label"),
}

TAKE_DOWN_REASONS: dict[str, Promise] = {
    "owner_request": _("the owner of the voice asks for it"),
    "legal_order": _("a legal order"),
    "misuse": _("misuse"),
    "mistake": _("made by mistake"),
}

# Key in the report's "difference" and "followed" -> (words, key in "reference" and "output", unit).
FOLLOWED: dict[str, tuple[Promise, str, Promise | str]] = {
    "f0_median_percent": (_("Pitch"), "f0_median_hz", "Hz"),
    "f0_range_st": (_("Pitch range"), "f0_range_st", _("semitones")),
    "rate_percent": (_("Pace"), "rate_per_s", _("per second")),
    "pause_ratio": (_("Share of pauses"), "pause_ratio", ""),
    "level_db": (_("Loudness"), "level_db", "dB"),
}


def format_label(name: str) -> str:
    """A format with a word about it, e.g. ``MP3 · small``."""
    note = FORMAT_NOTES.get(name)
    return f"{name.upper()} · {note}" if note else name.upper()


def follow_rows(report: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of the comparison of clip and output: words, both values, unit, and whether it followed."""
    if not report:
        return []
    return [
        {
            "name": name,
            "label": label,
            "unit": unit,
            "reference": report["reference"].get(key),
            "output": report["output"].get(key),
            "followed": report["followed"].get(name),
            "digits": 2 if name == "pause_ratio" else 1,
        }
        for name, (label, key, unit) in FOLLOWED.items()
    ]
