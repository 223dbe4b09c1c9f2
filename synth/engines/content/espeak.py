"""Content in many languages from eSpeak NG (GPL-3.0-or-later), always in a process of its own.

The ``espeak-ng`` program is preferred. On a machine without it, the library that the ``espeakng-loader``
package carries is driven by the stand-alone program next to this file, spoken to over pipes.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from synth.audio.loudness import active_frames, frame_levels_db
from synth.engines.content.base import Rendering, clean, nothing_to_speak, run_program, spread_words
from synth.errors import AssentError

_WORDS_PER_MINUTE = 175
_CHILD = Path(__file__).with_name("espeak_child.py")
#: Language tag -> eSpeak voice, where the two differ. "cmn" alone would read hanzi as English letters.
VOICE_OF = {"en": "en-us", "zh": "cmn-latn-pinyin", "cmn": "cmn-latn-pinyin", "zh-hk": "yue", "pt": "pt-br"}
#: Offered by the engine, primary subtags; eSpeak has more, these were tried.
LANGUAGES = frozenset(
    ["de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "vi", "yue", "zh"]
)
_IDEOGRAPH = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々]")


def program() -> str | None:
    """Path of the espeak-ng program, or None."""
    return shutil.which("espeak-ng")


@functools.cache
def loader_installed() -> bool:
    """Whether the ``espeakng-loader`` package is there (it is looked up, not imported)."""
    return importlib.util.find_spec("espeakng_loader") is not None


def voice_for(language: str) -> str:
    """The eSpeak voice for a BCP 47 tag."""
    tag = language.lower().replace("_", "-")
    primary = tag.split("-")[0]
    return VOICE_OF.get(tag) or ("en-gb" if tag == "en-gb" else VOICE_OF.get(primary, primary))


@dataclass(frozen=True)
class EspeakVoice:
    """eSpeak NG in one language; ``path`` None means the bundled library in a child process."""

    path: str | None
    voice: str

    @property
    def label(self) -> str:
        return f"espeak-ng ({self.voice})" if self.path else f"espeak-ng library ({self.voice})"

    def render(self, text: str, *, pace: float) -> Rendering:
        text = clean(text)
        if not re.search(r"\w", text):
            raise nothing_to_speak()
        if self.voice == "ja" and _IDEOGRAPH.search(text):
            raise AssentError(
                "needs_kana", "The preview engine reads Japanese in kana only; please write kanji as kana."
            )
        speed = int(np.clip(round(_WORDS_PER_MINUTE * pace), 80, 450))
        return self._by_program(text, speed) if self.path else self._by_library(text, speed)

    def _by_program(self, text: str, words_per_minute: int) -> Rendering:
        with tempfile.TemporaryDirectory(prefix="assent-") as folder:
            wav = Path(folder) / "speech.wav"
            printed = run_program(
                [
                    str(self.path),
                    "-v",
                    self.voice,
                    "-s",
                    str(words_per_minute),
                    "-b",
                    "1",
                    "--stdin",
                    "-x",
                    "--sep=_",
                    "-w",
                    str(wav),
                ],
                stdin=text.encode(),
            ).decode("utf-8", "replace")
            if not wav.exists():
                raise nothing_to_speak()
            samples, rate = sf.read(io.BytesIO(wav.read_bytes()), dtype="float32")
        # Mnemonics are split by "_", words by blanks; "(en)" marks a change of language.
        words = [
            [p for p in w.split("_") if p.strip("|',; ")] for w in re.sub(r"\([a-z-]+\)", "", printed).split()
        ]
        counts = [len(w) for w in words if w]
        if not counts:
            raise nothing_to_speak()
        active = np.flatnonzero(active_frames(frame_levels_db(samples, rate))) * 0.01
        edges = (float(active[0]), float(active[-1])) if len(active) else (0.0, len(samples) / rate)
        return Rendering(samples, int(rate), sum(counts), spread_words(counts, *edges))

    def _by_library(self, text: str, words_per_minute: int) -> Rendering:
        request = {"text": text, "voice": self.voice, "words_per_minute": words_per_minute}
        answer = run_program([sys.executable, "-I", str(_CHILD)], stdin=json.dumps(request).encode())
        line, _, pcm = answer.partition(b"\n")
        header = json.loads(line)
        rate = int(header["sample_rate_hz"])
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
        if not len(samples) or not header["phones"]:
            raise nothing_to_speak()
        return Rendering(samples, rate, len(header["phones"]), [w / rate for w in header["words"]])
