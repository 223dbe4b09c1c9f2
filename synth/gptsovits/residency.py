"""Which networks stay in memory: bounded by bytes, the longest unused goes first, idle ones go by themselves."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import nn


@dataclass
class _Held:
    value: Any
    nbytes: int
    used_at: float
    users: int = 0
    unwanted: bool = False
    ready: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Residency:
    """A thread-safe cache of networks by key (a digest). Values in use are never dropped."""

    def __init__(
        self, max_bytes: int, idle_s: float = 600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_bytes = max_bytes
        self.idle_s = idle_s
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._timer: threading.Timer | None = None

    @property
    def nbytes(self) -> int:
        """Of everything held."""
        with self._lock:
            return sum(held.nbytes for held in self._held.values())

    @contextmanager
    def using(self, key: str, load: Callable[[], Any]) -> Iterator[Any]:
        """The value of ``key``, loaded once however many ask for it at the same time."""
        with self._lock:
            held, first = self._held.get(key), False
            if held is None:
                held, first = _Held(None, 0, self._clock()), True
                self._held[key] = held
            held.users += 1
            self._held.move_to_end(key)
        try:
            if first:
                self._load(key, held, load)
            held.ready.wait()
            if held.error is not None:
                raise held.error
            yield held.value
        finally:
            with self._lock:
                held.users -= 1
                held.used_at = self._clock()
                self._drop()
                self._sweep_later()

    def sweep(self) -> None:
        """Drop what has been idle; call it now and then."""
        with self._lock:
            self._drop()

    def drop(self, key: str) -> None:
        """Forget a value as soon as nobody uses it."""
        with self._lock:
            held = self._held.get(key)
            if held is not None and held.users == 0:
                del self._held[key]
            elif held is not None:
                held.unwanted = True

    def drop_all(self, prefix: str) -> None:
        """`drop` every value whose key begins so."""
        with self._lock:
            keys = [key for key in self._held if key.startswith(prefix)]
        for key in keys:
            self.drop(key)

    def _sweep_later(self) -> None:
        """With the lock: see to it that what nobody asks for again goes by itself."""
        if self._timer is None and self._held:
            self._timer = threading.Timer(self.idle_s + 0.1, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
            self._drop()
            self._sweep_later()
        give_back_memory()

    def _load(self, key: str, held: _Held, load: Callable[[], Any]) -> None:
        try:
            held.value = load()
            held.nbytes = size_of(held.value)
        except BaseException as error:
            held.error = error
            with self._lock:
                self._held.pop(key, None)
            raise
        finally:
            held.ready.set()

    def _drop(self) -> None:
        now = self._clock()
        total = sum(held.nbytes for held in self._held.values())
        for key, held in list(self._held.items()):
            stale = held.unwanted or now - held.used_at > self.idle_s
            if held.users == 0 and (stale or total > self.max_bytes):
                del self._held[key]
                total -= held.nbytes


def size_of(value: Any) -> int:
    """Bytes of the tensors of a network, or of something that has one as ``model`` or several as ``networks``."""
    if (several := getattr(value, "networks", None)) is not None:
        return sum(size_of(item) for item in several)
    network = value if isinstance(value, nn.Module) else getattr(value, "model", None)
    if not isinstance(network, nn.Module):
        return 0
    storages = {
        t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in network.state_dict().values()
    }
    return sum(storages.values()) + getattr(network, "extra_bytes", 0)


def give_back_memory() -> None:
    """Return freed heap pages to the system: loading leaves hundreds of MB of them scattered (glibc only)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
