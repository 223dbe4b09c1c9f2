"""Words in which the pages name formats of scripts and what was left out of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FORMAT_LABELS: dict[str, Promise] = {
    "csv": _("CSV: a table with a column “text”"),
    "json": _("JSON"),
    "srt": _("SRT: subtitles with times"),
    "vtt": _("VTT: subtitles with times"),
    "txt": _("plain text: each line of it is one"),
}

WARNINGS: dict[str, Promise] = {
    "columns_ignored": _("Not read, for no line has a field of this name:"),
    "nothing_to_say": _("Left out, for there is nothing to say in it."),
}


def warning_rows(warnings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was left out of a script, with words for it."""
    return [
        {
            "line": row.get("line"),
            "said": WARNINGS.get(row["code"], row["code"]),
            "names": row.get("names", []),
        }
        for row in warnings
    ]
