"""Who did it, as the log names them: a kind and an identifier, never a name or an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["user", "api_key", "system", "anonymous"]


@dataclass(frozen=True)
class Actor:
    """The party that an entry holds responsible.

    ``id`` is a row identifier (a UUID as text) for people and keys, the name of a part of the service
    for ``system``, and empty for ``anonymous``.
    """

    kind: ActorKind
    id: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("user", "api_key", "system", "anonymous"):
            raise ValueError(f"unknown kind of actor: {self.kind!r}")
        if self.kind in ("user", "api_key") and not self.id:
            raise ValueError(f"an actor of kind {self.kind} needs an id")


SYSTEM = Actor("system", "assent")
ANONYMOUS = Actor("anonymous")
