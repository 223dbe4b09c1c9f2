"""English content from the ``flite`` program (a separate program; BSD-like licence)."""

from __future__ import annotations

import functools
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import soundfile as sf

from synth.engines.content.base import Rendering, clean, nothing_to_speak, run_program

#: Voices worth using, with their usual F0 median in Hz.
VOICE_F0_HZ = {"slt": 170.0, "rms": 99.0, "awb": 125.0, "kal16": 104.0}
_ASCII = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": ", ", "…": "...", "&": " and "}
)


def program() -> str | None:
    """Path of the flite program, or None."""
    return shutil.which("flite")


@functools.lru_cache(maxsize=4)
def installed_voices(path: str) -> tuple[str, ...]:
    """Names of the voices that this flite has and that we use, diphone voices last."""
    listed = run_program([path, "-lv"]).decode("utf-8", "replace").split(":", 1)[-1].split()
    return tuple(name for name in VOICE_F0_HZ if name in listed)


@dataclass(frozen=True)
class FliteVoice:
    """One flite voice."""

    path: str
    name: str

    @property
    def label(self) -> str:
        return f"flite ({self.name})"

    def render(self, text: str, *, pace: float) -> Rendering:
        words = _to_ascii(text)
        if not re.search(r"[A-Za-z0-9]", words):
            raise nothing_to_speak()
        with tempfile.TemporaryDirectory(prefix="assent-") as folder:
            wav = Path(folder) / "speech.wav"
            stretch = f"duration_stretch={1 / pace:.4f}"
            ends = self._phones(words, wav, "--setf", stretch)
            samples, rate = sf.read(wav, dtype="float32")
        spoken = [i for i, (phone, _) in enumerate(ends) if phone != "pau"]
        if not spoken:
            raise nothing_to_speak()
        starts = [ends[i - 1][1] if i else 0.0 for i in spoken]
        return Rendering(samples, int(rate), len(spoken), self._word_starts(words, starts))

    def _phones(self, text: str, wav: Path, *options: str) -> list[tuple[str, float]]:
        """Speak into ``wav``; (phone, end in seconds) in order."""
        command = [self.path, "-voice", self.name, *options, "-t", text, "-psdur", "-o", str(wav)]
        printed = run_program(command).decode("utf-8", "replace").split()
        pairs = (item.rsplit(":", 1) for item in printed if ":" in item)
        return [(phone, float(end)) for phone, end in pairs]

    def _word_starts(self, text: str, phone_starts: list[float]) -> list[float]:
        """Where words begin: flite names no words, so each is spoken alone (one call) to count its phones."""
        words = [w for w in re.findall(r"[\w']+", text) if re.search(r"\w", w)]
        counts: list[int] = [0]
        for phone, _ in self._phones(". ".join(words) + ".", Path("/dev/null")):
            if phone != "pau":
                counts[-1] += 1
            elif counts[-1]:
                counts.append(0)
        counts = [c for c in counts if c]
        scale = len(phone_starts) / max(1, sum(counts))
        position, out = 0.0, []
        for count in counts:
            out.append(phone_starts[min(round(position), len(phone_starts) - 1)])
            position += count * scale
        return out


def _to_ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", clean(text.translate(_ASCII)))
    line = plain.encode("ascii", "ignore").decode().strip().lstrip("-")
    return line if line.endswith((".", "!", "?")) else line.rstrip(",;: ") + "."
