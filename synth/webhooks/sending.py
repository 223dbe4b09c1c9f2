"""One POST to one endpoint: to the address that was looked up and judged, no other; nothing followed, little read."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from synth.webhooks import addresses

TIMEOUT_S = 10.0
"""For all of it, from the connection to the answer."""
READ_BYTES = 16 * 1024
"""So much of an answer is read, for politeness; nothing of it is kept."""
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Outcome:
    """``status`` of the answer, None without one; ``error`` a failure's name, "" for a success."""

    status: int | None = None
    error: str = ""
    retry_after_s: float = 0.0

    @property
    def is_success(self) -> bool:
        return not self.error


class _Pinned(http.client.HTTPConnection):
    """A connection for a host to one of the addresses found for it: the name is asked for no second time."""

    def __init__(
        self, host: str, port: int, found: Sequence[str], context: ssl.SSLContext | None, timeout_s: float
    ) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self.found, self.context = found, context
        self.ends_at = time.monotonic() + timeout_s
        # Which `Host` leaves the port out.
        self.default_port = _PORTS["https" if context else "http"]

    def connect(self) -> None:
        for address in self.found[:-1]:
            with contextlib.suppress(OSError):
                self.sock = self._to(address)
                break
        else:
            self.sock = self._to(self.found[-1])
        if self.context is not None:
            # The handshake comes after, so that it can be cut as well.
            self.sock = self.context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()

    def _to(self, address: str) -> socket.socket:
        left_s = self.ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return socket.create_connection((address, self.port), left_s)


def post(
    url: str, *, body: bytes, headers: Mapping[str, str], anywhere: bool = False, timeout_s: float = TIMEOUT_S
) -> Outcome:
    """Send ``body`` to ``url``. Raises nothing: what went wrong is in the outcome.

    A success is a status of 200 to 299; a redirect is a failure and is not followed.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        found = addresses.resolve(host, port, anywhere=anywhere)
    except addresses.Unreachable as reason:
        return Outcome(error=reason.reason)
    context = ssl.create_default_context() if parts.scheme == "https" else None
    connection = _Pinned(host, port, found, context, timeout_s)
    overdue = threading.Event()
    watch = threading.Timer(timeout_s, _cut, (connection, overdue))
    watch.daemon = True
    watch.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body=body, headers={**headers, "Connection": "close"})
        answer = connection.getresponse()
        answer.read(READ_BYTES)
        return _judged(answer)
    except ssl.SSLError:
        return Outcome(error="timeout" if overdue.is_set() else "tls_failed")
    except TimeoutError:
        return Outcome(error="timeout")
    except (OSError, http.client.HTTPException, ValueError):
        return Outcome(error="timeout" if overdue.is_set() else "connection_failed")
    finally:
        watch.cancel()
        connection.close()


def _cut(connection: _Pinned, overdue: threading.Event) -> None:
    """End a connection whose time is over, however slowly it drips."""
    overdue.set()
    if (sock := connection.sock) is not None:
        with contextlib.suppress(OSError):
            # Of the bare socket: TLS would change what another thread reads from.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _judged(answer: http.client.HTTPResponse) -> Outcome:
    status = answer.status
    if 200 <= status < 300:
        return Outcome(status)
    error = "gone" if status == 410 else "redirect" if 300 <= status < 400 else "status"
    wait = answer.getheader("Retry-After", "")
    return Outcome(
        status, error, float(wait) if wait.isascii() and wait.isdecimal() and len(wait) < 8 else 0.0
    )
