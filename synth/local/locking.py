"""The lock: which release of every package is installed, with the hashes of its files; ``make lock`` renews it.

``requirements/GROUP.txt`` is made from ``pyproject.toml``, one file for its dependencies (``base``) and one for
each extra. A file holds what its group needs beyond the groups before it, so every package stands in one file.
The lock is good for each supported Python on each platform. It names no index: packages come from wherever the
user's pip or uv takes them, and their hashes say whether they are the same.

torch stays outside: which build of it is installed (a CPU's, a GPU's) is the machine's choice.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from synth.local.errors import LocalError

UV = "uv==0.13.9"
OLDEST_PYTHON = "3.11"
#: in the order in which they are installed; a package stands with the first group that needs it
GROUPS = ("base", "worker", "embedded", "fast", "dev", "bench")
UNLOCKED = "torch"
#: what every build of torch 2.13 needs; what a build brings for its device comes with it, outside the lock
TORCH_NEEDS = (
    "filelock", "fsspec>=0.8.5", "jinja2", "networkx>=2.5.1", "setuptools>=77.0.3", "sympy>=1.13.3",
    "typing-extensions>=4.10.0",
)  # fmt: skip
_ENTRY = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==")
_MADE_FROM = "# made by `make lock` from pyproject.toml, "


def declared(project: Path, group: str) -> list[str]:
    """The requirement lines of ``pyproject.toml`` that make a group."""
    import tomllib  # new in 3.11; older Pythons import this module to say that they are too old

    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = table["dependencies"] if group == "base" else table["optional-dependencies"][group]
    return list(lines)


def unlocked(project: Path, group: str) -> list[str]:
    """The requirement lines of a group that are installed beside the lock."""
    return [line for line in declared(project, group) if _name(line) == UNLOCKED]


def path_of(project: Path, group: str) -> Path:
    return project / "requirements" / f"{group}.txt"


def count(project: Path, group: str) -> int:
    """How many packages a group's file holds."""
    text = path_of(project, group).read_text(encoding="utf-8")
    return len({_name(line) for line in text.splitlines() if _ENTRY.match(line)})


def digest(project: Path, group: str) -> str:
    """Changes whenever what is to be installed for this group does."""
    text = path_of(project, group).read_text(encoding="utf-8") + "\n".join(unlocked(project, group))
    return hashlib.sha256(text.encode()).hexdigest()


def check(project: Path, groups: tuple[str, ...]) -> None:
    """LocalError when a group's file was not made from this ``pyproject.toml``."""
    stale = [group for group in groups if _stale(project, group)]
    if stale:
        raise LocalError(
            f"The lock is not of this pyproject.toml (requirements/{', '.join(stale)}): run `make lock`, "
            "and commit what it changes."
        )


def renew(project: Path, *, install: Callable[[list[str]], None], upgrade: bool = False) -> list[str]:
    """Write the lock anew and return the names of the groups that changed.

    ``install`` runs pip's ``install`` with the given arguments. Releases stay as they are where they still fit,
    unless ``upgrade`` asks for the newest. Raises LocalError when a requirement cannot be met or uv can be had
    neither from PATH nor from pip.
    """
    with tempfile.TemporaryDirectory(prefix="assent-lock-") as folder:
        uv = _uv(Path(folder), install)
        everything = Path(folder) / "all.txt"
        kept = [path_of(project, group) for group in GROUPS if path_of(project, group).exists()]
        if not upgrade:
            everything.write_text("".join(path.read_text(encoding="utf-8") for path in kept), "utf-8")
        _compile(uv, project, GROUPS, everything, "--generate-hashes")
        blocks = _blocks(everything.read_text(encoding="utf-8"))
        pins = Path(folder) / "pins.txt"
        pins.write_text("\n".join(_without_hashes(text) for text in blocks.values()) + "\n", "utf-8")
        placed: set[str] = set()
        changed = []
        for index, group in enumerate(GROUPS):
            needed = Path(folder) / f"{group}.txt"
            _compile(uv, project, GROUPS[: index + 1], needed, "--constraint", str(pins))
            names = {name for name in _blocks(needed.read_text(encoding="utf-8")) if name in blocks}
            text = _file(project, group, [blocks[name] for name in sorted(names - placed)])
            placed |= names
            if _write(path_of(project, group), text):
                changed.append(group)
    return changed


def _compile(uv: str, project: Path, groups: tuple[str, ...], out: Path, *more: str) -> None:
    """Resolve the groups together, for every supported Python and platform, into ``out``."""
    extras = [part for group in groups if group != "base" for part in ("--extra", group)]
    needs, left_out = out.with_suffix(".in"), out.with_suffix(".left-out")
    needs.write_text(
        "\n".join(TORCH_NEEDS if any(unlocked(project, group) for group in groups) else ()), "utf-8"
    )
    left_out.write_text(f"{UNLOCKED} ; python_version < '0'\n", "utf-8")
    command = [
        uv, "pip", "compile", "pyproject.toml", str(needs), *extras, "--override", str(left_out), "--universal",
        "--python-version", OLDEST_PYTHON, "--fork-strategy", "fewest", "--no-header", "--no-annotate", "--quiet",
        "--output-file", str(out), *more,
    ]  # fmt: skip
    # A folder of wheels is this machine's own, and the lock is for all.
    environment = {name: value for name, value in os.environ.items() if name != "UV_FIND_LINKS"}
    done = subprocess.run(command, cwd=project, env=environment, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise LocalError("The lock could not be made; the lines above say why.")


def _blocks(text: str) -> dict[str, str]:
    """name -> its lines (a release with its hashes; several where Pythons differ)."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if _ENTRY.match(line):
            name = _name(line)
        if line.strip() and not line.startswith("#"):
            found[name] = found.get(name, "") + line
    return found


def _without_hashes(block: str) -> str:
    return "\n".join(line.rstrip(" \\") for line in block.splitlines() if _ENTRY.match(line))


def _file(project: Path, group: str, blocks: list[str]) -> str:
    return f"{_MADE_FROM}{_source(project, group)}\n{''.join(blocks)}"


def _source(project: Path, group: str) -> str:
    """A group's requirement lines in one word."""
    return "sha256:" + hashlib.sha256("\n".join(sorted(declared(project, group))).encode()).hexdigest()[:32]


def _stale(project: Path, group: str) -> bool:
    try:
        first, _, _ = path_of(project, group).read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError:
        return True
    return first != _MADE_FROM + _source(project, group)


def _write(path: Path, text: str) -> bool:
    """Whether this changed anything."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def _name(line: str) -> str:
    """A requirement line's package, as indexes spell it."""
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _uv(folder: Path, install: Callable[[list[str]], None]) -> str:
    """The uv program: the one on PATH, else one that pip puts into ``folder``."""
    found = shutil.which("uv")
    if found:
        return found
    install(["-qq", "--target", str(folder / "uv"), UV])
    return str(folder / "uv" / "bin" / "uv")
