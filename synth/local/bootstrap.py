"""From a bare Python to a working environment in ``.venv``: used before any package is installed.

What is installed is what ``pyproject.toml`` names and nothing else; the project itself is not installed, it
runs from its folder. Where packages come from is the user's own pip or uv configuration.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from synth.local.errors import LocalError

BASE_DIR = Path(__file__).resolve().parents[2]
VENV = BASE_DIR / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
SUPPORTED = ((3, 11), (3, 12))

#: extras of pyproject.toml that each purpose needs
RUN_EXTRAS = ("worker", "embedded")
TEST_EXTRAS = ("worker", "fast", "embedded", "dev")
BENCH_EXTRAS = (*TEST_EXTRAS, "bench")


def requirements(extras: tuple[str, ...]) -> list[str]:
    """The requirement lines of ``pyproject.toml``: its dependencies and those of the named extras."""
    import tomllib  # new in 3.11; this module must import on older ones to say so

    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def ensure_environment(extras: tuple[str, ...] = RUN_EXTRAS) -> Path:
    """Make ``.venv`` hold what ``extras`` need and return its Python. Instant when nothing has changed.

    Raises LocalError with one sentence when no environment can be made or an installation fails.
    """
    wanted = requirements(extras)
    with _only_one_at_a_time():
        if not _works():
            _make_venv()
        stamp = VENV / "assent-installed.json"
        installed = _read_stamp(stamp)
        if not set(wanted) <= installed:
            everything = set(requirements(RUN_EXTRAS) + requirements(BENCH_EXTRAS))
            _install(wanted)
            stamp.write_text(json.dumps(sorted(set(wanted) | installed & everything), indent=1) + "\n")
    return VENV_PYTHON


def reexecute(arguments: list[str]) -> None:
    """Continue this command in ``.venv``; returns only when it already runs there."""
    if Path(sys.prefix).resolve() != VENV.resolve():
        become([str(VENV_PYTHON), str(BASE_DIR / "manage.py"), *arguments])


def become(command: list[str]) -> None:
    """Replace this process with ``command``, so that signals reach the program itself."""
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606


def fetch_speaker_weights(models_dir: Path) -> str | None:
    """Put the speaker model's weights into ``models_dir`` unless they are there. A sentence when that fails.

    Without them a consent goes to a human reviewer instead of being decided by the speaker gate.
    """
    code = (
        "import sys; from pathlib import Path; from accounts.gates.speaker_weights import WeightsError, fetch\n"
        "try: fetch(Path(sys.argv[1]))\n"
        "except WeightsError as error: sys.exit(str(error))"
    )
    done = subprocess.run(
        [VENV_PYTHON, "-c", code, str(models_dir)], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return None
    reason = (done.stderr.strip().splitlines() or ["unknown reason"])[-1]
    return (
        f"The speaker model's weights are missing ({reason}). Consent recordings will wait for a reviewer; "
        "run `make setup` again when the package index can be reached."
    )


def _works() -> bool:
    """Whether ``.venv`` has a Python of a supported version (a moved folder or a removed Python has none)."""
    try:
        answer = subprocess.run(
            [VENV_PYTHON, "-c", "import sys; print(*sys.version_info[:2], sys.prefix)"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return False
    major, minor, prefix = answer.stdout.strip().split(" ", 2)
    return (int(major), int(minor)) in SUPPORTED and Path(prefix).resolve() == VENV.resolve()


def _make_venv() -> None:
    if VENV.exists():
        say(f"{VENV} does not work here; making it anew.")
        shutil.rmtree(VENV)
    say("Making the Python environment in .venv")
    uv = shutil.which("uv")
    if uv:  # --seed: pip is still needed for what uv cannot do (downloading one wheel)
        _run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(VENV)])
        return
    try:
        _run([sys.executable, "-m", "venv", str(VENV)])
    except LocalError:
        # Debian splits ensurepip off; its own pip can fill an environment that has none.
        shutil.rmtree(VENV, ignore_errors=True)
        if not _system_pip():
            raise LocalError(
                "Python cannot make an environment here: install python3-venv (or uv) and try again."
            ) from None
        _run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])


def _install(wanted: list[str]) -> None:
    say(f"Installing {len(wanted)} packages and what they need (a minute or two the first time)")
    listing = VENV / "assent-requirements.txt"
    listing.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(VENV_PYTHON), *_uv_find_links()]
    elif (VENV / "bin" / "pip").exists():
        command = [str(VENV_PYTHON), "-m", "pip", "install", "-qq"]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(VENV_PYTHON), "install", "-qq"]
    _run([*command, "--requirement", str(listing)])


def _uv_find_links() -> list[str]:
    """pip's folders of wheels, for uv too: it reads only its own variable, and fails on a missing folder."""
    if os.environ.get("UV_FIND_LINKS"):
        return []
    folders = [folder for folder in os.environ.get("PIP_FIND_LINKS", "").split() if Path(folder).is_dir()]
    return [part for folder in folders for part in ("--find-links", folder)]


def _system_pip() -> bool:
    return (
        subprocess.run(
            [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
        ).returncode
        == 0
    )


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=BASE_DIR, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise LocalError(f"This failed (exit {done.returncode}): {' '.join(command)}")


def _read_stamp(stamp: Path) -> set[str]:
    try:
        return set(json.loads(stamp.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return set()


@contextlib.contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    """Two commands started together must not fill ``.venv`` at once; the project's folder is the lock."""
    descriptor = os.open(BASE_DIR, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def say(text: str) -> None:
    """A line to the operator, at once even into a pipe."""
    print(text, flush=True)
