"""Sound and other bytes as an answer: whole, or the one range that a player asks for.

Players of some browsers refuse sound that cannot be read by ranges. The files here are bounded to some tens of
megabytes; they are read at once, which the ASGI server would do with a stream of blocking reads as well.
"""

from __future__ import annotations

import re
from typing import IO, Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})$")


def answer_with(
    request: HttpRequest,
    file: IO[bytes] | bytes | Any,
    *,
    media_type: str,
    filename: str = "",
    download: bool = False,
    ranges: bool = True,
) -> HttpResponse:
    """The content of `file` (closed), or these bytes; 206 for one satisfiable range, 416 for one that is not.

    Without ``ranges`` all of it: a second request would be answered with other bytes.
    """
    data = file if isinstance(file, bytes) else _read(file)
    response = HttpResponse(content_type=media_type)
    span = _span(request.headers.get("range", ""), len(data)) if ranges else None
    if span is None:
        response.content = data
    elif span[0] >= span[1]:
        response.status_code = 416
        response["Content-Range"] = f"bytes */{len(data)}"
    else:
        start, end = span
        response.status_code = 206
        response.content = data[start:end]
        response["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
    response["Accept-Ranges"] = "bytes" if ranges else "none"
    kind = "attachment" if download else "inline"
    response["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(filename)}" if filename else kind
    return response


def _read(file: IO[bytes]) -> bytes:
    with file:
        return file.read()


def _span(header: str, length: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of the bytes asked for; None for all. Several ranges at once are not offered."""
    match = _RANGE.match(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return max(0, length - int(last)), length
    return int(first), min(length, int(last) + 1) if last else length
