"""Tables that are opened in spreadsheets: no cell of them is ever a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that spreadsheets compute, full-width forms included
(https://owasp.org/www-community/attacks/CSV_Injection)."""


def sheet(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> bytes:
    """Rows of ``columns``, in their order, as CSV (RFC 4180) in UTF-8, with the mark by which spreadsheets know it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(neutral(value) for value in row.values())
    return out.getvalue().encode("utf-8-sig")


def neutral(value: Any) -> Any:
    """A cell as it is shown and never computed: a text that would begin a formula begins with an apostrophe, and
    blanks before it do not hide it."""
    if value is None:
        return ""
    if isinstance(value, str) and (value.startswith(_FORMULAS) or value.lstrip().startswith(_FORMULAS)):
        return f"'{value}"
    return value
