"""The one error of this room."""

from __future__ import annotations


class LocalError(RuntimeError):
    """Something the operator can mend; the text is one plain sentence that says how."""
