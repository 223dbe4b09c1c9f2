"""What a request asks to be said: plain text, or text with tags or SSML as segments that have a manner of their own.

Read once, when the job is submitted. What the consent is asked about and what the worker speaks come from here, so
that neither reads the markup in another way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from synth.errors import AssentError
from synth.text import markup
from synth.text.dictionary import NO_WORDS, Dictionary, Entry
from synth.text.markup import Segment

PLAIN, TAGS, SSML = "plain", "tags", "ssml"
INPUT_TYPES = (PLAIN, TAGS, SSML)
MAX_SEGMENTS = 100
MAX_PAUSES_S = 60.0
_CLOSING_TAG = re.compile(r"\[/([A-Za-z][\w-]{0,31})\]")
_BEHIND = re.compile(r"[.,!?;:…。，！？；：、)）\]”’」』]+\s*")


@dataclass(frozen=True)
class Script:
    """``text`` is what is said, without markup. ``segments`` are empty for plain text, and in order otherwise."""

    text: str
    segments: tuple[Segment, ...] = ()

    @property
    def styles(self) -> list[str]:
        """Names of the styles that segments ask for, each once."""
        return list(dict.fromkeys(part.style for part in self.segments if part.style))

    def heard(self, dictionary: Dictionary = NO_WORDS) -> list[str]:
        """The text in every way in which it may be heard: with aliases, segments apart and run together.

        A word that is cut up by markup is still heard as that word.
        """
        parts = [part.text for part in self.segments]
        written = [self.text, "".join(parts), " ".join(parts)] if parts else [self.text]
        runs = ["".join(parts[start : start + count]) for count in (2, 3, 4) for start in range(len(parts))]
        languages = sorted({entry.language for entry in dictionary.entries if entry.alias})
        replaced = [dictionary.with_aliases(text, language) for text in written for language in languages]
        return list(dict.fromkeys([*written, *runs, *replaced]))


def read(source: str, *, input_type: str, language: str, styles: Sequence[str]) -> Script:
    """The script of a request. ``styles`` are the names of the voice's styles.

    Raises AssentError ``input_type_unknown``, ``markup_invalid`` (its ``extra`` has the ``position`` where known),
    ``too_many_segments``, ``pauses_too_long``.
    """
    if input_type not in INPUT_TYPES:
        raise AssentError(
            "input_type_unknown", f"Input is {', '.join(INPUT_TYPES)}.", measured=input_type, limit=list(INPUT_TYPES),
            extra={"param": "input_type"},
        )  # fmt: skip
    if input_type == PLAIN:
        return Script(source)
    looks_like_ssml = source.lstrip().startswith("<speak")
    if looks_like_ssml != (input_type == SSML):
        raise AssentError(
            "markup_invalid",
            "SSML begins with <speak>." if input_type == SSML else "SSML needs the input type ssml.",
            extra={"param": "input_type"},
        )
    # A pair of tags asks for a style, whether or not there is one: a misspelt name is refused, not read aloud.
    named = {*styles, *_CLOSING_TAG.findall(source)}
    parts = _joined(markup.segments(source, language, named))
    if len(parts) > MAX_SEGMENTS:
        raise AssentError(
            "too_many_segments", f"A text has at most {MAX_SEGMENTS} changes of manner.", measured=len(parts),
            limit=MAX_SEGMENTS,
        )  # fmt: skip
    pauses_s = sum(part.pause_s or 0.0 for part in parts)
    if pauses_s > MAX_PAUSES_S:
        raise AssentError(
            "pauses_too_long", f"All breaks together last at most {MAX_PAUSES_S:g} seconds.", measured=pauses_s,
            limit=MAX_PAUSES_S,
        )  # fmt: skip
    return Script(_plain(parts), tuple(parts))


def _joined(parts: Sequence[Segment]) -> list[Segment]:
    """Segments that have something to say; punctuation behind a tag belongs to the segment before it."""
    joined: list[Segment] = []
    for part in parts:
        if joined and joined[-1].text and joined[-1].pause_s is None and (behind := _BEHIND.match(part.text)):
            joined[-1] = replace(joined[-1], text=joined[-1].text + behind[0])
            part = replace(part, text=part.text[behind.end() :])
        says = any(character.isalnum() for character in part.text)
        if says or not joined:
            joined.append(part if says else replace(part, text=""))
            continue
        last = joined[-1]
        pauses = [pause for pause in (last.pause_s, part.pause_s) if pause is not None]
        text = last.text + part.text if last.text else ""
        joined[-1] = replace(last, text=text, pause_s=sum(pauses) if pauses else None)
    return [part for part in joined if part.text or part.pause_s]


def _plain(parts: Sequence[Segment]) -> str:
    """The segments as one text to read; where there is a pause there is at least a blank."""
    text = ""
    for part in parts:
        text += part.text + (" " if part.pause_s else "")
    return re.sub(r"[ \t]+", " ", text).strip()


def to_json(part: Segment, style_id: str | None) -> dict[str, Any]:
    """A segment as it is kept with its job."""
    return {
        "text": part.text,
        "style_id": style_id,
        "rate": part.rate,
        "pitch_semitones": part.pitch_semitones,
        "pause_s": part.pause_s,
        "words": [asdict(entry) for entry in part.words.entries],
    }


def from_json(kept: Mapping[str, Any]) -> tuple[Segment, str | None]:
    """A kept segment, and the id of its style."""
    words = Dictionary(tuple(Entry(**entry) for entry in kept["words"]))
    segment = Segment(
        text=kept["text"], rate=kept["rate"], pitch_semitones=kept["pitch_semitones"], pause_s=kept["pause_s"],
        words=words,
    )  # fmt: skip
    return segment, kept["style_id"]
