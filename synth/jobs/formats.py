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
}


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
