"""Context processor: what the drop zone takes, on whichever page it stands."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from synth.common.uploads import MIB, too_large
from watermark.limits import limits_of


def drop_zone(request: HttpRequest) -> dict[str, Any]:
    """Give templates `drop`, as it holds for whoever asks: `limit_mib`, `limit_minutes`, and the `refusal` that a
    larger file gets.
    """
    user = getattr(request, "user", None)
    limits = limits_of("user" if user is not None and user.is_authenticated else "anonymous")
    return {
        "drop": {
            "limit_mib": limits.upload_bytes // MIB,
            "limit_minutes": round(limits.duration_s / 60),
            "refusal": too_large(limits.upload_bytes),
        }
    }
