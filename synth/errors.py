"""The one family of errors that a caller is meant to see.

Every refusal that is expected anywhere in the project (bad audio, missing consent, a full queue) is an
`AssentError`: a stable code for programs, a plain sentence for people, and, where something was measured,
the measured value beside its limit. Doors (HTTP, CLI, pages) shape it; rooms only raise it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AssentError(Exception):
    """A refusal with a stable ``code`` and a sentence that a person can act on.

    ``measured`` and ``limit`` carry the value and the bound it broke, in the unit that ``message`` names.
    ``http_status`` is only a hint for the HTTP doors; ``extra`` holds further public facts (JSON types).
    """

    http_status = 400

    def __init__(
        self,
        code: str,
        message: str,
        *,
        measured: Any = None,
        limit: Any = None,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.measured = measured
        self.limit = limit
        if http_status is not None:
            self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.extra = dict(extra or {})

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross process borders (decoding children, task results); keyword arguments need help.
        return (
            _rebuild,
            (type(self), self.code, self.message, self.measured, self.limit, self.http_status,
             self.retry_after_s, self.extra),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """JSON shape shared by every door; absent facts are left out."""
        shape: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.measured is not None:
            shape["measured"] = self.measured
        if self.limit is not None:
            shape["limit"] = self.limit
        if self.retry_after_s is not None:
            shape["retry_after_s"] = self.retry_after_s
        return {**shape, **self.extra}

    def as_row(self) -> dict[str, Any]:
        """As it is kept in a row, for `from_dict`."""
        return {**self.as_dict(), "http_status": self.http_status}

    @classmethod
    def from_dict(cls, shape: dict[str, Any], *, http_status: int) -> AssentError:
        """The error that `as_dict` told of, kept in a row meanwhile; ``http_status`` where the row keeps none.

        Its ``retry_after_s`` stays a fact beside others: to ask for the same row again changes nothing.
        """
        facts = {"http_status": http_status, **shape}
        known = ("code", "message", "measured", "limit", "http_status")
        return AssentError(**{name: facts.pop(name) for name in known if name in facts}, extra=facts)


def shown(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A kept error as answers show it; None for none."""
    return {name: value for name, value in kept.items() if name != "http_status"} if kept else None


class NotFound(AssentError):
    """No such thing, or not yours: the two look the same from outside."""

    http_status = 404


class Forbidden(AssentError):
    """Known caller, no right. Consent refusals are of this kind and are never retried."""

    http_status = 403


class Conflict(AssentError):
    """The row is not in the state that the request needs."""

    http_status = 409


class PayloadTooLarge(AssentError):
    """The upload is larger than the limit named in the error."""

    http_status = 413


class TooMany(AssentError):
    """A rate or count limit was met."""

    http_status = 429


class Unavailable(AssentError):
    """A part that the request needs is not there now; trying later may work."""

    http_status = 503


def _rebuild(
    kind: type[AssentError],
    code: str,
    message: str,
    measured: Any,
    limit: Any,
    http_status: int,
    retry_after_s: float | None,
    extra: dict[str, Any],
) -> AssentError:
    return kind(
        code,
        message,
        measured=measured,
        limit=limit,
        http_status=http_status,
        retry_after_s=retry_after_s,
        extra=extra,
    )
