"""Style clips for a seeded voice: the committed takes of one synthetic speaker."""

from __future__ import annotations

import numpy as np

from tests import takes

SPEAKER = "awb"


def style_clip(name: str) -> tuple[np.ndarray, int, str]:
    """(samples, sample_rate_hz, transcript) of the speaker's clip in this style."""
    clip = takes.style_clip(SPEAKER, name)
    return clip.samples, clip.sample_rate_hz, clip.transcript
