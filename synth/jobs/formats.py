"""The formats offered, as the doors know them. The encoder has the same list (a test holds them together)."""

from __future__ import annotations

from typing import NamedTuple

from synth.errors import AssentError


class Format(NamedTuple):
    """Media type and file extension of a format."""

    media_type: str
    extension: str


FORMATS: dict[str, Format] = {
    "wav": Format("audio/wav", "wav"),
    "flac": Format("audio/flac", "flac"),
    "mp3": Format("audio/mpeg", "mp3"),
    "opus": Format("audio/ogg", "opus"),
    "pcm": Format("audio/pcm", "pcm"),
    "wav_bare": Format("audio/wav", "wav"),
}
UNLABELLED = ("pcm", "wav_bare")
"""Formats without a place for a label: samples alone, and samples at the engine's rate behind a head of 44 bytes."""


def require_format(name: str) -> Format:
    """The format called ``name``, or AssentError ``format_not_offered``."""
    try:
        return FORMATS[name]
    except KeyError:
        raise AssentError(
            "format_not_offered",
            f"This service offers {', '.join(FORMATS)}.",
            measured=name,
            limit=list(FORMATS),
            extra={"param": "response_format"},
        ) from None


STREAMED = ("mp3", "opus", "wav", "pcm", "wav_bare")
"""What the encoder can go on with across pieces; a FLAC's head tells the length and a hash of all of it."""


PACES = ("real_time", "none")
"""How fast a stream leaves: a few seconds ahead of playing at most, or as soon as it is released."""


def require_streamed(name: str) -> None:
    """AssentError ``format_not_streamed`` unless speech in this format can leave before its end is made."""
    if name not in STREAMED:
        raise AssentError(
            "format_not_streamed",
            f"Speech is streamed as {', '.join(STREAMED)}, and so are long texts.",
            measured=name,
            limit=list(STREAMED),
            extra={"param": "format"},
        )
