"""Connections that never say what they want are closed: uvicorn itself waits for the rest of a header for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WITHIN_S = 15.0


class PatientHttp(HttpToolsProtocol):
    """HTTP/1.1 whose request line and headers must be whole within ``HEADERS_WITHIN_S``, of the first and of each
    later request of a connection. What follows the headers is timed in `synth.common.bodies`.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._waiting is None:  # a later request; the first one's time began with the connection
            self._wait_for_headers()

    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()

    def _wait_for_headers(self) -> None:
        self._waiting = self.loop.call_later(HEADERS_WITHIN_S, self._give_up)

    def _headers_came(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_for_headers()  # an earlier request's answer is still being written
        elif not self.transport.is_closing():
            self.transport.close()
