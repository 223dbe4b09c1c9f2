"""C2SP signed notes and checkpoints with Ed25519 (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature).

A note is text, an empty line, and one line per signature. A checkpoint is a note whose text names the log
(its origin), the size of the tree and its root. Pure: `cryptography` and the standard library only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
"""Kinds of keys: of a log, and of a witness, whose signature is over the time as well."""
MAX_NOTE_BYTES = 1 << 20
MAX_SIGNATURES = 100
_SIGNATURE_MARK = "— "
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,18})\Z", re.ASCII)


class NoteError(ValueError):
    """A note, key or checkpoint is malformed or not signed by a known key; the sentence says how."""


class NoSignature(NoteError):
    """No known key signed."""


def decode_base64(text: str) -> bytes:
    """Strict standard base64: no white space, no missing padding, no stray bits."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise NoteError("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise NoteError("not the canonical base64 of its bytes")
    return data


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def parse_number(text: str) -> int:
    """ASCII decimal without leading zeros, below 2^63."""
    if not _NUMBER.match(text):
        raise NoteError(f"not a plain decimal number: {text[:40]!r}")
    value = int(text)
    if value >= 1 << 63:
        raise NoteError("number too large")
    return value


def _key_id(name: str, key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() for char in name) or not name.isprintable():
        raise NoteError(f"not a key name: {name[:80]!r}")


