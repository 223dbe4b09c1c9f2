"""What was made of the clips used last, kept by key."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from synth.engines.base import ReferenceClip

_KEPT = 8  # clips

T = TypeVar("T")


class Recent(Generic[T]):
    """What was made for the clips used last, by key; threads may ask at the same time."""

    def __init__(self) -> None:
        self._made: OrderedDict[object, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            self._made[key] = made
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made


def clip_key(clip: ReferenceClip) -> str:
    """The same for the same sound and words, whatever row they came from."""
    digest = hashlib.sha256(np.ascontiguousarray(clip.samples, dtype=np.float32).tobytes())
    digest.update(f"{clip.sample_rate_hz}\0{clip.language}\0{clip.transcript}".encode())
    return digest.hexdigest()
