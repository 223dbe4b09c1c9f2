"""MP3: a user text frame (TXXX) in an ID3v2.3 or 2.4 tag at the head of the file (id3.org)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synth.provenance.errors import LabelError, bad_container

_HEADER_BYTES = 10
_MAX_FRAMES = 4096
_MAX_TAG_BYTES = (1 << 28) - 1
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}

_UNSYNCHRONISED = 0x80
_EXTENDED = 0x40
_FOOTER = 0x10


@dataclass(frozen=True)
class Tag:
    """Header of a tag. ``length`` counts the bytes after the header, without a footer."""

    major: int
    flags: int
    length: int

    @property
    def end(self) -> int:
        """Offset of the first byte after the tag."""
        return _HEADER_BYTES + self.length + (_HEADER_BYTES if self.flags & _FOOTER else 0)


def _from_syncsafe(data: bytes) -> int:
    if len(data) != 4 or any(byte & 0x80 for byte in data):
        raise bad_container("an ID3 size is malformed")
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def _to_syncsafe(value: int) -> bytes:
    if value > _MAX_TAG_BYTES:
        raise LabelError("label_too_large", "The ID3 tag would be too large.")
    return bytes((value >> 21, value >> 14 & 0x7F, value >> 7 & 0x7F, value & 0x7F))


def tag_of(data: bytes) -> Tag | None:
    """Header of the tag that ``data`` begins with; None where it begins with none."""
    if data[:3] != b"ID3" or len(data) < _HEADER_BYTES:
        return None
    tag = Tag(data[3], data[5], _from_syncsafe(data[6:10]))
    if tag.end > len(data):
        raise bad_container("the ID3 tag runs past the end of the file")
    return tag


def _frames(data: bytes, tag: Tag) -> Iterator[tuple[bytes, bytes, bytes]]:
    """``(id, flags, content as stored)`` of each frame."""
    body = data[_HEADER_BYTES : _HEADER_BYTES + tag.length]
    if tag.major == 3 and tag.flags & _UNSYNCHRONISED:
        body = body.replace(b"\xff\x00", b"\xff")
    at = 0
    if tag.flags & _EXTENDED:
        at = _from_syncsafe(body[:4]) if tag.major == 4 else 4 + int.from_bytes(body[:4], "big")
    for _ in range(_MAX_FRAMES):
        head = body[at : at + 10]
        if len(head) < 10 or head[0] == 0:
            return
        size = _from_syncsafe(head[4:8]) if tag.major == 4 else int.from_bytes(head[4:8], "big")
        content = body[at + 10 : at + 10 + size]
        if size == 0 or len(content) != size:
            raise bad_container("an ID3 frame runs past the tag")
        yield head[:4], head[8:10], content
        at += 10 + size
    raise bad_container("too many ID3 frames")


def _plain(tag: Tag, flags: bytes, content: bytes) -> bytes | None:
    """Content without what the frame's flags put around it; None if it is compressed or encrypted."""
    if tag.major == 3:
        return None if flags[1] & 0xC0 else content[1:] if flags[1] & 0x20 else content
    if flags[1] & 0x0C:
        return None
    if flags[1] & 0x40:  # group
        content = content[1:]
    if flags[1] & 0x01:  # data length indicator
        content = content[4:]
    if flags[1] & 0x02 or tag.flags & _UNSYNCHRONISED:
        content = content.replace(b"\xff\x00", b"\xff")
    return content


def _user_text(content: bytes) -> tuple[str, str] | None:
    """Description and value of a TXXX frame; None where it cannot be decoded."""
    if not content or content[0] not in _ENCODINGS:
        return None
    try:
        text = content[1:].decode(_ENCODINGS[content[0]])
    except UnicodeDecodeError:
        return None
    description, separator, value = text.partition("\0")
    if not separator:
        return None
    return description, value.lstrip("\ufeff").rstrip("\0")


def read(data: bytes, description: str) -> str | None:
    """Value of the user text frame called ``description``; None where there is none."""
    tag = tag_of(data)
    if tag is None or tag.major not in (3, 4):
        return None
    for name, flags, content in _frames(data, tag):
        plain = _plain(tag, flags, content) if name == b"TXXX" else None
        found = _user_text(plain) if plain is not None else None
        if found is not None and found[0] == description:
            return found[1]
    return None


def read_object(data: bytes, media_types: Sequence[str]) -> bytes | None:
    """Content of the first general object (GEOB) of one of these media types; None where there is none."""
    tag = tag_of(data)
    if tag is None or tag.major not in (3, 4):
        return None
    for name, flags, content in _frames(data, tag):
        plain = _plain(tag, flags, content) if name == b"GEOB" else None
        if not plain or plain[0] not in _ENCODINGS:
            continue
        media_type, _, rest = plain[1:].partition(b"\0")
        if media_type.decode("latin-1").lower() not in media_types:
            continue
        # A file name and a description follow, each ended as its encoding ends a text.
        for _ in range(2):
            rest = _after_text(rest, wide=plain[0] in (1, 2))
        return rest
    return None


def _after_text(data: bytes, *, wide: bool) -> bytes:
    """What follows the first text in ``data``."""
    if not wide:
        return data.partition(b"\0")[2]
    at = 0
    while (at := data.find(b"\0\0", at)) % 2 == 1:
        at += 1
    return data[at + 2 :] if at >= 0 else b""


def write(data: bytes, description: str, value: str) -> bytes:
    """The file with one user text frame ``description``; other frames of its tag are kept.

    ``value`` is ASCII, which both versions of the tag and every reader spell alike.
    """
    tag = tag_of(data)
    if tag is None:
        tag, kept, sound = Tag(4, 0, 0), [], data
    else:
        if tag.major not in (3, 4) or tag.flags:
            raise bad_container("its ID3 tag is of an unusual kind")
        kept = [frame for frame in _frames(data, tag) if not _is_ours(tag, frame, description)]
        sound = data[tag.end :]
    if len(sound) < 4 or sound[0] != 0xFF or sound[1] & 0xE0 != 0xE0:
        raise bad_container("not an MP3 file")
    content = b"\x00" + description.encode("ascii") + b"\0" + value.encode("ascii")
    frames = [*kept, (b"TXXX", b"\0\0", content)]
    body = b"".join(name + _frame_size(tag, part) + flags + part for name, flags, part in frames)
    return b"ID3" + bytes((tag.major, 0, 0)) + _to_syncsafe(len(body)) + body + sound


def _is_ours(tag: Tag, frame: tuple[bytes, bytes, bytes], description: str) -> bool:
    name, flags, content = frame
    plain = _plain(tag, flags, content) if name == b"TXXX" else None
    found = _user_text(plain) if plain is not None else None
    return found is not None and found[0] == description


def _frame_size(tag: Tag, content: bytes) -> bytes:
    return _to_syncsafe(len(content)) if tag.major == 4 else len(content).to_bytes(4, "big")
