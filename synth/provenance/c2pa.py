"""Content Credentials (C2PA 2.1): whether a file carries a manifest, and what the manifest says. Read, never verified.

Where it stands: WAV, a RIFF chunk ``C2PA``; MP3 and FLAC, an ID3v2 GEOB frame; MP4, a ``uuid`` box. It is a tree of
JUMBF boxes (ISO/IEC 19566-5) with JSON and CBOR in its leaves. Signatures and hashes are not checked here: what is
returned is what the file claims of itself. Nothing remote is fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from synth.provenance import cbor, flac, id3, riff
from synth.provenance.errors import LabelError, bad_container

RIFF_CHUNK = b"C2PA"
MEDIA_TYPES = ("application/x-c2pa-manifest-store", "application/c2pa")
MP4_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
MAX_STORE_BYTES = 4 * 1024 * 1024
MAX_TEXT_CHARS = 200
_MAX_BOXES = 4096
_MAX_DEPTH = 12
_MANIFESTS = (b"c2ma", b"c2um", b"c2cm")
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_SYNTHETIC = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia",
    "compositeSynthetic",
)
_RECORDED = ("digitalCapture", "computationalCapture", "humanEdits")


@dataclass(frozen=True)
class Manifest:
    """What the active manifest claims.

    ``generator``: the program that wrote it. ``source_types``: last parts of its IPTC digital source types, e.g.
    ``trainedAlgorithmicMedia``. ``bindings``: ``(algorithm, value)`` of its soft bindings, which name a watermark or
    fingerprint. ``readable``: False where a manifest is there but cannot be read.
    """

    generator: str = ""
    source_types: tuple[str, ...] = ()
    bindings: tuple[tuple[str, str], ...] = ()
    readable: bool = True

    @property
    def says_synthetic(self) -> bool:
        return any(kind in _SYNTHETIC for kind in self.source_types)

    @property
    def says_recorded(self) -> bool:
        return any(kind in _RECORDED for kind in self.source_types) and not self.says_synthetic


def read(data: bytes) -> Manifest | None:
    """The manifest of a WAV, MP3, FLAC or MP4 file; None where there is none. Raises nothing, whatever the bytes."""
    try:
        store = _store(data)
    except LabelError:
        return None
    if store is None:
        return None
    try:
        return _manifest(store)
    except (LabelError, ValueError, RecursionError):
        return Manifest(readable=False)


# ------------------------------------------------------------------ where the store is
def _store(data: bytes) -> bytes | None:
    if riff.is_wav(data):
        return _bounded(riff.read_chunk(data, RIFF_CHUNK))
    if data[4:8] == b"ftyp":
        return _bounded(_in_mp4(data))
    if data[:3] == b"ID3" or flac.is_flac(data):
        return _bounded(id3.read_object(data, MEDIA_TYPES))
    return None


def _bounded(store: bytes | None) -> bytes | None:
    return None if store is None else bytes(store[:MAX_STORE_BYTES])


def _in_mp4(data: bytes) -> bytes | None:
    """Content of the uuid box whose purpose is ``manifest``."""
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"uuid" and data[start : start + 16] == MP4_UUID:
            content = start + 20  # after the full box's version and flags
            body = data[content : min(end, content + MAX_STORE_BYTES)]
            purpose, separator, rest = body.partition(b"\0")
            if separator and purpose == b"manifest":
                return rest[8:]  # after the offset of the first auxiliary box
    return None


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """``(type, start of content, end)`` of each box between ``at`` and ``end``."""
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        length, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif length == 0:
            length = end - at
        if length < head or at + length > end:
            raise bad_container("a box runs past its end")
        yield kind, at + head, at + length
        at += length
    raise bad_container("too many boxes")


# ------------------------------------------------------------------ JUMBF
@dataclass(frozen=True)
class _Superbox:
    """Type, label and children of a JUMBF superbox; ``content`` is its first JSON or CBOR leaf, decoded."""

    kind: bytes
    label: str
    children: tuple[_Superbox, ...]
    content: Any


def _superbox(data: bytes, start: int, end: int, depth: int) -> _Superbox:
    if depth > _MAX_DEPTH:
        raise bad_container("its boxes are nested too deeply")
    kind, label, content = b"", "", None
    children: list[_Superbox] = []
    for name, at, stop in _boxes(data, start, end):
        if name == b"jumd":
            kind, toggles = data[at : at + 4], data[at + 16 : at + 17]
            if toggles and toggles[0] & 0x02:
                label = data[at + 17 : stop].split(b"\0", 1)[0].decode("utf-8", "replace")
        elif name == b"jumb":
            children.append(_superbox(data, at, stop, depth + 1))
        elif name == b"cbor" and content is None:
            content = cbor.loads(data[at:stop])
        elif name == b"json" and content is None:
            content = json.loads(data[at:stop])
    return _Superbox(kind, label, tuple(children), content)


def _manifest(store: bytes) -> Manifest:
    """The active manifest: the last one of the store."""
    for name, start, end in _boxes(store, 0, len(store)):
        if name == b"jumb":
            root = _superbox(store, start, end, 0)
            manifests = [child for child in root.children if child.kind in _MANIFESTS]
            if manifests:
                return _said_by(manifests[-1])
    return Manifest(readable=False)


def _said_by(manifest: _Superbox) -> Manifest:
    generator = ""
    kinds: list[str] = []
    bindings: list[tuple[str, str]] = []
    for box in _walk(manifest):
        content = box.content if isinstance(box.content, dict) else {}
        name = box.label.split("__")[0]
        if name.startswith("c2pa.claim"):
            generator = _generator(content)
        elif name.startswith("c2pa.actions"):
            kinds += [_last(one.get("digitalSourceType")) for one in _dicts(content.get("actions"))]
        elif name.startswith("c2pa.soft-binding"):
            values = [one.get("value") for one in _dicts(content.get("blocks"))]
            bindings += [(_text(content.get("alg")), _text(value)) for value in values]
    return Manifest(
        generator,
        tuple(dict.fromkeys(kind for kind in kinds if kind))[:8],
        tuple(dict.fromkeys(bindings))[:8],
    )


def _walk(box: _Superbox) -> Iterator[_Superbox]:
    yield box
    for child in box.children:
        yield from _walk(child)


def _generator(claim: dict[str, Any]) -> str:
    info = claim.get("claim_generator_info")
    for one in [info] if isinstance(info, dict) else _dicts(info):
        if one.get("name"):
            return _text(f"{one['name']} {one.get('version') or ''}".strip())
    return _text(claim.get("claim_generator"))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _last(value: Any) -> str:
    return _text(value).rstrip("/").rsplit("/", 1)[-1]


def _text(value: Any) -> str:
    """A claim as plain text, bounded, without control characters."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace") if _is_text(value) else value.hex()
    return _UNFIT.sub("", value)[:MAX_TEXT_CHARS] if isinstance(value, str) else ""


def _is_text(value: bytes) -> bool:
    try:
        return value.decode().isprintable()
    except UnicodeDecodeError:
        return False