@dataclass(frozen=True)
class Verifier:
    """A public key with the name it signs under."""

    name: str
    public_key: bytes
    kind: ClassVar[int] = ED25519

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public_key) != 32:
            raise NoteError("an Ed25519 public key has 32 bytes")

    @classmethod
    def from_vkey(cls, vkey: str) -> Self:
        """Read ``name+id+base64``; the id must fit the key."""
        parts = vkey.strip().split("+", 2)
        if len(parts) != 3:
            raise NoteError("a verifier key has three parts, divided by +")
        name, key_id, encoded = parts
        key = decode_base64(encoded)
        if len(key) != 33 or key[0] != cls.kind:
            raise NoteError(f"not an Ed25519 verifier key of kind {cls.kind}")
        verifier = cls(name, key[1:])
        if verifier.key_id.hex() != key_id:
            raise NoteError("the id of the verifier key does not fit the key")
        return verifier

    @property
    def key_id(self) -> bytes:
        return _key_id(self.name, bytes([self.kind]) + self.public_key)

    @property
    def vkey(self) -> str:
        """The key as one line of text, to be handed to strangers."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public_key)}"

    def check(self, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class WitnessVerifier(Verifier):
    """A witness's public key. Its signature says that it saw the note at a time, as the log's continuation."""

    kind: ClassVar[int] = COSIGNATURE

    def check(self, message: bytes, signature: bytes) -> bool:
        if len(signature) != 8 + 64:
            return False
        return super().check(_cosigned(message, int.from_bytes(signature[:8])), signature[8:])


def _cosigned(message: bytes, time_s: int) -> bytes:
    """What a witness signs (c2sp.org/tlog-cosignature)."""
    return b"cosignature/v1\ntime %d\n" % time_s + message


@dataclass(frozen=True)
class Signer:
    """An Ed25519 private key (32-byte seed) with the name it signs under."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.seed) != 32:
            raise NoteError("an Ed25519 seed has 32 bytes")

    @classmethod
    def from_hex(cls, name: str, text: str) -> Signer:
        """From the content of a key file: 64 hexadecimal digits and a newline."""
        try:
            return cls(name, bytes.fromhex(text.strip()))
        except ValueError as error:
            raise NoteError("a key file holds 64 hexadecimal digits") from error

    @property
    def verifier(self) -> Verifier:
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return Verifier(self.name, private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note over ``text`` (which ends in a newline), with one signature line."""
        _check_text(text)
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        line = encode_base64(self.verifier.key_id + signature)
        return f"{text}\n{_SIGNATURE_MARK}{self.name} {line}\n"


@dataclass(frozen=True)
class Witness:
    """A witness's private key (32-byte seed) with its name."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> WitnessVerifier:
        return WitnessVerifier(self.name, Signer(self.name, self.seed).verifier.public_key)

    def cosign(self, text: str, time_s: int) -> str:
        """The signature line over the ``text`` of a note, seen at ``time_s`` (POSIX)."""
        _check_text(text)
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        signature = time_s.to_bytes(8) + private.sign(_cosigned(text.encode(), time_s))
        return f"{_SIGNATURE_MARK}{self.name} {encode_base64(self.verifier.key_id + signature)}\n"


def witnesses_of(note: str, witnesses: Iterable[WitnessVerifier]) -> list[WitnessVerifier]:
    """Those of ``witnesses`` whose cosignature a note carries, each once. Raises `NoteError` for one that is wrong."""
    try:
        return [one for one in open_note(note, witnesses)[1] if isinstance(one, WitnessVerifier)]
    except NoSignature:
        return []


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("the text of a note ends in a newline")
    if any(ord(char) < 0x20 and char != "\n" for char in text):
        raise NoteError("the text of a note has control characters")


def open_note(note: str, verifiers: Iterable[Verifier]) -> tuple[str, list[Verifier]]:
    """Text of a note and those of ``verifiers`` whose signatures it carries (at least one).

    Signatures of unknown keys are ignored, as the specification asks. A wrong signature under a known key,
    or no known key at all, raises `NoteError`.
    """
    if len(note.encode("utf-8", "surrogatepass")) > MAX_NOTE_BYTES:
        raise NoteError("the note is too large")
    head, separator, tail = note.rpartition("\n\n")
    if not separator:
        raise NoteError("the note has no signatures")
    text = head + "\n"
    _check_text(text)
    if not tail.endswith("\n"):
        raise NoteError("the note does not end in a newline")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("the note has too many signatures")
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    try:
        message = text.encode()
    except UnicodeEncodeError:
        raise NoteError("the note is not UTF-8") from None
    signed: list[Verifier] = []
    for line in lines:
        if not line.startswith(_SIGNATURE_MARK):
            raise NoteError("a signature line does not begin with an em dash and a space")
        name, space, encoded = line[len(_SIGNATURE_MARK) :].partition(" ")
        if not space:
            raise NoteError("a signature line has no signature")
        _check_name(name)
        data = decode_base64(encoded)
        if len(data) < 5:
            raise NoteError("a signature is too short")
        verifier = known.get((name, data[:4]))
        if verifier is None or verifier in signed:
            continue
        if not verifier.check(message, data[4:]):
            raise NoteError(f"the signature of {name} does not verify")
        signed.append(verifier)
    if not signed:
        raise NoSignature("no signature by a known key")
    return text, signed


# A log's key, or all that it had, the oldest first.
LogKeys = Verifier | Sequence[Verifier]


def log_keys(keys: LogKeys) -> list[Verifier]:
    """The keys as a list; `NoteError` unless they are of one log."""
    found = [keys] if isinstance(keys, Verifier) else list(keys)
    if len({key.name for key in found}) != 1:
        raise NoteError("the keys of one log bear one name")
    return found


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: which log, how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    def sign(self, *signers: Signer) -> str:
        """The checkpoint as a signed note. Every signer bears the log's origin as its name.

        Two sign where one key hands over to the next: whoever knows either can read the note.
        """
        if not signers or any(signer.name != self.origin for signer in signers):
            raise NoteError("a log signs under its own origin")
        notes = [signer.sign(self.text()) for signer in signers]
        return notes[0] + "".join(note.rpartition("\n\n")[2] for note in notes[1:])

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """From the (already verified) text of a note; further lines are extensions and are ignored."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] != "":
            raise NoteError("a checkpoint has three lines or more")
        origin, size, root, *extensions = lines[:-1]
        if not origin:
            raise NoteError("the checkpoint names no log")
        if not all(extensions):
            raise NoteError("an extension line of the checkpoint is empty")
        value = decode_base64(root)
        if len(value) != 32:
            raise NoteError("the root of the checkpoint is not 32 bytes long")
        return cls(origin, parse_number(size), value)

    @classmethod
    def open(cls, note: str, keys: LogKeys) -> Checkpoint:
        """Verify the log's own signature, by any of its keys, then read; the origin must be their name."""
        return cls.open_signed(note, keys)[0]

    @classmethod
    def open_signed(cls, note: str, keys: LogKeys) -> tuple[Checkpoint, list[Verifier]]:
        """The same, and which of `keys` signed."""
        verifiers = log_keys(keys)
        text, signed = open_note(note, verifiers)
        checkpoint = cls.parse(text)
        if any(checkpoint.origin != verifier.name for verifier in signed):
            raise NoteError(f"the checkpoint is of {checkpoint.origin!r}, not of {verifiers[0].name!r}")
        return checkpoint, signed
