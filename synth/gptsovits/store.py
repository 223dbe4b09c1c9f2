"""The folder that holds the weights: what belongs there, bringing it there, and knowing that it is still the same.

Nothing here runs by itself: files arrive by an explicit ``fetch`` from a mirror that the operator names, or by
``add`` from a folder. What arrives is opened safely (see `checkpoint_file`), must be what its place asks for, and
has its SHA-256 recorded on the first trusted add; afterwards only the same bytes are accepted.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synth.errors import AssentError
from synth.gptsovits import manifest
from synth.gptsovits.checkpoint_file import WeightsError, read_checkpoint
from synth.gptsovits.manifest import BY_PATH, FOLDER, MANIFEST, OfficialFile
from synth.gptsovits.trust_record import RECORD, Recorded, TrustRecord, copy_whole
from synth.gptsovits.voice_pairs import VoicePairs
from synth.modelstore.carriers import Carriers, Progress
from synth.modelstore.download import download
from synth.modelstore.manifest import Carrier
from synth.modelstore.store import sha256_of

_MAX_JSON_BYTES = 4 << 20
_HUB = Carrier("hub", "lj1995/GPT-SoVITS@main")


@dataclass(frozen=True)
class FileState:
    """One line of ``models list``: ``state`` is present, missing, unrecorded or changed."""

    file: OfficialFile
    state: str
    size_bytes: int | None
    recorded: Recorded | None


class Store:
    """The weights under ``models_dir``: the published set here, voices' own in ``pairs``."""

    def __init__(self, models_dir: Path | str) -> None:
        self.folder = Path(models_dir) / FOLDER
        self.record = TrustRecord(self.folder)
        self.pairs = VoicePairs(self.folder, self.record)

    def path(self, name: str) -> Path:
        """Where an official file belongs."""
        return self.folder / BY_PATH[name].path

    def files(self) -> list[FileState]:
        """Every file of the manifest as it is on disk, by size alone; `verify` reads the contents."""
        recorded = self.record.read()
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
        for name, known in sorted(self.record.read().items()):
            path = self.folder / name
            if not path.is_file():
                problems.append(f"{name} is recorded but not there.")
            elif sha256_of(path, on_progress, name) != known.sha256:
                problems.append(f"{name} is not the file that was added on {known.added_at[:10]}.")
        problems += [
            f"{state.file.path} was put there without being added; add it to have it checked."
            for state in self.files()
            if state.state == "unrecorded"
        ]
        return problems

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
        """Download one official file from ``mirror`` (URL of the published folder), or from the hub where that is
        empty, and add it.

        An interrupted download goes on where it ended. False when the file is already there.
        """
        file = BY_PATH.get(name)
        if file is None:
            raise AssentError("models_unknown", f"{name} is not a file of the published set.")
        if (self.folder / name).is_file() and name in self.record.read():
            return False
        partial = self.folder / "incoming" / name.replace("/", "__")
        partial.parent.mkdir(parents=True, exist_ok=True)
        if mirror:
            download(f"{mirror.rstrip('/')}/{urllib.parse.quote(name)}", partial, name, on_progress)
        else:
            partial = Carriers(partial.parent, on_progress=on_progress).bring(_HUB, name)
        origin = urllib.parse.urlsplit(mirror).netloc if mirror else _HUB.name
        try:
            self._take(file, partial, origin=origin, on_progress=None, move=True)
        except WeightsError:
            partial.unlink(missing_ok=True)
            raise
        return True

    def _take(
        self, file: OfficialFile, source: Path, *, origin: str, on_progress: Progress | None, move: bool
    ) -> bool:
        """Check a file, compare it with the record, put it in its place. False when it was there already."""
        _check(file, source)
        target, known = self.folder / file.path, self.record.read().get(file.path)
        sha256 = sha256_of(source, on_progress, file.path)
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
            copy_whole(source, target)
        self.record.add({file.path: target}, origin, sha256)
        return True


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
    from synth.gptsovits.loading import kind_of, sovits_version

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
