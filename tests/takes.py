"""Recordings by synthetic speakers, for tests, the browser's fake microphone and the demonstration.

Four flite voices stand in for four people. A take of any statement is spoken by flite where it is installed;
elsewhere it is put together from the committed phrases of `tests/data/takes` (made by `make_takes.py`), which
cover every challenge for `PERSON` and `ORGANISATION` on any day from 2026 to 2029.

flite says the same words the same way every time, bit for bit, and a real person never does. So every take
varies: pace and pitch of each phrase, pauses, level, room noise. The seed decides; the same seed gives the
same take on the same machine.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
import soxr

from accounts.gates.challenge import ChallengeSpec, make_challenge

DATA = Path(__file__).parent / "data" / "takes"
RATE_HZ = 16_000
VOICES = ("slt", "rms", "awb", "kal16")  # one woman, three men
STYLES = ("neutral", "sad", "cheerful")
PERSON = "Alex Morgan"
OTHER_PERSONS = ("Jordan Baker", "Maria Lopez")
ORGANISATION = "Harbor Studio"
PURPOSES = ("general", "narration", "dubbing", "assistant", "accessibility")

# Median pitch of each voice as flite speaks it, in Hz. rms takes no pitch settings.
_PITCH_HZ = {"slt": 182.0, "awb": 132.0, "kal16": 90.0}


class NoSuchTake(LookupError):
    """The words are not among the committed phrases and flite is not installed."""


@dataclass(frozen=True)
class Take:
    """A recording: mono float32 samples within +-1."""

    samples: np.ndarray
    sample_rate_hz: int
    voice: str
    transcript: str
    language: str = "en"

    def write_wav(self, path: Path, sample_rate_hz: int = 48_000) -> Path:
        """16-bit WAV, at the rate that browsers' fake microphones like."""
        samples = soxr.resample(self.samples, self.sample_rate_hz, sample_rate_hz)
        soundfile.write(path, np.clip(samples, -1, 1), sample_rate_hz, subtype="PCM_16")
        return path


def flite_installed() -> bool:
    return shutil.which("flite") is not None


def fixed_challenge(
    seed: int = 2026, date: dt.date = dt.date(2026, 11, 22), purposes: Sequence[str] = PURPOSES
) -> ChallengeSpec:
    """A challenge that is the same everywhere."""
    return make_challenge(
        person_name=PERSON,
        organisation=ORGANISATION,
        purposes=purposes,
        date=date,
        language="en",
        generator=np.random.default_rng(seed),
    )


def take(
    statement: str,
    voice: str = "slt",
    *,
    seed: int = 0,
    source: Literal["auto", "flite", "phrases"] = "auto",
    noise_db: float | None = None,
) -> Take:
    """``statement`` in ``voice``. NoSuchTake when it needs flite and flite is not there.

    ``source`` "auto" takes flite where it is installed. ``noise_db`` fixes the signal-to-noise ratio (35 to 45 dB
    by chance otherwise).
    """
    generator = np.random.default_rng([seed, VOICES.index(voice), len(statement)])
    if source == "auto":
        source = "flite" if flite_installed() else "phrases"
    pieces = (
        _speak(statement, voice, generator) if source == "flite" else _assemble(statement, voice, generator)
    )
    silence = [np.zeros(int(generator.uniform(0.12, 0.45) * RATE_HZ), np.float32) for _ in pieces]
    edge = [np.zeros(int(generator.uniform(0.35, 0.7) * RATE_HZ), np.float32) for _ in range(2)]
    joined = [part for pair in zip(pieces, silence, strict=True) for part in pair][:-1]
    samples = np.concatenate([edge[0], *joined, edge[1]])
    samples = samples * np.float32(generator.uniform(0.35, 0.8) / np.abs(samples).max())
    return Take(_with_room(samples, generator, noise_db), RATE_HZ, voice, statement)


