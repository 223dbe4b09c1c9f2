"""Tables that are opened in spreadsheets: no cell of them is ever a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that spreadsheets compute, full-width forms included
(https://owasp.org/www-community/attacks/CSV_Injection)."""


def sheet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows with the same names as CSV in UTF-8, with the mark by which spreadsheets know it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(rows[0] if rows else [])
    for row in rows:
        writer.writerow(neutral(value) for value in row.values())
    return out.getvalue().encode("utf-8-sig")


def neutral(value: Any) -> Any:
    """A cell as it is shown and never computed: a text that would begin a formula begins with an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULAS):
        return f"'{value}"
    return value
