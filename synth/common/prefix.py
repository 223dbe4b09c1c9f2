"""The service below a path of its address (``https://example.org/assent``), behind a proxy that strips it or not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]


class UnderPath:
    """ASGI: every request's path begins with ``prefix``, as Django's FORCE_SCRIPT_NAME expects; "" changes nothing.

    A proxy that passes the path on as it is and one that strips the prefix are served alike, and so is a health check
    that knows of neither.
    """

    def __init__(self, application: Application, prefix: str) -> None:
        self._application = application
        self._prefix = prefix.rstrip("/")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._prefix and scope["type"] == "http":
            path = scope["path"]
            if path != self._prefix and not path.startswith(f"{self._prefix}/"):
                scope = {**scope, "path": self._prefix + path}
        await self._application(scope, receive, send)


def inside(path: str, prefix: str | None) -> str:
    """A request's path without the prefix."""
    return path.removeprefix((prefix or "").rstrip("/")) or "/"
