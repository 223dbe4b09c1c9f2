"""Who signs the Content Credentials of this installation, and whose signatures it knows."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from audit.external import write_durably
from synth.errors import Unavailable
from synth.provenance.certificates import Authority, foreign_authority, make_certificates, own_authority

KEY_FILE = "credentials-signing.key"


def authority() -> Authority:
    """The configured key and chain, else the installation's own. Raises Unavailable ``credentials_key_missing``."""
    try:
        if settings.ASSENT_CREDENTIALS_KEY:
            return foreign_authority(
                Path(settings.ASSENT_CREDENTIALS_KEY).read_bytes(),
                Path(settings.ASSENT_CREDENTIALS_CHAIN).read_text(encoding="ascii"),
                timestamp_url=settings.ASSENT_TIMESTAMP_URL,
            )
        secret = bytes.fromhex(
            (Path(settings.ASSENT_KEYS_DIR) / KEY_FILE).read_text(encoding="ascii").strip()
        )
    except (OSError, ValueError) as error:
        raise Unavailable(
            "credentials_key_missing", "The key that signs Content Credentials cannot be read here."
        ) from error
    return own_authority(secret, _certificates(secret), timestamp_url=settings.ASSENT_TIMESTAMP_URL)


def anchors() -> str:
    """PEM of the roots whose signatures are called trusted: our own, and those that the operator lists."""
    # with those of keys that were replaced: what they signed stays signed by us
    own = "".join(
        path.read_text(encoding="ascii") for path in sorted(_path().parent.glob("certificates*.pem"))
    )
    chain = settings.ASSENT_CREDENTIALS_CHAIN
    configured = Path(chain).read_text(encoding="ascii") if chain else ""
    trusted = settings.ASSENT_CREDENTIALS_TRUST
    others = Path(trusted).read_text(encoding="ascii") if trusted else ""
    return own + configured + others


def _path() -> Path:
    return Path(settings.ASSENT_DATA_DIR) / "credentials" / "certificates.pem"


def _certificates(secret: bytes) -> str:
    """The certificates of the installation's own key, made at the first call."""
    path = _path()
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".certificates.{os.getpid()}")
    write_durably(scratch, make_certificates(secret, organisation=settings.ASSENT_OPERATOR))
    try:
        os.link(scratch, path)
    except FileExistsError:  # another process was quicker; its certificates count
        pass
    finally:
        scratch.unlink()
    return path.read_text(encoding="ascii")
