"""Whether `kernels` can be used here: numba is an optional package."""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType


@lru_cache(maxsize=1)
def kernels() -> ModuleType | None:
    """The compiled kernels, or None without numba. Importing them compiles nothing yet."""
    try:
        from synth.gptsovits import kernels as module
    except ImportError:
        return None
    return module
