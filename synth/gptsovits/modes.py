"""Which precision GPT-SoVITS computes in. Standard library only: whoever names the mode need not load torch for it."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

AUTO, FP32, FAST = "auto", "fp32", "fast"
MODES = (FP32, FAST)  # the precision of the original; reduced, see `synth.gptsovits.fast`
SETTINGS = (AUTO, *MODES)
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPUINFO = Path("/proc/cpuinfo")


def resolved(setting: str, device: str = "cpu") -> str:
    """The mode of ``auto``: fast on a processor that multiplies in bfloat16, with numba installed; fp32 elsewhere.

    On a GPU too, where the fast mode has not been measured. Other settings are modes already.
    """
    if setting != AUTO:
        return setting
    return FAST if device == "cpu" and has_numba() and _multiplies_in_bfloat16() else FP32


def has_numba() -> bool:
    return importlib.util.find_spec("numba") is not None


@lru_cache(maxsize=1)
def _multiplies_in_bfloat16() -> bool:
    try:
        lines = _CPUINFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return bool(_BFLOAT16_FLAGS & set(flags.split()))
