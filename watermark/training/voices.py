"""Synthetic voices of the programs that are installed, in three sets that share no voice.

"train" is learned from, "tune" chooses thresholds, "report" is only ever measured. Languages and variants
of espeak-ng are split both, so that a voice of one set shares neither with a voice of another.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from synth.engines.base import ReferenceClip, SpeakRequest
from synth.engines.preview import PreviewEngine
from synth.errors import AssentError

Split = Literal["train", "tune", "report"]
SPLITS: tuple[Split, ...] = ("train", "tune", "report")

_FLITE: dict[Split, tuple[str, ...]] = {
    "train": ("slt", "kal16", "awb"),
    "tune": ("kal",),
    "report": ("rms",),
}
_FESTIVAL: dict[Split, tuple[str, ...]] = {
    "train": (
        "kal_diphone", "lp_diphone", "czech_dita", "czech_krb", "czech_machac", "suo_fi_lj_diphone",
        "hy_fi_mv_diphone", "cmu_us_slt_arctic_hts", "upc_ca_ona_hts",
    ),
    "tune": ("czech_ph",),
    "report": ("ked_diphone", "pc_diphone"),
}  # fmt: skip
_LANGUAGES: dict[Split, tuple[str, ...]] = {
    "train": (
        "en-us", "en-gb", "en-gb-x-rp", "en-029", "fr-fr", "es", "it", "pt-br", "nl", "da", "nb", "fi", "hu", "cs",
        "el", "ru", "uk", "bg", "hr", "ro", "tr", "ar", "fa", "hi", "bn", "ta", "te", "ja", "vi", "id", "ms", "sw",
        "af", "cy", "et", "lv", "sq", "ka", "hy", "eo", "la", "yue",
    ),
    "tune": ("en-gb-scotland", "fr-be", "sk", "sl", "es-419", "mr", "kk", "eu"),
    "report": ("en-us-nyc", "de", "cmn", "pl", "sv", "ko", "lt", "pt", "ur", "ga", "is", "mk"),
}  # fmt: skip
_VARIANTS: dict[Split, tuple[str, ...]] = {
    "train": (
        "m1", "m2", "m3", "m4", "m6", "m7", "f1", "f2", "f3", "f4", "klatt", "klatt2", "klatt4", "klatt6", "croak",
        "whisper", "Andy", "Annie", "adam", "anika", "belinda", "boris", "david", "ed", "Gene", "grandma", "Iven",
        "Jacky", "john", "linda", "marco", "Mario", "max", "michel", "miguel", "norbert", "paul", "quincy", "rob",
        "shelby", "steph", "Tweaky", "victor", "zac",
    ),
    "tune": ("klatt5", "Alex", "edward", "Lee", "sandro", "Diogo", "Michael"),
    "report": ("m5", "m8", "f5", "klatt3", "Alicia", "Denis", "robert", "travis", "pedro", "caleb"),
}  # fmt: skip


@dataclass(frozen=True)
class SyntheticVoice:
    """engine: "flite", "festival" or "espeak-ng". name: as the engine takes it ("rms", "de+f5")."""

    engine: str
    name: str

    def __str__(self) -> str:
        return f"{self.engine}:{self.name}"


def installed() -> set[str]:
    """Engines whose programs are on the path."""
    programs = {"flite": "flite", "festival": "text2wave", "espeak-ng": "espeak-ng"}
    return {engine for engine, program in programs.items() if shutil.which(program)}


def all_voices(split: Split) -> set[str]:
    """Every voice that `draw_voice` can return for a set, as text."""
    return {
        *(f"flite:{name}" for name in _FLITE[split]),
        *(f"festival:{name}" for name in _FESTIVAL[split]),
        *(f"espeak-ng:{lang}+{variant}" for lang in _LANGUAGES[split] for variant in _VARIANTS[split]),
    }


def draw_voice(split: Split, generator: np.random.Generator) -> SyntheticVoice:
    """A voice of the set. Half espeak-ng (many voices, little alike), the rest recorded speakers."""
    engines = sorted(installed())
    if not engines:
        raise RuntimeError("none of flite, festival and espeak-ng is installed")
    weight = {"espeak-ng": 0.5, "flite": 0.3, "festival": 0.2}
    share = np.array([weight[engine] for engine in engines])
    engine = engines[int(generator.choice(len(engines), p=share / share.sum()))]
    if engine == "espeak-ng":
        return SyntheticVoice(
            engine, f"{_pick(_LANGUAGES[split], generator)}+{_pick(_VARIANTS[split], generator)}"
        )
    return SyntheticVoice(engine, _pick((_FLITE if engine == "flite" else _FESTIVAL)[split], generator))


def _pick(names: tuple[str, ...], generator: np.random.Generator) -> str:
    return names[int(generator.integers(len(names)))]


def speak(voice: SyntheticVoice, text: str, generator: np.random.Generator) -> tuple[np.ndarray, int]:
    """Speech float32 (n,) and its rate in Hz, with the pitch and pace that the draw gives.

    Raises RuntimeError when the voice is not installed or says nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.wav")
        given = None
        if voice.engine == "flite":
            pace, pitch = generator.uniform(0.8, 1.3), generator.uniform(0.75, 1.3)
            middle = {"slt": 180, "rms": 100, "awb": 120}.get(voice.name, 105)
            command = ["flite", "-voice", voice.name, "-t", text, "-o", out]
            command += ["--setf", f"duration_stretch={pace:.2f}"]
            command += ["--setf", f"int_f0_target_mean={middle * pitch:.0f}"]
        elif voice.engine == "espeak-ng":
            command = ["espeak-ng", "-v", voice.name, "-w", out, "-p", str(generator.integers(10, 90))]
            command += ["-s", str(generator.integers(110, 230)), "-g", str(generator.integers(0, 8)), text]
        else:
            command, given = ["text2wave", "-eval", f"(voice_{voice.name})", "-o", out], text
        done = subprocess.run(command, input=given, text=True, capture_output=True, timeout=60, check=False)
        if done.returncode or not Path(out).exists():
            raise RuntimeError(f"{voice} cannot speak: {done.stderr[-120:]}")
        samples, rate_hz = soundfile.read(out, dtype="float32")
    if len(samples) < rate_hz // 2 or not np.abs(samples).max():
        raise RuntimeError(f"{voice} said nothing")
    return samples, rate_hz


