"""Speech against a grammar with pocketsphinx: one English decoder per process, guarded by a lock."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from . import phones

_FRAMES_PER_S = 100
_lock = threading.Lock()


@dataclass(frozen=True)
class HeardWord:
    """A recognised word and where it is, in seconds."""

    text: str
    start_s: float
    end_s: float


def model_version() -> str:
    return f"pocketsphinx en-us {version('pocketsphinx')}"


@lru_cache(maxsize=1)
def _decoder() -> Any:
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16_000, lm=None, cmn="batch", loglevel="FATAL")
    decoder.add_jsgf_string("idle", "#JSGF V1.0; grammar idle; public <idle> = yes;")
    return decoder


def recognise(samples: np.ndarray, grammar: str, vocabulary: Iterable[str]) -> list[HeardWord] | None:
    """The sentence of the JSGF ``grammar`` closest to mono float32 ``samples`` at 16 kHz.

    None when no sentence fits. ``vocabulary`` is every word of the grammar: those the dictionary lacks are
    given their `phones.pronunciations` first (ValueError when a word has none).
    """
    pcm = _pcm(samples)
    with _lock:
        decoder = _decoder()
        for word in set(vocabulary):
            _ensure_word(decoder, word)
        decoder.add_jsgf_string("statement", grammar)
        decoder.activate_search("statement")
        try:
            decoder.start_utt()
            decoder.process_raw(pcm, no_search=False, full_utt=True)
            decoder.end_utt()
            if decoder.hyp() is None:
                return None
            segments = [(s.word, s.start_frame, s.end_frame) for s in decoder.seg()]
        finally:
            decoder.activate_search("idle")  # the search in use cannot be removed
            decoder.remove_search("statement")
    return [
        HeardWord(re.sub(r"\(\d+\)$", "", text), start / _FRAMES_PER_S, (end + 1) / _FRAMES_PER_S)
        for text, start, end in segments
        if not text.startswith(("<", "["))
    ]


def _pcm(samples: np.ndarray) -> bytes:
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-9)
    return (samples * np.float32(0.6 * 32767 / peak)).astype("<i2").tobytes()


def _ensure_word(decoder: Any, word: str) -> None:
    if decoder.lookup_word(word) is not None:
        return
    found = phones.pronunciations(word)
    if not found:
        raise ValueError(f"no pronunciation for {word!r}")
    for number, pronunciation in enumerate(found, 1):
        decoder.add_word(word if number == 1 else f"{word}({number})", " ".join(pronunciation), True)
