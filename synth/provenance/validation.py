"""Validating the Content Credentials of a stranger's file, in a bounded child process, never in ours."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synth.provenance import flac, riff

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
MAX_FILE_BYTES = 256 * 1024 * 1024
CPU_S = 10
WALL_S = 20.0
MEMORY_BYTES = 1536 * 1024 * 1024


@dataclass(frozen=True)
class Validation:
    """What the reference implementation says of a manifest.

    ``state``: "trusted" (unaltered, signer known here), "valid" (unaltered, signer unknown) or "invalid".
    ``failures``: status codes of C2PA 2.x, e.g. ``assertion.dataHash.mismatch`` (the sound or the file was altered).
    ``signer``: common name and organisation of the certificate; only "trusted" says that they are true.
    """

    state: str
    failures: tuple[str, ...]
    signer: str
    signed_at: str
    record_id: str
    names: tuple[str, ...] = ()

    @property
    def is_altered(self) -> bool:
        return any("Hash.mismatch" in code or "hashedURI.mismatch" in code for code in self.failures)

    @property
    def word(self) -> str:
        """One word for programs and pages: trusted, valid, altered or invalid."""
        return "altered" if self.state == "invalid" and self.is_altered else self.state

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Validation:
        """Raises ValueError, TypeError or KeyError for anything that `to_json` did not write."""
        row: dict[str, Any] = json.loads(text)
        return cls(**{**row, "failures": tuple(row["failures"]), "names": tuple(row["names"])})


def validate_untrusted(path: Path, *, anchors: str = "") -> Validation | None:
    """What the manifest in the file at ``path`` is worth; None where it cannot be told ("unchecked").

    ``anchors``: PEM certificates whose signers are known here. Raises nothing, whatever the bytes.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        return None
    with path.open("rb") as file:
        media_type = _media_type(file.read(16))
    if media_type is None:
        return None
    limits = {"memory_bytes": MEMORY_BYTES, "cpu_s": CPU_S, "max_values": 0}
    job = {"path": str(path.resolve()), "media_type": media_type, "anchors": anchors}
    try:
        done = subprocess.run(
            [sys.executable, "-E", "-s", "-B", "-m", "synth.provenance.validation_child", json.dumps(limits)],
            input=json.dumps(job).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_PROJECT_ROOT,
            env={"LC_ALL": "C.UTF-8"},
            timeout=WALL_S,
            check=True,
        )
        return Validation.from_json(done.stdout) if done.stdout.strip() else None
    except (subprocess.SubprocessError, OSError, ValueError, TypeError, KeyError):
        return None


def _media_type(head: bytes) -> str | None:
    if riff.is_wav(head):
        return "audio/wav"
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if flac.is_flac(head):
        return "audio/flac"
    if head[:3] == b"ID3" or head[:1] == b"\xff":
        return "audio/mpeg"
    return None
