"""What lies in storage: as a file of this machine, and decoded in the bounded child."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files.storage import default_storage

from synth.audio.decode import Audio, DecodeLimits, decode_untrusted


@contextmanager
def local_copy(name: str) -> Iterator[Path]:
    """A stored upload as a file of this machine, whatever the storage is."""
    with default_storage.open(name, "rb") as source, tempfile.NamedTemporaryFile(prefix="assent-") as local:
        for chunk in source.chunks():
            local.write(chunk)
        local.flush()
        yield Path(local.name)


def decode_stored(name: str, *, limits: DecodeLimits) -> Audio:
    """Decode a stored upload in the bounded child."""
    with local_copy(name) as path:
        return decode_untrusted(path, limits=limits)
