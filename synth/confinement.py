"""What a child process that reads a stranger's bytes sets upon itself before it looks at the first of them."""

from __future__ import annotations

import resource
from typing import Any


def limit_self(limits: dict[str, Any]) -> None:
    """Bound this process and its children: address space, CPU seconds, bytes written, no core dump.

    ``limits``: ``memory_bytes``, ``cpu_s``, and ``max_values`` (float32 values that it may write).
    """
    for what, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_s"]),
        (resource.RLIMIT_FSIZE, limits["max_values"] * 4 + (1 << 16)),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))
