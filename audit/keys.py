"""The log's signing key and the public key that strangers verify with.

The private key is a file that only the sequencer needs. Where the web process does not have it, it reads
the public key that the sequencer leaves in the data folder.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings

from audit.external import CheckpointFile, write_durably
from audit.note import NoteError, Signer, Verifier
from synth.errors import Conflict, Unavailable

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


def verifiers() -> list[Verifier]:
    """Every key that this log had, the oldest first; the last one signs now. Raises `Unavailable`."""
    current = verifier()
    try:
        lines = (log_folder() / "vkeys").read_text(encoding="utf-8").splitlines()
        known = [Verifier.from_vkey(line) for line in lines]
    except FileNotFoundError:
        known = []
    except (OSError, UnicodeDecodeError, NoteError) as error:
        raise Unavailable("log_key_missing", "The log's earlier public keys cannot be read.") from error
    return [*(key for key in known if key != current), current]


def publish_verifier(public: Verifier) -> None:
    """Leave the public key, and those before it, where processes without the private one find them."""
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "vkey", public.vkey + "\n")
    write_durably(folder / "vkeys", "".join(f"{key.vkey}\n" for key in verifiers()))


def next_signer() -> Signer | None:
    """The signer that `prepare_rotation` made and the sequencer has not handed over to yet."""
    try:
        text = next_key_path().read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    return Signer.from_hex(settings.ASSENT_ORIGIN, text)


def prepare_rotation() -> Signer:
    """Make the next key; the sequencer hands over with the batch that holds the rotation's entry."""
    path = next_key_path()
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    write_durably(scratch, secrets.token_hex(32) + "\n", mode=0o600)
    try:
        os.link(scratch, path)  # never in place of one that waits already
    except FileExistsError:
        raise Conflict("rotation_waits", "A new log key waits for the sequencer already.") from None
    finally:
        scratch.unlink()
    made = next_signer()
    if made is None:
        raise RuntimeError("the next key was taken away")
    return made


def finish_rotation() -> Signer:
    """Put the next key in the present one's place, whose private part is not kept."""
    earlier = verifiers()
    following = next_signer()
    if following is None:
        raise RuntimeError("there is no next key")
    # The public keys first: a crash between the two leaves both known, and the present one signing.
    every = [*(key for key in earlier if key != following.verifier), following.verifier]
    write_durably(log_folder() / "vkeys", "".join(f"{key.vkey}\n" for key in every))
    next_key_path().replace(key_path())
    publish_verifier(following.verifier)
    return following


def next_key_path() -> Path:
    return key_path().with_name("log-signing.next.key")
