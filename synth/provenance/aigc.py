"""The implicit label of GB 45438-2025 (Annex E; TC260-PG-202510A): JSON under the key ``AIGC``.

Where it stands: WAV, a RIFF chunk ``AIGC``; MP3, an ID3v2 user text frame; FLAC and Ogg Opus, a Vorbis
comment. Raw PCM has no place for it. The decoded sound is the same before and after.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from synth.provenance import flac, id3, ogg, riff
from synth.provenance.errors import LabelError

KEY = "AIGC"
MAX_JSON_BYTES = 16 * 1024
MAX_VALUE_CHARS = 2000

# Control characters and lone surrogates: databases and terminals choke on them.
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class AigcLabel:
    """What the file says of itself.

    ``label``: "1" it is generated, "2" it may be, "3" it is suspected to be. ``content_producer`` and
    ``produce_id`` are the generating service's name or code and its number for the content; the
    propagation fields are for platforms that pass it on, the reserved codes for integrity values.

    ``system`` (name and version of what made it) and ``made_at`` (UTC, ISO 8601) are beyond the standard: with
    producer and number they make a latent disclosure. Labels of before have neither, and are written as before.
    """

    label: str
    content_producer: str
    produce_id: str
    reserved_code1: str = ""
    content_propagator: str = ""
    propagate_id: str = ""
    reserved_code2: str = ""
    system: str = ""
    made_at: str = ""

    def __post_init__(self) -> None:
        if self.label not in ("1", "2", "3"):
            raise ValueError(f"Label is 1, 2 or 3, not {self.label!r}")
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str) or len(value) > MAX_VALUE_CHARS or _UNFIT.search(value):
                raise ValueError(f"{field.name} is not a plain text of at most {MAX_VALUE_CHARS} characters")

    def to_json(self) -> str:
        """The label in ASCII, with the names and the order of the standard."""
        values = {name: getattr(self, field) for name, field in _NAMES.items()}
        values |= {name: value for name, field in _FURTHER.items() if (value := getattr(self, field))}
        return json.dumps(values, separators=(",", ":"), ensure_ascii=True)

    @classmethod
    def from_json(cls, text: str) -> AigcLabel:
        """Read a label; ValueError if it is none. Further keys are ignored, absent ones are empty."""
        if len(text) > MAX_JSON_BYTES:
            raise ValueError("the label is too large")
        try:
            row: Any = json.loads(text)
        except RecursionError as error:
            raise ValueError("the label is nested too deeply") from error
        if isinstance(row, dict) and isinstance(row.get(KEY), dict):
            row = row[KEY]  # some writers repeat the key inside its own value
        if not isinstance(row, dict):
            raise ValueError("the label is not a JSON object")
        return cls(**{field: row.get(name, "") for name, field in (_NAMES | _FURTHER).items()})


_NAMES = {
    "Label": "label",
    "ContentProducer": "content_producer",
    "ProduceID": "produce_id",
    "ReservedCode1": "reserved_code1",
    "ContentPropagator": "content_propagator",
    "PropagateID": "propagate_id",
    "ReservedCode2": "reserved_code2",
}
_FURTHER = {"System": "system", "Time": "made_at"}

_WRITERS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "wav": riff.write,
    "mp3": lambda data, content: id3.write(data, KEY, content.decode("ascii")),
    "flac": lambda data, content: flac.write(data, KEY, content),
    "opus": lambda data, content: ogg.write(data, KEY, content),
}


def write(data: bytes, format: str, label: AigcLabel) -> bytes:
    """The encoded file ``data`` with ``label`` on it, replacing an earlier one.

    ``format`` is "wav", "mp3", "flac" or "opus". Raises ValueError for any other, and
    `LabelError`: ``label_bad_container`` where ``data`` is not a sound file of that format,
    ``label_too_large`` where the label or the file's tags leave the format's bounds.
    """
    writer = _WRITERS.get(format)
    if writer is None:
        raise ValueError(f"a file of format {format} has no place for a label")
    content = label.to_json().encode("ascii")
    if len(content) > MAX_JSON_BYTES:
        raise LabelError(
            "label_too_large", "The label is too large.", measured=len(content), limit=MAX_JSON_BYTES
        )
    return writer(data, content)


def read(data: bytes) -> AigcLabel | None:
    """The label on any WAV, MP3, FLAC, Ogg Opus or Ogg Vorbis file, told apart by their first bytes.

    None where there is none, or none that can be read. Raises nothing, whatever the bytes.
    """
    try:
        text = _stored(data)
        return None if text is None else AigcLabel.from_json(text)
    except (LabelError, ValueError):
        return None


def _stored(data: bytes) -> str | None:
    content: bytes | None
    if riff.is_wav(data):
        content = riff.read(data)
    elif ogg.is_ogg(data):
        content = ogg.read(data, KEY)
    elif flac.is_flac(data):
        content = flac.read(data, KEY)
    else:
        return id3.read(data, KEY)
    if content is None or len(content) > MAX_JSON_BYTES:
        return None
    return content.rstrip(b"\0").decode()
