"""This machine: packages, processor, programs, disk, key files."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from django.conf import settings

from synth.local import keys as key_files
from worker.doctor.finding import Finding, Level

LEAST_FREE_BYTES = 2 * 2**30


def python() -> Iterator[Finding]:
    version = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("ok", "python", f"{version}, {os.cpu_count()} cores")
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["worker"]]
    wrong = [text for text in map(_differs, lines) if text]
    if wrong:
        yield Finding("warning", "packages", "not as pinned: " + ", ".join(wrong), "make setup")
    else:
        yield Finding("ok", "packages", f"{len(lines)} packages as pinned")


def _differs(requirement: str) -> str | None:
    """What is installed instead of ``name[extra]==version``, or None when it is that."""
    name, _, version = requirement.partition("==")
    try:
        installed = metadata.version(name.split("[")[0])
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    # torch's local part ("+cpu") names how the same version was built
    return None if installed.partition("+")[0] == version else f"{name} {installed} instead of {version}"


def device() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        yield Finding(
            "note", "device", "torch is not installed: this process cannot speak, mark or check", "make setup"
        )
        return
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        yield Finding(
            "ok", "device", f"{card.name}, {card.total_memory / 2**30:.0f} GiB; torch {torch.__version__}"
        )
    elif settings.ASSENT_DEVICE.startswith("cuda"):
        text = f"ASSENT_DEVICE={settings.ASSENT_DEVICE}, but torch {torch.__version__} sees no CUDA device"
        yield Finding(
            "problem",
            "device",
            text,
            "install the driver and a CUDA build of torch, or set ASSENT_DEVICE=auto",
        )
    else:
        yield Finding("ok", "device", f"CPU, {memory:.0f} GiB of memory; torch {torch.__version__}")


def programs() -> Iterator[Finding]:
    wanted = {
        "flite": "clear English preview speech",
        "espeak-ng": "preview speech in other languages",
        "ffmpeg": "uploads in webm, m4a and other containers",
    }
    for name, use in wanted.items():
        path = shutil.which(name)
        if path is None:
            yield Finding("note", name, f"not installed: no {use}", f"Debian: apt install {name}")
            continue
        answer = subprocess.run(
            [path, "-version" if name == "ffmpeg" else "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        version = re.search(r"\d+\.\d\S*", (answer.stdout or answer.stderr).partition("(http")[0])
        yield Finding("ok", name, f"{path} ({version[0] if version else 'version unknown'}): {use}")


def storage() -> Iterator[Finding]:
    data = Path(settings.ASSENT_DATA_DIR)
    if not os.access(data, os.W_OK | os.X_OK):
        yield Finding(
            "problem", "storage", f"{data} cannot be written", "check its owner, or set ASSENT_DATA_DIR"
        )
        return
    free = shutil.disk_usage(data).free
    level: Level = "ok" if free > LEAST_FREE_BYTES else "warning"
    yield Finding(
        level,
        "storage",
        f"{data}, {free / 2**30:.1f} GiB free",
        "" if level == "ok" else "make room on this disk",
    )
    media = Path(settings.MEDIA_ROOT)
    if media.exists() and media.stat().st_mode & 0o007:
        yield Finding(
            "warning", "storage", f"{media} is open to every user of this machine", f"chmod 700 {media}"
        )


def keys() -> Iterator[Finding]:
    folder = Path(settings.ASSENT_KEYS_DIR)
    for name, purpose in key_files.KEY_PURPOSES.items():
        path = folder / name
        if not path.exists():
            yield Finding(
                "problem",
                "keys",
                f"{path} is missing: {purpose}",
                f"restore it from your backup; only if it is lost for good: manage.py keys --replace {name}",
            )
            continue
        if not os.access(path, os.R_OK):
            yield Finding("note", "keys", f"{name} is not readable by this process")
            continue
        key_files.read_key(path)
        trouble = key_files.key_file_trouble(path)
        if trouble:
            yield Finding("problem", "keys", trouble, "the next start is refused until then")
        else:
            yield Finding("ok", "keys", f"{name}: {purpose}")
    yield Finding(
        "note",
        "keys",
        "only you know whether they are backed up",
        f"copy {folder} somewhere else, secret and apart from the database",
    )
