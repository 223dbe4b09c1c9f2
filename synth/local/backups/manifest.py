"""What a backup holds: the list of its files, and whether they are still what was written."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from synth.local.errors import LocalError

FORMAT = 1
MANIFEST = "manifest.json"
SEALED_KEYS = "keys.sealed"
DUMP = "database.dump"
PREFIX = "assent-"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileFacts:
    """Size and SHA-256 of one file; ``mtime_ns`` of what it was copied from."""

    bytes: int
    sha256: str
    mtime_ns: int = 0


@dataclass
class Manifest:
    """``files`` by their names below the backup's folder; ``log_size`` is that of the checkpoint kept outside."""

    taken_at: str
    release: str
    server_major: int
    log_size: int
    has_keys: bool
    files: dict[str, FileFacts] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def total_bytes(self) -> int:
        return sum(facts.bytes for facts in self.files.values())

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """LocalError where ``folder`` is no backup, or one of a form that this release does not know."""
        try:
            content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise LocalError(
                    f"{folder} has format {content['format']}; this release reads {FORMAT}. Use a newer release."
                )
            files = {name: FileFacts(**facts) for name, facts in content.pop("files").items()}
            return cls(files=files, **content)
        except FileNotFoundError:
            raise LocalError(f"{folder} is not a backup: it has no {MANIFEST}.") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LocalError(f"The list of files in {folder} cannot be read: {error}.") from None


def digest(folder: Path) -> bytes:
    """SHA-256 of the manifest's bytes, which the sealed keys are bound to."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).digest()


def verify(folder: Path, manifest: Manifest) -> None:
    """Read every file again; LocalError names the first that is missing, changed or not on the list."""
    for name, facts in manifest.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise LocalError(f"{folder} names a file outside itself: {name}.")
        try:
            with path.open("rb") as file:
                found = copy(file, None)
        except OSError as error:
            raise LocalError(f"{name} of {folder} cannot be read: {error}.") from None
        if (found.bytes, found.sha256) != (facts.bytes, facts.sha256):
            raise LocalError(f"{name} of {folder} is not what was written; the backup is damaged.")
    listed = {*manifest.files, MANIFEST, SEALED_KEYS}
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in listed:
            raise LocalError(f"{path} is not on the list of this backup's files.")


def copy(source: BinaryIO, target: BinaryIO | None) -> FileFacts:
    """Copy a stream (or only read it) and say what came by."""
    sha256, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK_BYTES):
        sha256.update(block)
        size += len(block)
        if target is not None:
            target.write(block)
    return FileFacts(size, sha256.hexdigest())


def private_file(path: Path) -> BinaryIO:
    """A new file that only we read, in folders that only we enter."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def backups(parent: Path) -> list[Path]:
    """The finished backups below ``parent``, the oldest first."""
    return sorted(path for path in parent.glob(f"{PREFIX}*") if (path / MANIFEST).is_file())
