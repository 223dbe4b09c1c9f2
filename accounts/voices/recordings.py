"""Recordings as files: stored under an unguessable name, hashed, bounded; the web process decodes none."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

from synth.common import uploads
from synth.errors import AssentError, NotFound, PayloadTooLarge

FOLDER = "recordings"
MAX_BYTES = 20 * 1024 * 1024
ORPHAN_AFTER = timedelta(hours=1)

# First bytes -> media type, for players. What a file really is, the worker's decoder decides.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"RIFF", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"\x1aE\xdf\xa3", "audio/webm"),
    (4, b"ftyp", "audio/mp4"),
)


def new_name() -> str:
    """Storage name of a recording: unguessable, and nothing in it comes from the sender."""
    return f"{FOLDER}/{secrets.token_hex(16)}"


def check_size(file: File) -> None:
    """PayloadTooLarge ``upload_too_large`` or AssentError ``empty_upload``, before anything is stored."""
    size = file.size or 0
    if size > MAX_BYTES:
        raise PayloadTooLarge(
            "upload_too_large", "The recording is larger than 20 MiB.", measured=size, limit=MAX_BYTES
        )
    if size == 0:
        raise AssentError("empty_upload", "The recording is empty.", measured=0)


@contextmanager
def stored_with_row(file: File) -> Iterator[uploads.Upload]:
    """Store `file` and begin the transaction in which its row comes to be; if it does not, the file goes again."""
    check_size(file)
    stored = uploads.store_upload(file, limit_bytes=MAX_BYTES, folder=FOLDER)
    try:
        with transaction.atomic():
            yield stored
    except BaseException:
        default_storage.delete(stored.name)
        raise


def delete_on_commit(name: str | None) -> None:
    """Delete a recording, if there is one, once the transaction that let go of it has committed."""
    if name:
        # A file that cannot be deleted now must not fail what is committed; the sweep finds it later.
        transaction.on_commit(lambda: default_storage.delete(name), robust=True)


def open_recording(name: str | None) -> tuple[File, str]:
    """The file and its media type by first bytes. NotFound ``recording_gone`` when it was erased."""
    if not name or not default_storage.exists(name):
        raise NotFound("recording_gone", "This recording is not kept any more.")
    file = default_storage.open(name, "rb")
    head = file.read(12)
    file.seek(0)
    kind = next(
        (kind for at, magic, kind in _MAGIC if head[at:].startswith(magic)), "application/octet-stream"
    )
    return file, kind


def sweep_orphans(named: Callable[[], Collection[str]]) -> int:
    """Delete files older than an hour that no row names (a crash between file and row); returns how many."""
    return uploads.sweep_folder(FOLDER, older_than=ORPHAN_AFTER, named=named)
