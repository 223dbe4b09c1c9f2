"""What a program that pronounces text gives us, and how text is cleaned before it is handed over."""

from __future__ import annotations

import os
import re
import subprocess
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synth.errors import AssentError, Unavailable

#: Longest that one sentence may take to be pronounced.
TIMEOUT_S = 30.0
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}


@dataclass(frozen=True, eq=False)
class Rendering:
    """One sentence as pronounced: float32 mono samples, how many phones it has, where words begin."""

    samples: npt.NDArray[np.float32]
    sample_rate_hz: int
    phones: int
    word_starts_s: list[float]


class ContentVoice(Protocol):
    """One voice of one program. ``label`` is what the result page names, e.g. "flite (rms)"."""

    @property
    def label(self) -> str: ...

    def render(self, text: str, *, pace: float) -> Rendering:
        """Pronounce one sentence at ``pace`` times the program's own tempo; equal calls, equal samples.

        Raises AssentError ``nothing_to_speak`` when the text has nothing that can be pronounced.
        """
        ...


def clean(text: str) -> str:
    """Printable text on one line; brackets that speech programs take as commands are dropped."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return re.sub(r"\s+", " ", re.sub(r"[\[\]<>{}|^~\\`]", " ", text)).strip()


def run_program(command: Sequence[str], *, stdin: bytes = b"") -> bytes:
    """Run a speech program with a bare environment; its output, or Unavailable ``content_failed``."""
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, timeout=TIMEOUT_S, env=_ENVIRONMENT, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable("content_failed", "The program that pronounces the text failed.") from error
    return done.stdout


def nothing_to_speak() -> AssentError:
    return AssentError("nothing_to_speak", "The text holds nothing that can be spoken.")


def spread_words(phones_per_word: Sequence[int], start_s: float, end_s: float) -> list[float]:
    """Word starts when only phone counts are known: phones are taken to be equally long."""
    total = max(1, sum(phones_per_word))
    before = np.concatenate([[0], np.cumsum(phones_per_word)[:-1]]) if len(phones_per_word) else np.zeros(0)
    return [float(start_s + (end_s - start_s) * b / total) for b in before]
