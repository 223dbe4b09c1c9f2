"""Status tiles: what each room says about itself on the home and status pages.

The shell knows nothing of the domain. Rooms that have something to say name a function in the setting
`PORTAL_TILES` (dotted paths, in display order), or in `PORTAL_OPERATOR_TILES` where only administrators shall see it;
each takes nothing and returns a `StatusTile`, or None to stay silent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)

Text = str | Promise
State = Literal["ok", "note", "problem", "unknown"]


@dataclass(frozen=True)
class StatusTile:
    """One fact about the running service, in words a visitor understands.

    `state` chooses the colour ("ok", "note", "problem", "unknown"); `facts` are (label, value) rows that only the
    status page shows; `banner` is a longer sentence that pages show while it holds (the preview engine's notice).
    """

    title: Text
    value: Text
    detail: Text = ""
    state: State = "ok"
    url: str = ""
    facts: tuple[tuple[Text, Text], ...] = field(default_factory=tuple)
    banner: Text = ""


def collect(setting: str = "PORTAL_TILES") -> list[StatusTile]:
    """Ask every room of the list for its tile. One that fails is shown as unknown, so that no fault hides the rest."""
    tiles = []
    for dotted_path in getattr(settings, setting, ()):
        try:
            make: Callable[[], StatusTile | None] = import_string(dotted_path)
            tile = make()
        except Exception:
            logger.exception("status tile %s failed", dotted_path)
            tile = StatusTile(title=dotted_path.rsplit(".", 2)[-2], value=_("No answer"), state="unknown")
        if tile is not None:
            tiles.append(tile)
    return tiles
