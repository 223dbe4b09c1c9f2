"""One line of what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line. A "problem" keeps the service from its work, a "warning" leaves something unprotected."""

    level: Level
    subject: str
    text: str
    remedy: str = ""


Check = Callable[[], Iterator[Finding]]
