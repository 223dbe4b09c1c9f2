"""API keys of programs that know nothing but an address: ``https://host/k/KEY/tts`` is ``/tts`` with that key.

The key is taken out of the path before anything else sees the request, so that no line of a process log, no page and no
link holds it. What stands in front of this service must not log it either (docs/deployment.md).
"""

from __future__ import annotations

import re

_KEYED = re.compile(r"/+k/(?P<key>[^/]+)(?P<path>/.*)?", re.DOTALL)


def split(path: str) -> tuple[str, str]:
    """The key in a path ("" where there is none) and the path that is meant."""
    found = _KEYED.fullmatch(path)
    if found is None:
        return "", path
    # Base addresses are written with a slash at their end and without.
    return found["key"], "/" + (found["path"] or "").lstrip("/")
