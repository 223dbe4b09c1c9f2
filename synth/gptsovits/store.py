"""The folder that holds the weights: what belongs there, bringing it there, and knowing that it is still the same.

Nothing here runs by itself: files arrive by an explicit ``fetch`` from a mirror that the operator names, or by
``add`` from a folder. What arrives is opened safely (see `checkpoint_file`), must be what its place asks for, and
has its SHA-256 recorded on the first trusted add; afterwards only the same bytes are accepted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from synth.errors import AssentError
from synth.gptsovits import manifest
from synth.gptsovits.checkpoint_file import WeightsError, read_checkpoint
from synth.gptsovits.manifest import BY_PATH, FOLDER, MANIFEST, OfficialFile

RECORD = "recorded.json"
_CHUNK_BYTES = 1 << 20
_MAX_JSON_BYTES = 4 << 20

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Recorded:
    """What is known of a file since it was first trusted."""

    sha256: str
    size_bytes: int
    added_at: str
    source: str


@dataclass(frozen=True)
class FileState:
    """One line of ``models list``: ``state`` is present, missing, unrecorded or changed."""

    file: OfficialFile
    state: str
    size_bytes: int | None
    recorded: Recorded | None


@dataclass(frozen=True)
class Pair:
    """Fine-tuned weights of one voice."""

    s1: Path
    s2: Path


class Store:
    """The weights under ``models_dir``."""

    def __init__(self, models_dir: Path | str) -> None:
        self.folder = Path(models_dir) / FOLDER

    # --------------------------------------------------------------------------------------------- looking

    def path(self, name: str) -> Path:
        """Where an official file belongs."""
        return self.folder / BY_PATH[name].path

    def files(self) -> list[FileState]:
        """Every file of the manifest as it is on disk, by size alone; `verify` reads the contents."""
        recorded = self._recorded()
        states = []
        for file in MANIFEST:
            path, known = self.folder / file.path, recorded.get(file.path)
            size = path.stat().st_size if path.is_file() else None
            if size is None:
                state = "missing"
            elif known is None:
                state = "unrecorded"
            else:
                state = "present" if size == known.size_bytes else "changed"
            states.append(FileState(file, state, size, known))
        return states

    def missing(self, version: str, language: str = "") -> list[str]:
        """See `manifest.missing`."""
        return manifest.missing(self.folder, version, language)

    def best_version(self) -> str | None:
        """See `manifest.best_version`."""
        return manifest.best_version(self.folder)

    def verify(self, on_progress: Progress | None = None) -> list[str]:
        """Read every recorded file; returns one sentence per problem."""
        problems = []
        for name, known in sorted(self._recorded().items()):
            path = self.folder / name
            if not path.is_file():
                problems.append(f"{name} is recorded but not there.")
            elif _sha256(path, on_progress, name) != known.sha256:
                problems.append(f"{name} is not the file that was added on {known.added_at[:10]}.")
        problems += [
            f"{state.file.path} was put there without being added; add it to have it checked."
            for state in self.files()
            if state.state == "unrecorded"
        ]
        return problems

    # -------------------------------------------------------------------------------------------- bringing

    def add(self, source: Path, on_progress: Progress | None = None) -> list[str]:
        """Take official files from a folder (in the published layout or all in one place) or a single file.

        Returns the paths that were added. Files that are already there with the same bytes are passed over.
        Raises AssentError when nothing official is found, and `WeightsError` on the first wrong file.
        """
        added = []
        found = list(_official_in(source))
        if not found:
            raise AssentError(
                "models_nothing_found",
                f"{source.name} holds no file of the published set; `models list` shows their names.",
            )
        for file, path in found:
            if self._take(file, path, origin=str(source.name), on_progress=on_progress, move=False):
                added.append(file.path)
        return added

    def fetch(self, name: str, mirror: str, on_progress: Progress | None = None) -> bool:
        """Download one official file from ``mirror`` (URL of the published folder) and add it.

        An interrupted download goes on where it ended. False when the file is already there.
        """
        file = BY_PATH.get(name)
        if file is None:
            raise AssentError("models_unknown", f"{name} is not a file of the published set.")
        if (self.folder / name).is_file() and name in self._recorded():
            return False
        partial = self.folder / "incoming" / name.replace("/", "__")
        partial.parent.mkdir(parents=True, exist_ok=True)
        _download(f"{mirror.rstrip('/')}/{urllib.parse.quote(name)}", partial, name, on_progress)
        try:
            self._take(
                file, partial, origin=urllib.parse.urlsplit(mirror).netloc, on_progress=None, move=True
            )
        except WeightsError:
            partial.unlink(missing_ok=True)
            raise
        return True

    def add_pair(self, voice: str, s1: Path, s2: Path) -> Pair:
        """Keep fine-tuned weights for one voice; whether its owner consents is the caller's question.

        Both are opened and must be what they claim to be, of a version that is spoken here.
        """
        from synth.gptsovits.weights import load_sovits, load_text2semantic

        folder = self._pair_folder(voice)
        load_text2semantic(s1)
        load_sovits(s2)
        folder.mkdir(parents=True, exist_ok=True)
        pair = Pair(folder / "s1.ckpt", folder / "s2.pth")
        for source, target in ((s1, pair.s1), (s2, pair.s2)):
            _copy(source, target)
        self._record({f"{target.relative_to(self.folder)}": target for target in (pair.s1, pair.s2)}, "pair")
        return pair

    def pair(self, voice: str) -> Pair | None:
        """The fine-tuned weights of a voice, if any."""
        folder = self._pair_folder(voice)
        pair = Pair(folder / "s1.ckpt", folder / "s2.pth")
        return pair if pair.s1.is_file() and pair.s2.is_file() else None

    def pairs(self) -> list[str]:
        """Voices that have a folder for weights of their own."""
        folder = self.folder / "voices"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def remove_pair(self, voice: str) -> None:
        """Forget the fine-tuned weights of a voice, as when its consent is revoked."""
        folder = self._pair_folder(voice)
        if folder.is_dir():
            names = [f"{path.relative_to(self.folder)}" for path in folder.iterdir()]
            shutil.rmtree(folder)
            kept = {name: known for name, known in self._recorded().items() if name not in names}
            self._write_record(kept)

    def digest(self, path: Path) -> str:
        """The recorded SHA-256 of a file of this store, else computed."""
        known = self._recorded().get(str(path.relative_to(self.folder)))
        return known.sha256 if known else _sha256(path)

    # ---------------------------------------------------------------------------------------------- inside

    def _pair_folder(self, voice: str) -> Path:
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}", voice):
            raise AssentError("voice_id", "A voice is named by its identifier.", measured=voice[:64])
        return self.folder / "voices" / voice

    def _take(
        self, file: OfficialFile, source: Path, *, origin: str, on_progress: Progress | None, move: bool
    ) -> bool:
        """Check a file, compare it with the record, put it in its place. False when it was there already."""
        _check(file, source)
        target, known = self.folder / file.path, self._recorded().get(file.path)
        sha256 = _sha256(source, on_progress, file.path)
        if known is not None and known.sha256 != sha256:
            raise WeightsError(
                "changed",
                f"{file.path} differs from the file that was trusted on {known.added_at[:10]}; remove its "
                f"line from {RECORD} to trust another one.",
                measured=sha256,
                limit=known.sha256,
            )
        if target.is_file() and known is not None and target.stat().st_size == known.size_bytes:
            if move:
                source.unlink()
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        if move:
            source.replace(target)
        elif source.resolve() != target.resolve():
            _copy(source, target)
        self._record({file.path: target}, origin, sha256)
        return True

    def _recorded(self) -> dict[str, Recorded]:
        path = self.folder / RECORD
        if not path.is_file():
            return {}
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            return {name: Recorded(**entry) for name, entry in table.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise AssentError("models_record", f"{path.name} in the models folder cannot be read.") from error

    def _record(self, targets: dict[str, Path], origin: str, sha256: str | None = None) -> None:
        recorded = self._recorded()
        for name, target in targets.items():
            recorded[name] = Recorded(
                sha256=sha256 or _sha256(target),
                size_bytes=target.stat().st_size,
                added_at=datetime.now(UTC).isoformat(timespec="seconds"),
                source=origin,
            )
        self._write_record(recorded)

    def _write_record(self, recorded: dict[str, Recorded]) -> None:
        table = {name: asdict(entry) for name, entry in sorted(recorded.items())}
        fresh = self.folder / f"{RECORD}.new"
        fresh.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self.folder / RECORD)


def _official_in(source: Path) -> Iterator[tuple[OfficialFile, Path]]:
    """Official files below ``source``: at their published path, else by name where the name is unambiguous."""
    if source.is_file():
        matches = [file for file in MANIFEST if Path(file.path).name == source.name]
        matches = [file for file in matches if source.as_posix().endswith(file.path)] or matches
        if len(matches) == 1:
            yield matches[0], source
        return
    names = [Path(file.path).name for file in MANIFEST]
    for file in MANIFEST:
        name = Path(file.path).name
        candidates = [source / file.path, source / "pretrained_models" / file.path]
        if names.count(name) == 1 or source.name == Path(file.path).parent.name:
            candidates.append(source / name)
        found = next((path for path in candidates if path.is_file()), None)
        if found is not None:
            yield file, found


def _check(file: OfficialFile, path: Path) -> None:
    """The file is of the kind that its place asks for; raises `WeightsError`."""
    from synth.gptsovits.weights import kind_of, sovits_version

    name = Path(file.path).name
    if file.kind in ("json", "text"):
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise WeightsError("size", f"{name} is too large for what it is.", limit=_MAX_JSON_BYTES)
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise WeightsError("format", f"{name} is not JSON.") from error
        return
    checkpoint = read_checkpoint(path)
    kind = kind_of(checkpoint)
    if file.kind != "tensors" and kind != file.kind:
        raise WeightsError("mismatch", f"{name} is not the file of that name: it holds {kind} weights.")
    if kind == "s2" and (version := sovits_version(checkpoint)) not in file.versions:
        raise WeightsError("mismatch", f"{name} holds a {version} checkpoint, not {file.versions[0]}.")


def _sha256(path: Path, on_progress: Progress | None = None, name: str = "") -> str:
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            if on_progress is not None:
                on_progress(name, done, size)
    return digest.hexdigest()


def _copy(source: Path, target: Path) -> None:
    """All or nothing: a copy that was interrupted never has the final name."""
    fresh = target.with_name(target.name + ".new")
    with source.open("rb") as reading, fresh.open("wb") as writing:
        shutil.copyfileobj(reading, writing, _CHUNK_BYTES)
        writing.flush()
        os.fsync(writing.fileno())
    fresh.replace(target)


def _download(url: str, partial: Path, name: str, on_progress: Progress | None) -> None:
    """Append to ``partial`` what it lacks; raises AssentError when the server does not give it."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise AssentError("models_mirror", "The mirror must be an http or https address.")
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            if have and answer.status != 206:
                have = 0  # the server starts again from the beginning
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            with partial.open("ab" if have else "wb") as file:
                while chunk := answer.read(_CHUNK_BYTES):
                    file.write(chunk)
                    have += len(chunk)
                    if on_progress is not None:
                        on_progress(name, have, total)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return  # nothing is missing; the checks that follow judge the file
        raise AssentError("models_fetch", f"The mirror answered {error.code} for {name}.") from error
    except (OSError, ValueError) as error:
        raise AssentError("models_fetch", f"{name} could not be downloaded: {error}.") from error
    if total is not None and have != total:
        raise AssentError(
            "models_fetch",
            f"The download of {name} was interrupted; fetch again to go on.",
            measured=have,
            limit=total,
        )
