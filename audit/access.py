"""Whose entries a request may read. The rooms above say who is asking; this room knows no people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

Reader = Callable[[Any], frozenset[UUID]]


def _principal_on_request(request: Any) -> frozenset[UUID]:
    """Default reader: the organisation of ``request.principal``, where something has set one."""
    principal = getattr(request, "principal", None)
    return frozenset() if principal is None else frozenset({principal.organisation.pk})


_reader: Reader = _principal_on_request


def set_reader(reader: Reader) -> None:
    """Say how to find the organisations whose log a (Django or DRF) request may read.

    ``reader`` returns an empty set for a caller without that right, and raises nothing.
    """
    global _reader
    _reader = reader


def readable_organisations(request: Any) -> frozenset[UUID]:
    """Organisations whose entries ``request`` may read; empty for strangers."""
    return _reader(request)
