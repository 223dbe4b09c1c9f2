"""What an entry is about, as the log names it: the kind of a row and its identifier."""

from __future__ import annotations

from typing import Literal

Kind = Literal["user", "organisation", "api_key", "voice", "output", "verification", "webhook", "project"]


def about(kind: Kind, identifier: object) -> str:
    """The subject of the entries about one row, by which its ledger is found."""
    return f"{kind}:{identifier}"
