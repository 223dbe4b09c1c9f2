"""What is arriving, for whoever watches."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Meter:
    """A `Progress`: one line that is rewritten on a terminal; elsewhere a line for each thing that arrives."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._text = ""
        self._shown = 0.0
        self._dirty = False

    def __call__(self, text: str, done: int, total: int) -> None:
        amount = f"{done / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"
        if not self._stream.isatty():
            if text != self._text:
                self._text = text
                self._write(f"  {text}" + (f"  {total / 1e6:.1f} MB" if total else "") + "\n")
            return
        if text == self._text and time.monotonic() - self._shown < 0.1 and done != total:
            return
        self._text, self._shown, self._dirty = text, time.monotonic(), True
        self._write(f"\r\x1b[K  {amount}  {text}")

    def close(self) -> None:
        """Leave the terminal's line clean."""
        if self._dirty:
            self._write("\r\x1b[K")
            self._dirty = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
