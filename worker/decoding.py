"""Decoding what lies in storage, in the bounded child."""

from __future__ import annotations

import tempfile

from django.core.files.storage import default_storage

from synth.audio.decode import Audio, DecodeLimits, decode_untrusted


def decode_stored(name: str, *, limits: DecodeLimits) -> Audio:
    """Decode a stored upload in the bounded child, whatever the storage is."""
    with default_storage.open(name, "rb") as source, tempfile.NamedTemporaryFile(prefix="assent-") as local:
        for chunk in source.chunks():
            local.write(chunk)
        local.flush()
        return decode_untrusted(local.name, limits=limits)
