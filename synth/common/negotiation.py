"""Content negotiation for programs that ask for one thing and want another.

Apart from `http`, because DRF's views import this class while they are being imported themselves.
"""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request


class IgnoreAcceptNegotiation(BaseContentNegotiation):
    """First parser that fits the body, first renderer, whatever Accept says."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        content_type = request.content_type.split(";")[0].strip().lower()
        return next((p for p in parsers if p.media_type == content_type), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
