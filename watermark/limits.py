"""What a caller may have checked, and who waits for whom.

Verification is free and needs no account, so strangers get less of it than callers who are known: their files are
answered within seconds, and one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from synth.common.uploads import MIB
from watermark.models import Verification

Lane = Verification.Lane


@dataclass(frozen=True)
class Limits:
    """Bounds of one file. ``deep_duration_s``: of one to be searched deeply, which costs far more."""

    upload_bytes: int
    duration_s: float
    deep_duration_s: float
    channels: int
    decode_cpu_s: int
    decode_wall_s: float


STRANGER = Limits(24 * MIB, 300.0, 60.0, 2, 30, 60.0)
CALLER = Limits(64 * MIB, 3600.0, 3600.0, 8, 240, 600.0)

LARGE_FROM_BYTES = 6 * MIB
BATCH_FILES = 20
STRANGERS_SHARE = 0.25
"""Of the places in the queue; the rest is kept for callers who are known."""
ORGANISATION_SHARE = 0.5
"""Of the places in the queue that one organisation may fill."""


def limits_of(actor_kind: str) -> Limits:
    return STRANGER if actor_kind == "anonymous" else CALLER


def lane_of(actor_kind: str, size_bytes: int) -> Lane:
    """Strangers wait for each other; among callers who are known, small files never wait for large ones."""
    if actor_kind == "anonymous":
        return Lane.PUBLIC
    return Lane.LARGE if size_bytes >= LARGE_FROM_BYTES else Lane.SMALL
