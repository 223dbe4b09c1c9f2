"""What is known of every file since it was first trusted: one JSON file beside the weights."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from synth.errors import AssentError
from synth.modelstore.store import sha256_of

RECORD = "recorded.json"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Recorded:
    """One file as it was when it was trusted."""

    sha256: str
    size_bytes: int
    added_at: str
    source: str


class TrustRecord:
    """Files of ``folder`` by their path in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> dict[str, Recorded]:
        """Raises AssentError ``models_record`` when the file is damaged."""
        path = self._folder / RECORD
        if not path.is_file():
            return {}
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            return {name: Recorded(**entry) for name, entry in table.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise AssentError("models_record", f"{path.name} in the models folder cannot be read.") from error

    def add(self, targets: Mapping[str, Path], origin: str, sha256: str | None = None) -> None:
        """Trust files as they are now."""
        recorded = self.read()
        for name, target in targets.items():
            recorded[name] = Recorded(
                sha256=sha256 or sha256_of(target),
                size_bytes=target.stat().st_size,
                added_at=datetime.now(UTC).isoformat(timespec="seconds"),
                source=origin,
            )
        self._write(recorded)

    def remove(self, names: set[str]) -> None:
        self._write({name: known for name, known in self.read().items() if name not in names})

    def digest(self, path: Path) -> str:
        """The recorded SHA-256 of a file in the folder, else computed."""
        known = self.read().get(str(path.relative_to(self._folder)))
        return known.sha256 if known else sha256_of(path)

    def _write(self, recorded: Mapping[str, Recorded]) -> None:
        table = {name: asdict(entry) for name, entry in sorted(recorded.items())}
        fresh = self._folder / f"{RECORD}.new"
        fresh.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self._folder / RECORD)


def copy_whole(source: Path, target: Path) -> None:
    """All or nothing: a copy that was interrupted never has the final name."""
    fresh = target.with_name(target.name + ".new")
    with source.open("rb") as reading, fresh.open("wb") as writing:
        shutil.copyfileobj(reading, writing, _CHUNK_BYTES)
        writing.flush()
        os.fsync(writing.fileno())
    fresh.replace(target)
