"""What is installed, active, missing or unprotected here, each with the remedy. Nothing is changed.

Every check is a function that yields findings; one that fails itself becomes a finding too, so that the
list is always complete.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError

from worker.doctor.auditing import log
from worker.doctor.finding import Check, Finding, Level
from worker.doctor.machine import device, keys, programs, python, storage
from worker.doctor.servers import broker, database, django, web, workers
from worker.doctor.speech import engine, gates, marks, models

__all__ = ["CHECKS", "Check", "Finding", "Level", "examine"]

CHECKS: tuple[Check, ...] = (
    python, device, programs, models, engine, gates, marks,
    database, broker, storage, keys, log, workers, web, django,
)  # fmt: skip


def examine() -> Iterator[Finding]:
    """All findings, in the order of a first look: machine, models, servers, secrets, log, workers."""
    for check in CHECKS:
        try:
            yield from check()
        except DatabaseError as error:
            yield Finding(
                "problem",
                check.__name__,
                f"needs the database: {str(error).strip().splitlines()[0]}",
                "make up",
            )
        except Exception as error:  # noqa: BLE001 - a broken check must not hide the others
            yield Finding(
                "problem", check.__name__, f"could not be looked at: {type(error).__name__}: {error}"
            )