def style_clip(voice: str, style: str) -> Take:
    """A committed clip of 4 to 9 s of ``voice`` in ``style``, with its exact transcript."""
    entry = _manifest()["styles"][f"{voice}-{style}"]
    samples, rate_hz = soundfile.read(DATA / entry["file"], dtype="float32")
    return Take(samples, rate_hz, voice, entry["transcript"])


@lru_cache(maxsize=1)
def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))
    return manifest


@lru_cache(maxsize=4)
def _phrases(voice: str) -> dict[str, np.ndarray]:
    entry = _manifest()["voices"][voice]
    samples, rate_hz = soundfile.read(DATA / entry["file"], dtype="float32")
    assert rate_hz == RATE_HZ
    return {text: samples[start : start + length] for text, (start, length) in entry["phrases"].items()}


def _assemble(statement: str, voice: str, generator: np.random.Generator) -> list[np.ndarray]:
    """The committed phrases that make up ``statement``, longest first, each a little faster or slower."""
    phrases = _phrases(voice)
    words = re.findall(r"[a-z']+", statement.lower())
    longest = max(len(text.split()) for text in phrases)
    pieces: list[np.ndarray] = []
    overall = generator.uniform(0.95, 1.05)
    at = 0
    while at < len(words):
        for count in range(min(longest, len(words) - at), 0, -1):
            clip = phrases.get(" ".join(words[at : at + count]))
            if clip is not None:
                break
        else:
            raise NoSuchTake(f"no committed phrase begins with {words[at]!r} in {statement!r}")
        pieces.append(_respeed(clip, overall * generator.uniform(0.97, 1.03)))
        at += count
    return pieces


def _speak(statement: str, voice: str, generator: np.random.Generator) -> list[np.ndarray]:
    """flite, one phrase after the other."""
    pace, pitch = generator.uniform(0.95, 1.2), generator.uniform(0.92, 1.1)
    pieces = []
    for phrase in re.split(r"(?<=[,.:])\s+", statement.strip()):
        samples = flite(
            phrase,
            voice,
            pace=pace * generator.uniform(0.96, 1.04),
            pitch=pitch * generator.uniform(0.97, 1.03),
        )
        pieces.append(_respeed(samples, generator.uniform(0.98, 1.02)))
    return pieces


def flite(text: str, voice: str, *, pace: float = 1.0, pitch: float = 1.0) -> np.ndarray:
    """``text`` by the flite program: mono float32 at 16 kHz, silence at both ends cut.

    ``pace`` above 1 is slower; ``pitch`` multiplies the median (without effect on rms).
    """
    settings = ["--setf", f"duration_stretch={pace:.4f}"]
    if voice in _PITCH_HZ:
        settings += ["--setf", f"int_f0_target_mean={_PITCH_HZ[voice] * pitch:.2f}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, *settings, "-t", text, "-o", str(path)], check=True)
        samples, rate_hz = soundfile.read(path, dtype="float32")
    return trimmed(samples if rate_hz == RATE_HZ else soxr.resample(samples, rate_hz, RATE_HZ))


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Without the silence at both ends (30 ms are left)."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    margin = int(0.03 * RATE_HZ)
    return samples[max(0, loud[0] - margin) : loud[-1] + margin]


def _respeed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Slower and lower (``factor`` above 1) or faster and higher, as a tape."""
    return np.asarray(soxr.resample(samples, RATE_HZ, RATE_HZ * factor), dtype=np.float32)


def _with_room(samples: np.ndarray, generator: np.random.Generator, noise_db: float | None) -> np.ndarray:
    """Low-passed noise under the whole take, so that no pause is digitally silent."""
    snr_db = generator.uniform(35, 45) if noise_db is None else noise_db
    noise = np.convolve(generator.normal(size=len(samples)), 0.7 ** np.arange(12), mode="same")
    loud = samples[np.abs(samples) > 0.05 * np.abs(samples).max()]
    noise *= np.sqrt(np.mean(np.square(loud))) * 10 ** (-snr_db / 20) / noise.std()
    return np.clip(samples + noise, -1, 1).astype(np.float32)
