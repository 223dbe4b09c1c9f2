"""The keys of a backup: one small archive under a passphrase (scrypt, AES-256-GCM)."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Mapping

from synth.local.errors import LocalError

SCRYPT_N = 1 << 16  # 64 MiB and about a fifth of a second for each guess
MAX_SCRYPT_N = 1 << 20
SCRYPT_R = 8
SCRYPT_P = 1
MIN_PASSPHRASE = 12
_MAGIC = b"assent sealed keys 1\n"


def seal(files: Mapping[str, bytes], *, passphrase: str, bound_to: bytes) -> bytes:
    """Encrypt key files. ``bound_to`` must be given again to open them: the digest of the backup's manifest."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase) < MIN_PASSPHRASE:
        raise LocalError(
            f"The passphrase of backups has {len(passphrase)} characters; it needs at least {MIN_PASSPHRASE}."
        )
    salt, nonce = os.urandom(16), os.urandom(12)
    header = {"n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P, "salt": salt.hex(), "nonce": nonce.hex()}
    key = _key(passphrase, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    sealed = AESGCM(key).encrypt(nonce, _pack(files), bound_to)
    return _MAGIC + json.dumps(header).encode() + b"\n" + sealed


def unseal(data: bytes, *, passphrase: str, bound_to: bytes) -> dict[str, bytes]:
    """The key files; LocalError for another passphrase, another manifest or damage, which look the same."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        if not data.startswith(_MAGIC):
            raise ValueError("another form of file")
        header_line, _, sealed = data.removeprefix(_MAGIC).partition(b"\n")
        header = json.loads(header_line)
        # nobody's file may ask for all of this machine's memory or time
        if header["n"] > MAX_SCRYPT_N or header["r"] > SCRYPT_R or header["p"] > SCRYPT_P:
            raise ValueError("scrypt parameters out of range")
        salt, nonce = bytes.fromhex(header["salt"]), bytes.fromhex(header["nonce"])
        key = _key(passphrase, salt, header["n"], header["r"], header["p"])
        return _unpack(AESGCM(key).decrypt(nonce, sealed, bound_to))
    except InvalidTag:
        raise LocalError(
            "The keys of this backup do not open: the passphrase is another one, or the list of files was changed."
        ) from None
    except (ValueError, KeyError, TypeError, tarfile.TarError) as error:
        raise LocalError(f"The keys of this backup cannot be read: {error}.") from None


def _key(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(passphrase.encode())


def _pack(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _unpack(data: bytes) -> dict[str, bytes]:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and "/" not in member.name:
                files[member.name] = content.read()
    return files
