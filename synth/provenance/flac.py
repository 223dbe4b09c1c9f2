"""FLAC: the comment block among the metadata blocks at the head of the file (RFC 9639)."""

from __future__ import annotations

from synth.provenance import id3
from synth.provenance.errors import LabelError, bad_container
from synth.provenance.vorbis import MAX_BYTES, Comments

MAGIC = b"fLaC"
_STREAMINFO, _COMMENT = 0, 4
_LAST = 0x80
_MAX_BLOCKS = 1024
_OUR_VENDOR = b"assent"


def _start(data: bytes) -> int:
    """Offset of the magic word; some writers put an ID3 tag before it."""
    tag = id3.tag_of(data)
    at = tag.end if tag is not None else 0
    if data[at : at + 4] != MAGIC:
        raise bad_container("not a FLAC file")
    return at


def is_flac(data: bytes) -> bool:
    try:
        return _start(data) >= 0
    except LabelError:
        return False


def _blocks(data: bytes, at: int) -> tuple[list[tuple[int, bytes]], int]:
    """``(type, content)`` of each metadata block after the magic word, and where the sound begins."""
    at += 4
    found: list[tuple[int, bytes]] = []
    for _ in range(_MAX_BLOCKS):
        head = data[at : at + 4]
        length = int.from_bytes(head[1:4], "big")
        if len(head) != 4 or at + 4 + length > len(data):
            raise bad_container("a metadata block runs past the end of the file")
        found.append((head[0] & 0x7F, data[at + 4 : at + 4 + length]))
        at += 4 + length
        if head[0] & _LAST:
            return found, at
    raise bad_container("too many metadata blocks")


def read(data: bytes, name: str) -> bytes | None:
    """Value of the comment ``name``; None where there is none."""
    blocks, _ = _blocks(data, _start(data))
    for kind, content in blocks:
        if kind == _COMMENT:
            return Comments.parse(content).get(name)
    return None


def write(data: bytes, name: str, value: bytes) -> bytes:
    """The file with the comment ``name`` exactly once; every other block is kept as it is."""
    start = _start(data)
    blocks, sound = _blocks(data, start)
    if blocks[0][0] != _STREAMINFO:
        raise bad_container("it does not begin with its stream information")
    comments = next((Comments.parse(content) for kind, content in blocks if kind == _COMMENT), None)
    made = (comments or Comments(_OUR_VENDOR, ())).with_value(name, value).to_bytes()
    if len(made) >= MAX_BYTES:
        raise LabelError("label_too_large", "The comments of the FLAC file would be too large.")
    others = [(kind, content) for kind, content in blocks if kind != _COMMENT]
    ordered = [others[0], (_COMMENT, made), *others[1:]]
    parts = [data[:start], MAGIC]
    for number, (kind, content) in enumerate(ordered, 1):
        last = _LAST if number == len(ordered) else 0
        parts += [bytes((last | kind,)), len(content).to_bytes(3, "big"), content]
    return b"".join([*parts, data[sound:]])
