"""Where there is speech: silero-vad, loaded once per process."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from . import limits
from .report import Gate

Spans = list[tuple[float, float]]

_lock = threading.Lock()  # the model keeps state between chunks


@lru_cache(maxsize=1)
def _model() -> Any:
    from silero_vad import load_silero_vad

    return load_silero_vad()


def model_version() -> str:
    return f"silero-vad {version('silero-vad')}"


def speech_spans(samples: np.ndarray) -> Spans:
    """(start_s, end_s) of each stretch of speech in mono float32 ``samples`` at 16 kHz."""
    import torch
    from silero_vad import get_speech_timestamps

    with _lock:
        found = get_speech_timestamps(
            torch.from_numpy(samples.copy()), _model(), sampling_rate=limits.RATE_HZ
        )
    return [(span["start"] / limits.RATE_HZ, span["end"] / limits.RATE_HZ) for span in found]


def cut(samples: np.ndarray, spans: Spans) -> np.ndarray:
    """Only the stretches of speech of ``samples`` (16 kHz), joined."""
    pieces = [samples[int(a * limits.RATE_HZ) : int(b * limits.RATE_HZ)] for a, b in spans]
    return np.concatenate(pieces) if pieces else samples[:0]


def speech_gate(spans: Spans, duration_s: float, minimum_s: float) -> Gate:
    """At least half of the recording, and at least ``minimum_s``, is speech."""
    seconds = sum(b - a for a, b in spans)
    ratio = seconds / duration_s if duration_s > 0 else 0.0
    measured = {"ratio": round(ratio, 2), "seconds": round(seconds, 2)}
    limit = {"ratio": limits.MIN_SPEECH_RATIO, "seconds": minimum_s}
    if ratio < limits.MIN_SPEECH_RATIO or seconds < minimum_s:
        message = (
            f"Too little speech: {seconds:.1f} s in {duration_s:.1f} s. "
            f"At least {minimum_s:g} s and half of the recording are needed."
        )
        return Gate("speech", "fail", measured, limit, "", "too_little_speech", message)
    return Gate("speech", "pass", measured, limit, "")
