"""Taking a backup while everything goes on; the order is that of the room's own page (``__init__``)."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from synth.local.backups import dump, sealing
from synth.local.backups import manifest as lists
from synth.local.backups.manifest import DUMP, SEALED_KEYS, FileFacts, Manifest
from synth.local.errors import LocalError

#: beside the database: what restores need. Logs, mail, static files and the embedded servers' own are left out.
PARTS = ("log", "credentials", "keys.json")
_LEFT_OUT = re.compile(r"(^|/)(refused|fault|checked\.json|[^/]*\.lock|[^/]*\.new)$")
KEYS_TRIES = 3


@dataclass(frozen=True)
class Source:
    """A running installation. ``database`` holds libpq's keywords of a role that may read every table;
    ``models`` names what of the models folder cannot be fetched again."""

    data_dir: Path
    keys_dir: Path
    models_dir: Path
    database: Mapping[str, str]
    release: str
    models: tuple[str, ...] = ()


@dataclass
class _Run:
    """One backup in the making; ``earlier`` is the last finished one, whose unchanged files are linked, not copied."""

    source: Source
    folder: Path
    earlier: Path | None
    files: dict[str, FileFacts] = field(default_factory=dict)
    earlier_files: dict[str, FileFacts] = field(default_factory=dict)


class AlreadyRunning(LocalError):
    """Another backup is being written to the same place."""


def take(source: Source, parent: Path, *, passphrase: str | None) -> Path:
    """A verified backup in a new folder below ``parent``; without a passphrase, one without keys.

    Raises LocalError, and leaves nothing behind, when a part cannot be read, written or read again.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(parent):
        for unfinished in parent.glob(f".{lists.PREFIX}*"):  # of a run that was killed
            shutil.rmtree(unfinished, ignore_errors=True)
        now = datetime.now(UTC)
        final = parent / f"{lists.PREFIX}{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z"
        folder = parent / f".{final.name}"
        folder.mkdir(mode=0o700)
        try:
            _write_and_check(_begin(source, folder, parent), now, passphrase)
            os.sync()
            folder.rename(final)
        except OSError as error:
            raise LocalError(f"The backup could not be written: {error}.") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return final


def _write_and_check(run: _Run, now: datetime, passphrase: str | None) -> None:
    manifest = _write(run, now, passphrase)
    try:
        check(run.folder, passphrase=passphrase if manifest.has_keys else None)
    except LocalError:
        if run.earlier is None:
            raise
        # A file of the earlier backup may have gone bad since: once more, without its files.
        shutil.rmtree(run.folder)
        run.folder.mkdir(mode=0o700)
        _write_and_check(_Run(run.source, run.folder, None), now, passphrase)


def check(folder: Path, *, passphrase: str | None) -> Manifest:
    """Read a backup from its first byte to its last; LocalError at the first fault. With a passphrase, the keys too."""
    manifest = Manifest.read(folder)
    lists.verify(folder, manifest)
    dump.read_through(folder / DUMP, major=manifest.server_major)
    if passphrase is not None:
        open_keys(folder, passphrase)
    return manifest


def open_keys(folder: Path, passphrase: str) -> dict[str, bytes]:
    """The key files of a backup by name."""
    try:
        sealed = (folder / SEALED_KEYS).read_bytes()
    except OSError as error:
        raise LocalError(f"The keys of {folder} cannot be read: {error}.") from None
    return sealing.unseal(sealed, passphrase=passphrase, bound_to=lists.digest(folder))


def prune(parent: Path, keep: int) -> list[Path]:
    """Delete all but the ``keep`` newest backups; those that went."""
    old = lists.backups(parent)[:-keep] if keep else []
    for folder in old:
        shutil.rmtree(folder)
    return old


def _begin(source: Source, folder: Path, parent: Path) -> _Run:
    finished = lists.backups(parent)
    run = _Run(source, folder, finished[-1] if finished else None)
    if run.earlier is not None:
        try:
            run.earlier_files = Manifest.read(run.earlier).files
        except LocalError:  # damaged: nothing is taken from it
            run.earlier = None
    return run


def _write(run: _Run, now: datetime, passphrase: str | None) -> Manifest:
    source = run.source
    major = dump.server_major(source.database)
    _take_tree(run, source.data_dir, "media", into="data")
    for _ in range(KEYS_TRIES):
        keys = _keys(source.keys_dir) if passphrase is not None else {}
        for name in PARTS:
            _take_tree(run, source.data_dir, name, into="data", again=True)
        log_size = _log_size(run.folder / "data" / "log" / "checkpoint")
        _dump(run, major)
        if passphrase is None or keys == _keys(source.keys_dir):
            break
    else:
        raise LocalError("The keys changed again and again while the backup was taken; try again.")
    _take_tree(run, source.data_dir, "media", into="data")
    for name in source.models:
        _take_tree(run, source.models_dir, name, into="models")
    manifest = Manifest(
        taken_at=now.isoformat(timespec="seconds"), release=source.release, server_major=major,
        log_size=log_size, has_keys=bool(keys), files=run.files,
    )  # fmt: skip
    manifest.write(run.folder)
    if keys and passphrase is not None:
        sealed = sealing.seal(keys, passphrase=passphrase, bound_to=lists.digest(run.folder))
        with lists.private_file(run.folder / SEALED_KEYS) as file:
            file.write(sealed)
    return manifest


def _dump(run: _Run, major: int) -> None:
    path = run.folder / DUMP
    path.unlink(missing_ok=True)
    dump.dump(run.source.database, path, major=major)
    with path.open("rb") as file:
        run.files[DUMP] = lists.copy(file, None)


def _take_tree(run: _Run, base: Path, name: str, *, into: str, again: bool = False) -> None:
    """Copy a file or everything below a folder, what was copied before only ``again``.

    Something that goes while we look was deleted on purpose; what we already have of it stays.
    """
    start = base / name
    for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
        listed = f"{into}/{path.relative_to(base)}"
        if not path.is_file() or path.is_symlink() or _LEFT_OUT.search(listed):
            continue
        if again or listed not in run.files:
            _take_file(run, path, listed)


def _take_file(run: _Run, path: Path, listed: str) -> None:
    target = run.folder / listed
    try:
        stat = path.stat()
        known = run.earlier_files.get(listed)
        if (
            run.earlier is not None
            and known
            and (known.bytes, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns)
            and _linked(run.earlier / listed, target)
        ):
            run.files[listed] = known
            return
        with path.open("rb") as source:
            target.unlink(missing_ok=True)
            with lists.private_file(target) as copied:
                facts = lists.copy(source, copied)
        run.files[listed] = FileFacts(facts.bytes, facts.sha256, stat.st_mtime_ns)
    except FileNotFoundError:
        return


def _linked(earlier: Path, target: Path) -> bool:
    """Whether a file of the earlier backup serves again: not where it is gone from there, or the disk has no links."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.link(earlier, target)
    except OSError:
        return False
    return True


def _keys(folder: Path) -> dict[str, bytes]:
    """Every key file; LocalError where one cannot be read, since a backup without it would be worth little."""
    try:
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.key"))}
    except OSError as error:
        raise LocalError(f"The keys cannot be read: {error}.") from None


def _log_size(checkpoint: Path) -> int:
    """Entries in the log's checkpoint (the second line of its signed note); 0 where there is none yet."""
    try:
        return int(checkpoint.read_text(encoding="utf-8").split("\n")[1])
    except (FileNotFoundError, IndexError, ValueError):
        return 0


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    descriptor = os.open(parent / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AlreadyRunning(f"Another backup is being written to {parent}.") from None
    finally:
        os.close(descriptor)
