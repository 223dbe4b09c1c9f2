"""The log's signing key and the public key that strangers verify with.

The private key is a file that only the sequencer needs. Where the web process does not have it, it reads
the public key that the sequencer leaves in the data folder.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from audit.external import CheckpointFile, write_durably
from audit.note import NoteError, Signer, Verifier
from synth.errors import Unavailable

KEY_FILE = "log-signing.key"


def key_path() -> Path:
    return Path(settings.ASSENT_KEYS_DIR) / KEY_FILE


def log_folder() -> Path:
    """Folder of what the log keeps outside the database."""
    return Path(settings.ASSENT_DATA_DIR) / "log"


def checkpoint_file() -> CheckpointFile:
    return CheckpointFile(log_folder() / "checkpoint")


def signer() -> Signer:
    """The log's signer; raises `Unavailable` where the key file is missing or unreadable."""
    path = key_path()
    try:
        return Signer.from_hex(settings.ASSENT_ORIGIN, path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise Unavailable("log_key_missing", f"The log's signing key {path.name} cannot be read.") from error


def verifier() -> Verifier:
    """The log's public key; raises `Unavailable` where neither key file is readable."""
    try:
        return signer().verifier
    except Unavailable:
        try:
            return Verifier.from_vkey((log_folder() / "vkey").read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, NoteError) as error:
            raise Unavailable("log_key_missing", "The log's public key is not known here yet.") from error


def publish_verifier(public: Verifier) -> None:
    """Leave the public key where processes without the private one find it."""
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "vkey", public.vkey + "\n")
