"""Synthetic speech for benchmarks: programs that are installed, sentences of our own, nothing downloaded.

Figures are reported on flite's voices, on which nothing was tuned; espeak-ng's stand for anybody else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile

REPORT_VOICES = ("slt", "rms", "awb", "kal16")  # of flite
OTHER_VOICES = tuple(
    f"espeak:{language}+{variant}"
    for language, variant in (
        ("de", "m1"), ("fr", "f2"), ("es", "m4"), ("it", "f4"), ("ru", "m2"), ("cmn", "f1"), ("ja", "f5"),
        ("hi", "m6"), ("pt-br", "f3"), ("pl", "m7"), ("nl", "m5"), ("sv", "f2"), ("tr", "m3"), ("fi", "f1"),
        ("en-us", "m8"), ("en-gb-scotland", "f4"), ("ko", "m1"), ("cs", "f5"), ("el", "m4"), ("hu", "f3"),
    )
)  # fmt: skip

SENTENCES = (
    "The library opens at nine on weekdays, but the reading room on the second floor stays closed until noon.",
    "After the storm had passed, the villagers walked down to the shore and looked for what the sea had left.",
    "Nobody on the train noticed that the old man by the window had been drawing their faces all morning.",
    "We are going to need two more chairs, a longer table, and somebody who can explain the seating plan.",
    "The recipe asks for three eggs and a cup of flour, yet my grandmother always used four and never measured.",
    "When the lights went out, the orchestra kept playing, and for a while the audience sat in perfect darkness.",
    "It took the surveyors eleven days to reach the source of the river, and they found a small grey pond.",
    "Her answer was short and friendly, although everyone in the office could hear how tired she must have been.",
    "Every spring the swallows return to the same barn and repair the nests that the winter has damaged.",
    "The engine would not start in the cold, so they pushed the car slowly up the hill and let it roll down.",
    "A good map shows not only the roads and the bridges, but also the places where travellers tend to get lost.",
    "They had agreed to meet under the clock at six, and at a quarter past seven he was still waiting there.",
    "The witness remembered the colour of the coat, the sound of the door, and very little of anything else.",
    "Most visitors come for the castle and the gardens, and hardly anyone climbs the tower behind the church.",
    "Seventeen copies of the letter were printed, and by the end of the week all but one had disappeared.",
    "In the evening the wind turned to the north, and the fishermen decided to stay in harbour another night.",
)


@dataclass(frozen=True)
class Clip:
    """One synthetic utterance: float32 (n,), the voice that spoke it, and a name to report misses by."""

    name: str
    voice: str
    samples: np.ndarray
    sample_rate_hz: int


def require_programs(bench: str, *names: str) -> None:
    """End the benchmark with one sentence where programs that it needs are not on the path."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        sys.exit(f"{bench} needs these programs: {', '.join(missing)}")


def require_pesq(bench: str) -> None:
    """The same for the package `pesq`, which a benchmark must not find missing at its end."""
    if find_spec("pesq") is None:
        sys.exit(f"{bench} needs the package pesq for these parts (pip install 'assent[bench]', needs g++)")


def speak(voice: str, text: str) -> tuple[np.ndarray, int]:
    """Speech of one voice: "flite:slt", "espeak:de+m1"."""
    engine, name = voice.split(":")
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.wav")
        if engine == "flite":
            subprocess.run(["flite", "-voice", name, "-t", text, "-o", out], check=True)
        else:
            subprocess.run(["espeak-ng", "-v", name, "-w", out, text], check=True)
        samples, rate = soundfile.read(out, dtype="float32")
    return samples, rate


def report_clips(count: int) -> list[Clip]:
    """Clips of flite's voices in turn, each another sentence, 5 to 8 s: never used for tuning."""
    clips = []
    for index in range(count):
        voice = REPORT_VOICES[index % len(REPORT_VOICES)]
        text = SENTENCES[(index // len(REPORT_VOICES) + 4 * (index % len(REPORT_VOICES))) % len(SENTENCES)]
        samples, rate = speak(f"flite:{voice}", text)
        clips.append(Clip(f"{voice}-{index:02d}", voice, samples, rate))
    return clips


def unmarked_pieces(count: int, seconds: float = 3.0) -> Iterator[Clip]:
    """Unmarked speech in pieces of `seconds`, each from its own utterance or place, over all voices."""
    voices = [*(f"flite:{name}" for name in REPORT_VOICES), *OTHER_VOICES]
    made = 0
    round_number = 0
    while made < count:
        for index, voice in enumerate(voices):
            text = " ".join(SENTENCES[(index + 5 * round_number + k) % len(SENTENCES)] for k in range(2))
            samples, rate = speak(voice, text)
            size = int(seconds * rate)
            for start in range(size // 10, len(samples) - size, size):
                yield Clip(f"{voice}-{round_number}-{start}", voice, samples[start : start + size], rate)
                made += 1
                if made == count:
                    return
        round_number += 1
