"""The service's HTTP interface as the demonstration uses it, with nothing but the standard library."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError

PATIENCE_S = 180.0


class Client:
    """Calls of one key at one address; CommandError where the service answers otherwise than was expected."""

    def __init__(self, address: str, key: str) -> None:
        self._address = address
        self._key = key
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> dict[str, Any]:
        return json.loads(self.raw(path))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """JSON (``json_body``) or a form (``fields`` and ``upload``: name and bytes) out, JSON back."""
        return json.loads(self._send("POST", path, **body))

    def raw(self, path: str) -> bytes:
        return self._send("GET", path)

    def refusal(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """The problem that the service answers with; CommandError when it does not refuse."""
        try:
            self._open(method, path, **body)
        except urllib.error.HTTPError as error:
            with error:
                return {"status": error.code, **json.loads(error.read())}
        raise CommandError(f"{method} {path} was not refused.")

    def wait(self, path: str, *, while_in: tuple[str, ...]) -> dict[str, Any]:
        """Ask until the state is another one."""
        deadline = time.monotonic() + PATIENCE_S
        while (answer := self.get(path))["state"] in while_in:
            if time.monotonic() > deadline:
                raise CommandError(f"{path} is still {answer['state']} after {PATIENCE_S:.0f} s.")
            time.sleep(0.3)
        return answer

    def _send(self, method: str, path: str, **body: Any) -> bytes:
        try:
            return self._open(method, path, **body)
        except urllib.error.HTTPError as error:
            with error:
                raise CommandError(
                    f"{method} {path} was refused: {error.code} {error.read().decode()}"
                ) from None

    def _open(
        self, method: str, path: str, *, json_body: Any = None, fields: Mapping[str, str] | None = None,
        upload: tuple[str, bytes] | None = None, anonymous: bool = False,
    ) -> bytes:  # fmt: skip
        where = urlsplit(path)  # links may carry the public address; the service is asked where it runs
        url = self._address + where.path + (f"?{where.query}" if where.query else "")
        request = urllib.request.Request(url, method=method)  # noqa: S310 - the operator's own address
        if not anonymous:
            request.add_header("Authorization", f"Bearer {self._key}")
        if upload is not None:
            request.data, kind = form(fields or {}, upload)
            request.add_header("Content-Type", kind)
        elif json_body is not None:
            request.data = json.dumps(json_body).encode()
            request.add_header("Content-Type", "application/json")
        with self._opener.open(request, timeout=120) as answer:
            return bytes(answer.read())


def form(fields: Mapping[str, str], upload: tuple[str, bytes]) -> tuple[bytes, str]:
    """A multipart/form-data body and its content type."""
    boundary = os.urandom(16).hex()
    name, data = upload
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    parts += [f"{head}Content-Type: audio/wav\r\n\r\n".encode(), data, f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"
