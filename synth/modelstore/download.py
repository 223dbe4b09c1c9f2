"""One file by HTTP from a mirror that the operator names; goes on where it was interrupted."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from synth.errors import AssentError
from synth.modelstore.carriers import Progress

_CHUNK_BYTES = 1 << 20


def download(
    url: str, partial: Path, name: str, on_progress: Progress | None = None, limit_bytes: int | None = None
) -> None:
    """Append to ``partial`` what it lacks of ``url``.

    Raises AssentError ``models_mirror`` for an address that is not http(s), ``models_fetch`` when the server does
    not give the file, ``models_size`` when it gives more than ``limit_bytes``.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise AssentError("models_mirror", "The mirror must be an http or https address.")
    have = partial.stat().st_size if partial.exists() else 0
    if limit_bytes is not None and have == limit_bytes:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            if have and answer.status != 206:
                have = 0  # the server starts again from the beginning
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else 0
            with partial.open("ab" if have else "wb") as file:
                while chunk := answer.read(_CHUNK_BYTES):
                    have += len(chunk)
                    if limit_bytes is not None and have > limit_bytes:
                        raise AssentError(
                            "models_size",
                            f"The mirror's {name} is too large.",
                            measured=have,
                            limit=limit_bytes,
                        )
                    file.write(chunk)
                    if on_progress is not None:
                        on_progress(name, have, total)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:
            return  # nothing is missing; the checks that follow judge the file
        raise AssentError("models_fetch", f"The mirror answered {error.code} for {name}.") from error
    except (OSError, ValueError) as error:
        raise AssentError("models_fetch", f"{name} could not be downloaded: {error}.") from error
    if total and have != total:
        raise AssentError(
            "models_fetch",
            f"The download of {name} was interrupted; fetch again to go on.",
            measured=have,
            limit=total,
        )
