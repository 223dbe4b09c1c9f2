"""What a search has to know of the records that were issued."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Record:
    """What an issued record says of its file; ``fingerprint`` as `watermark.codec.fingerprint.compute` wrote it,
    ``reference`` as `watermark.comparison.reference.make` did; None in records from before it was kept.
    ``is_cut_stream``: a stream that was ended, or goes on: whoever listened has any beginning of it."""

    number: int
    fingerprint: bytes
    duration_s: float
    reference: bytes | None = None
    is_cut_stream: bool = False


class Registry(Protocol):
    """The records that were issued, as a search asks for them."""

    def epochs(self) -> Sequence[str]:
        """Names of the epochs that a file may be marked in, newest first."""

    def numbers(self, epoch: str) -> Iterable[int]:
        """Numbers of all records issued under one epoch."""

    def related(self, number: int) -> Sequence[int]:
        """Numbers of records that words put into a copy of this one are likely to be from, newest first; a few dozen
        at most."""

    def records(self, numbers: Sequence[int]) -> Mapping[int, Record]:
        """Issued records by number; one that was never issued is left out."""