def imitate(samples: np.ndarray, rate_hz: int, generator: np.random.Generator) -> tuple[np.ndarray, int]:
    """Other words, English, by the preview engine in the voice of a clip; pronounced by voices of "train" only.

    Raises RuntimeError when the engine cannot, for want of flite or of a clip that serves.
    """
    clip = ReferenceClip(samples, rate_hz, "", "en")
    request = SpeakRequest(sentence(generator), "en", [clip], clip, seed=int(generator.integers(2**31)))
    try:
        speech = _preview_engine().speak(request)
    except AssentError as error:
        raise RuntimeError(f"not imitated: {error.code}") from error
    return speech.samples, speech.sample_rate_hz


@cache
def _preview_engine() -> PreviewEngine:
    return PreviewEngine(excluded_voices=_FLITE["tune"] + _FLITE["report"], sources=["flite"])


_NOUNS = (
    "river", "window", "teacher", "garden", "letter", "engine", "morning", "village", "doctor", "bridge",
    "harbour", "market", "camera", "winter", "neighbour", "story", "mountain", "kitchen", "forest",
    "journey", "question", "painter", "candle", "station", "orchard", "planet", "shadow", "carpenter",
    "island",
)  # fmt: skip
_VERBS = (
    "found", "carried", "opened", "noticed", "painted", "followed", "repaired", "remembered", "crossed",
    "measured", "borrowed", "heard",
)  # fmt: skip
_ADJECTIVES = (
    "quiet", "yellow", "enormous", "careful", "broken", "early", "distant", "gentle", "hollow", "curious",
    "heavy", "silver",
)  # fmt: skip
_PLACES = (
    "near the old mill", "behind the church", "on the far side", "under the stairs", "before the storm",
    "after lunch", "at six thirty", "without a word", "for eleven days", "in the north wind",
    "beside the railway", "last Thursday",
)  # fmt: skip
_ONSETS = (
    "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr", "pl", "sk",
)  # fmt: skip


def sentence(generator: np.random.Generator, words: int = 16) -> str:
    """A few seconds of text: English by a small grammar, or syllables and numbers for any language."""
    if generator.random() < 0.6:
        parts = [
            f"The {_pick(_ADJECTIVES, generator)} {_pick(_NOUNS, generator)}"
            f" {_pick(_VERBS, generator)} a {_pick(_NOUNS, generator)}"
            f" {_pick(_PLACES, generator)}"
            for _ in range(max(1, words // 8))
        ]
        return ", and ".join(parts) + "."
    made = []
    for _ in range(words // 2):
        if generator.random() < 0.2:
            made.append(str(generator.integers(10 ** int(generator.integers(1, 5)))))
        else:
            syllables = int(generator.integers(2, 5))
            made.append("".join(_syllable(generator) for _ in range(syllables)))
    return ", ".join(" ".join(made[k : k + 4]) for k in range(0, len(made), 4)) + "."


def _syllable(generator: np.random.Generator) -> str:
    return _pick(_ONSETS, generator) + "aeiou"[int(generator.integers(5))]
