"""Uploads on their way to a worker: kept under a random name, deleted after the answer, swept by age.

The web process never decodes them; it bounds their size, reads what they say of their length, and hashes them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from synth.audio.length import declared_duration_s
from synth.errors import AssentError, PayloadTooLarge

FOLDER = "uploads"
SWEEP_AFTER = timedelta(minutes=10)
MIB = 1024 * 1024
SEND_LESS = (
    "Send sound as FLAC, MP3 or Opus, which the mark outlives: a minute of MP3 at 128 kbit/s has 1 MiB."
)
"""What is too large is uncompressed sound, as a rule: how it is brought all the same."""


@dataclass(frozen=True)
class Upload:
    """A stored upload: its storage name, SHA-256 (hex) and size."""

    name: str
    sha256: str
    size_bytes: int


def too_large(limit_bytes: int, size_bytes: int | None = None) -> PayloadTooLarge:
    """The refusal of a larger file; pages hold it ready, so that none is sent in vain."""
    return PayloadTooLarge(
        "upload_too_large",
        f"The file has more than {limit_bytes // MIB} MiB. {SEND_LESS}",
        measured=size_bytes,
        limit=limit_bytes,
    )


def refuse_too_long(file: UploadedFile | File, *, limit_s: float) -> None:
    """Raises AssentError ``audio_too_long`` for a file whose own headers say so; others are measured by the worker."""
    said_s = declared_duration_s(cast(BinaryIO, file))
    if said_s is not None and said_s > limit_s:
        raise AssentError(
            "audio_too_long", "The recording is too long.", measured=round(said_s, 3), limit=limit_s
        )


def store_upload(file: UploadedFile | File, *, limit_bytes: int, folder: str = FOLDER) -> Upload:
    """Store ``file`` in ``folder`` under a random name. Raises PayloadTooLarge ``upload_too_large``, AssentError
    ``empty_upload``.
    """
    if file.size is not None and file.size > limit_bytes:
        raise too_large(limit_bytes, file.size)
    digest = hashlib.sha256()
    size = 0
    file.seek(0)
    for chunk in file.chunks():
        size += len(chunk)
        digest.update(chunk)
    if size == 0:
        raise AssentError("empty_upload", "The file is empty.", measured=0)
    file.seek(0)
    name = default_storage.save(f"{folder}/{secrets.token_urlsafe(24)}", file)
    return Upload(name=name, sha256=digest.hexdigest(), size_bytes=size)


def delete(name: str) -> None:
    """Delete an upload; one that is gone already is no error."""
    if name:
        default_storage.delete(name)


def sweep(keep: Collection[str] = ()) -> int:
    """Delete uploads older than ten minutes that nobody deleted, except ``keep``; returns how many."""
    return sweep_folder(FOLDER, older_than=SWEEP_AFTER, named=lambda: keep)


def sweep_folder(folder: str, *, older_than: timedelta, named: Callable[[], Collection[str]]) -> int:
    """Delete the files of a storage folder that no row names, what a crash between file and row left; returns how many.

    ``named`` gives the storage names that rows hold. It is asked after the folder was listed: a file that was there by
    then has its row by now, or is young.
    """
    if not default_storage.exists(folder):
        return 0
    oldest = timezone.now() - older_than
    found = {f"{folder}/{name}" for name in default_storage.listdir(folder)[1]}
    count = 0
    for path in found.difference(named()):
        try:
            old = default_storage.get_modified_time(path) < oldest
        except FileNotFoundError:
            continue
        if old:
            default_storage.delete(path)
            count += 1
    return count
