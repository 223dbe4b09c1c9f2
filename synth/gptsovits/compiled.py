"""Whether `kernels` can be used here: numba is an optional package."""

from __future__ import annotations

import hashlib
import importlib
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

_HERE = Path(__file__).parent
_SOURCES = (
    "kernels.py",
    "kernels_attention.py",
    "kernels_options.py",
    "simd.py",
    "simd_attention.py",
    "simd_products.py",
)


@lru_cache(maxsize=1)
def kernels() -> ModuleType | None:
    """The compiled kernels, or None without numba. Importing them compiles nothing yet.

    What is compiled is kept beside the byte code, in a folder named after all sources: numba itself compares only
    the file of the function that is called, and would go on using machine code of an older file.
    """
    try:
        config: Any = importlib.import_module("numba").config
    except ImportError:
        return None
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _SOURCES)).hexdigest()[:16]
    before, config.CACHE_DIR = config.CACHE_DIR, str(_HERE / "__pycache__" / f"kernels-{digest}")
    try:
        from synth.gptsovits import kernels as module
    finally:
        config.CACHE_DIR = before
    return module
