"""Context processor: what the drop zone takes, on whichever page it stands."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from synth.common.uploads import MIB, too_large
from watermark.limits import limits_of


def drop_zone(request: HttpRequest) -> dict[str, Any]:
    """Give templates `drop`, as it holds for whoever asks: `limit_mib`, `limit_minutes`, and the `refusal` that a
    larger file gets.
    """

    def drop() -> dict[str, Any]:
        user = getattr(request, "user", None)
        limits = limits_of("user" if user is not None and user.is_authenticated else "anonymous")
        return {
            "limit_mib": limits.upload_bytes // MIB,
            "limit_minutes": round(limits.duration_s / 60),
            "refusal": too_large(limits.upload_bytes),
        }

    return {"drop": SimpleLazyObject(drop)}  # most pages have no drop zone
