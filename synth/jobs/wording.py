"""Words in which the pages name stages, formats and what the follow report measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from synth.spoken.placing import Placed

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

FAULTS: dict[str, Promise] = {
    "swallowed": _("not heard"),
    "repeated": _("heard twice"),
    "cut_off": _("cut off"),
    "babble": _("sounds after the end of the text"),
}

NOT_CHECKED: dict[str, Promise] = {
    "no_model": _("The recogniser that would listen is not installed."),
    "language": _("The recogniser does not know this language."),
    "off": _("Listening is switched off here."),
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


def fault_rows(check: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Faults that were heard, with words for their kinds."""
    return [
        {**fault, "label": FAULTS.get(fault["kind"], fault["kind"])}
        for fault in (check or {}).get("faults", [])
    ]


def said_pieces(text: str, words: Sequence[Placed] | None) -> list[dict[str, Any]]:
    """A text as words with their times and what stands between them; empty where no times are known."""
    pieces: list[dict[str, Any]] = []
    at = 0
    for word in words or ():
        pieces += [
            {"text": text[at : word.start]},
            {"text": text[word.start : word.end], "start_s": word.start_s, "end_s": word.end_s},
        ]
        at = word.end
    return [piece for piece in [*pieces, {"text": text[at:]}] if piece["text"]] if pieces else []


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
