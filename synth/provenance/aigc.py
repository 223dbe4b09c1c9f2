"""The implicit label of AI-generated content: GB 45438-2025, Annex E, and TC260-PG-202510A.

One JSON object under the key ``AIGC``, where the container keeps such things:

    wav    a RIFF chunk with the id ``AIGC``
    mp3    an ID3v2 TXXX frame with the description ``AIGC``
    flac   a Vorbis comment ``AIGC=``
    opus   the same, in OpusTags

``pcm`` has no place for it. A label says "made by a machine, by this producer, under this number"; anybody can
write or remove one, so it is never evidence by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from synth.errors import AssentError
from synth.provenance import flac, mp3, ogg, wav

KEY = "AIGC"
MAX_VALUE_BYTES = 16 * 1024
FORMATS = ("wav", "mp3", "flac", "opus")
_WRITERS = {"wav": wav.write, "mp3": mp3.write, "flac": flac.write, "opus": ogg.write}
_READERS = (wav.read, flac.read, ogg.read, mp3.read)


@dataclass(frozen=True)
class AigcLabel:
    """``label``: "1" is, "2" may be, "3" is suspected to be generated. ``content_producer``: name or code of
    whoever generated it. ``produce_id``: its number there. The rest is for whoever passes the file on.
    """

    label: str
    content_producer: str
    produce_id: str
    reserved_code1: str = ""
    content_propagator: str = ""
    propagate_id: str = ""
    reserved_code2: str = ""

    def as_json(self) -> str:
        """The JSON text as the standard spells its keys."""
        return json.dumps({key: getattr(self, name) for key, name in _FIELDS}, ensure_ascii=False)


_FIELDS = (
    ("Label", "label"),
    ("ContentProducer", "content_producer"),
    ("ProduceID", "produce_id"),
    ("ReservedCode1", "reserved_code1"),
    ("ContentPropagator", "content_propagator"),
    ("PropagateID", "propagate_id"),
    ("ReservedCode2", "reserved_code2"),
)


def write(data: bytes, format: str, label: AigcLabel) -> bytes:
    """``data`` with ``label`` in place of any earlier one.

    Raises AssentError ``label_not_possible`` for a format without a place for it, ``label_not_written`` for
    bytes that are not of that format.
    """
    writer = _WRITERS.get(format)
    if writer is None:
        raise AssentError(
            "label_not_possible", f"A {format} file has no place for a label.", limit=list(FORMATS)
        )
    try:
        return writer(data, KEY, label.as_json())
    except (ValueError, IndexError) as error:
        raise AssentError(
            "label_not_written", f"The label could not be written: {error}", http_status=500
        ) from error


def read(data: bytes) -> AigcLabel | None:
    """The label in ``data``, whatever the container; None where there is none or it cannot be read."""
    for reader in _READERS:
        try:
            text = reader(data, KEY)
        except (ValueError, IndexError):
            continue
        if text is not None:
            return parse(text)
    return None


def parse(text: str) -> AigcLabel | None:
    """A label from its JSON; None for anything that is not one. Only strings (and plain numbers) count."""
    if len(text) > MAX_VALUE_BYTES:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or "Label" not in found:
        return None
    facts = {}
    for key, name in _FIELDS:
        value = found.get(key, "")
        facts[name] = (
            str(value)[:1024] if isinstance(value, str | int) and not isinstance(value, bool) else ""
        )
    return AigcLabel(**facts)
