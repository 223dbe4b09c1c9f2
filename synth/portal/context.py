"""Context processor of the shell: the visitor's theme."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

THEME_COOKIE = "theme"
THEMES = ("light", "dark")


def portal(request: HttpRequest) -> dict[str, Any]:
    """Give templates `theme`: "light", "dark", or "" to follow the system."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {"theme": theme if theme in THEMES else ""}
