"""One-way prints of voices: enough to notice that a voice comes back, too little to be a voiceprint without the key.

A print is the signs of 2,048 random projections of the speaker embedding. Two prints differ in a share of their bits
that is the angle between the embeddings, over pi (Charikar 2002, "Similarity Estimation Techniques from Rounding
Algorithms"), so a likeness can be told to about .02. The projections follow from the installation's master key: without
it a print says nothing; with it the direction of the embedding can be estimated, and no recording be made of it.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.conf import settings

from accounts.people import folding

BITS = 2_048
SIZE = BITS // 8
_EMBEDDING_SIZE = 256


def print_of(embedding: np.ndarray) -> bytes:
    """The print, 256 bytes, of a speaker embedding, float32 (256,)."""
    return np.packbits(_projections(_key_file()) @ np.asarray(embedding, np.float32) > 0).tobytes()


def likenesses(prints: np.ndarray, heard: bytes) -> np.ndarray:
    """Estimated cosines, float64 (n,), of ``prints``, uint8 (n, 256), with the print ``heard``."""
    if len(prints) == 0:
        return np.zeros(0)
    words = np.ascontiguousarray(prints).view(np.uint64)
    differing = np.bitwise_count(words ^ np.frombuffer(heard, np.uint64)).sum(axis=1)
    return np.asarray(np.cos(np.pi * differing / BITS))


def name_key(name: str) -> str:
    """Keyed hash, hex, of a person's name as `folding.name_of` reads it; empty for a name without letters."""
    folded = folding.name_of(name)
    return (
        hmac.new(_secret(_key_file(), "names"), folded.encode(), hashlib.sha256).hexdigest() if folded else ""
    )


def _key_file() -> Path:
    return Path(settings.ASSENT_KEYS_DIR) / "mark-master.key"


@lru_cache(maxsize=4)
def _secret(path: Path, purpose: str) -> bytes:
    master = bytes.fromhex(path.read_text(encoding="ascii").strip())
    return hmac.new(master, f"assent stay-down {purpose} 1".encode(), hashlib.sha256).digest()


@lru_cache(maxsize=2)
def _projections(path: Path) -> np.ndarray:
    seed = int.from_bytes(_secret(path, "prints"), "big")
    return np.random.default_rng(seed).standard_normal((BITS, _EMBEDDING_SIZE)).astype(np.float32)
