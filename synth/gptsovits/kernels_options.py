"""How the kernels are compiled; and the smallest number in them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

NO_FLOOR = np.float32(-3e38)  # not infinity, which fast arithmetic may not see
COMPILED = {
    "nogil": True,
    "fastmath": True,
    "boundscheck": False,
    "error_model": "numpy",
    "cache": os.access(Path(__file__).parent, os.W_OK),
}
