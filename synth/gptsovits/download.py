"""Fetching one file over HTTP, going on where an interrupted download ended."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from synth.errors import AssentError
from synth.gptsovits.trust_record import CHUNK_BYTES, Progress


def download(url: str, partial: Path, name: str, on_progress: Progress | None) -> None:
    """Append to ``partial`` what it lacks; raises AssentError when the server does not give it."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise AssentError("models_mirror", "The mirror must be an http or https address.")
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            if have and answer.status != 206:
                have = 0  # the server starts again from the beginning
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            with partial.open("ab" if have else "wb") as file:
                while chunk := answer.read(CHUNK_BYTES):
                    file.write(chunk)
                    have += len(chunk)
                    if on_progress is not None:
                        on_progress(name, have, total)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return  # nothing is missing; the checks that follow judge the file
        raise AssentError("models_fetch", f"The mirror answered {error.code} for {name}.") from error
    except (OSError, ValueError) as error:
        raise AssentError("models_fetch", f"{name} could not be downloaded: {error}.") from error
    if total is not None and have != total:
        raise AssentError(
            "models_fetch",
            f"The download of {name} was interrupted; fetch again to go on.",
            measured=have,
            limit=total,
        )
