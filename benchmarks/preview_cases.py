"""References and sentences on which the preview engine is judged.

The references are flite voices whose pitch, range, pace, pauses, breath and level are changed to make them
sad or happy. The sentences below were not used while the engine was tuned, and the content never comes
from the voice of the reference.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.audio.edit import edit
from synth.engines.base import ReferenceClip
from synth.engines.content import flite
from synth.engines.preview import PreviewEngine

VOICES = ("slt", "rms", "awb")
EMOTIONS: dict[str, dict[str, Any]] = {
    "neutral": {"level_db": -22.0},
    "sad": {"f0_ratio": 0.84, "range_ratio": 0.4, "tempo": 1 / 1.35, "breath": 0.1,
            "pauses_s": (0.5, 0.5, 0.5), "level_db": -29.0},
    "happy": {"f0_ratio": 1.22, "range_ratio": 1.7, "tempo": 1 / 0.84, "level_db": -18.0},
}  # fmt: skip
TRANSCRIPT = (
    "The harbor lights were still burning when we came home, and nobody asked us where we had been"
    " all that long evening."
)
HELD_OUT_TRANSCRIPT = "A gray mare walked before the colt while the children watched from the garden wall."
#: Not used in tuning. 334 words: one more or less of them moves a rate of word errors by 0.003.
SENTENCES = (
    "The wide road shimmered in the hot sun, and the lazy cow lay in the cool grass.",
    "Lift the square stone over the fence before the rope breaks.",
    "The hat brim was wide and too droopy for a man of his age.",
    "Smoky fires lack flame and heat, so we carried dry wood from the barn.",
    "Her purse was full of useless trash and three letters from the bank.",
    "The stray cat gave birth to kittens under the stairs of the old theater.",
    "Take the winding path to reach the lake, but turn back when it grows dark.",
    "The ship was torn apart on the sharp reef during the second night.",
    "Sickness kept him home for the third week of the month.",
    "The pipe began to rust while it was new, and the plumber would not come.",
    "Cars and buses stalled in snow drifts all along the northern highway.",
    "A dash of pepper spoils beef stew, or so my grandmother always told us.",
    "The empty flask stood on the tin tray beside a bowl of green apples.",
    "A speedy man can beat this track mark if the wind is behind him.",
    "He broke a new shoelace that day and came down late for his breakfast.",
    "The coffee stand is too high for the couch, so we moved it out.",
    "The urge to write short stories is rare among the men of our village.",
    "The pencils have all been used, and nobody remembered to buy a new box.",
    "The pirates seized the crew of the lost ship and sailed to the south.",
    "We tried to replace the coin but failed, because the shop was already closed.",
    "She sewed the torn coat quite neatly and hung it behind the kitchen door.",
    "The sofa cushion is red and of light weight, as every guest has told us.",
    "The jacket hung on the back of the wide chair until the end of winter.",
    "At that high level the air is pure, and the view goes on for miles.",
)


@dataclass(frozen=True)
class Case:
    """One row of the table: whose voice, how it is said, which program pronounces the words."""

    voice: str
    emotion: str
    source: str = "flite"

    @property
    def label(self) -> str:
        return f"{self.voice}_{self.emotion}_{self.source.replace('-', '')}"

    def engine(self, **options: Any) -> PreviewEngine:
        """An engine that must not take its content from the reference's own voice."""
        return PreviewEngine(excluded_voices=[self.voice], sources=[self.source], **options)


@functools.cache
def plain(voice: str, text: str) -> tuple[npt.NDArray[np.float32], int]:
    """The untouched flite voice."""
    said = flite.FliteVoice(str(flite.program()), voice).render(text, pace=1.0)
    return said.samples, said.sample_rate_hz


@functools.cache
def reference(voice: str, emotion: str) -> ReferenceClip:
    """The style clip of a case."""
    samples, rate = edit(*plain(voice, TRANSCRIPT), **EMOTIONS[emotion])
    return ReferenceClip(samples, rate, TRANSCRIPT, "en", emotion)
