"""Statements read by neural voices, for tests and benchmarks: they stand in for people in languages that flite lacks.

A statement is spoken sentence by sentence and each sentence is kept, in memory or in a folder, for a second of speech
takes about a second: takes that differ in one sentence cost one sentence.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from synth.engines.kokoro import reading
from synth.engines.kokoro.network import MODEL, Network
from synth.engines.kokoro.network import RATE_HZ as NEURAL_RATE_HZ
from synth.modelstore import store
from synth.recognition import MODEL_FOLDER
from synth.text.dictionary import NO_WORDS

RATE_HZ = 16_000
MODELS = Path(os.environ.get("ASSENT_MODELS_DIR") or Path(__file__).resolve().parents[1] / "var" / "models")
#: A person and an organisation who can be named in each language.
NAMES = {
    "es": ("Lucía Fernández", "Estudio del Puerto"),
    "fr": ("Camille Moreau", "Studio du Port"),
    "hi": ("अनिल शर्मा", "सागर स्टूडियो"),
    "it": ("Giulia Romano", "Studio del Porto"),
    "ja": ("田中健太", "港スタジオ"),
    "pt": ("Beatriz Almeida", "Estúdio do Porto"),
    "zh": ("张伟明", "海港工作室"),
}
_PREFIXES = {"es": "e", "fr": "f", "hi": "h", "it": "i", "ja": "j", "pt": "p", "zh": "z", "en": "ab"}
_PAUSE_S = 0.25
_PACE = 0.95


def can_speak(language: str) -> bool:
    """Whether the voices and the recogniser are installed and the language can be read here."""
    there = all(store.is_there(MODELS, model) for model in (MODEL, MODEL_FOLDER))
    return there and language in reading.languages()


def voices(language: str) -> list[str]:
    """Names of the voices whose own language this is, sorted."""
    return [name for name in _network().voices() if name[0] in _PREFIXES[language]]


def take(text: str, language: str, voice: str, folder: Path | None = None) -> np.ndarray:
    """``text`` as mono float32 at 16 kHz, with a quiet room under it. Sentences are kept in ``folder``."""
    sentences = [part for part in re.split(r"(?<=[.:。：।])\s*", text) if re.search(r"\w", part)]
    pause = np.zeros(int(_PAUSE_S * RATE_HZ), np.float32)
    parts = [part for one in sentences for part in (_kept(one, language, voice, folder), pause)]
    samples = np.concatenate([pause, pause, *parts, pause])
    samples = samples * np.float32(0.6 / np.abs(samples).max())
    noise = np.random.default_rng(len(samples)).normal(0, 8e-4, len(samples))
    return np.asarray(samples + noise, np.float32)


@lru_cache(maxsize=256)
def _kept(sentence: str, language: str, voice: str, folder: Path | None) -> np.ndarray:
    if folder is None:
        return _spoken(sentence, language, voice)
    key = hashlib.sha256(f"{sentence}|{language}|{_PACE}".encode()).hexdigest()[:16]
    path = folder / f"{voice}-{key}.ogg"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, _spoken(sentence, language, voice), RATE_HZ)
    samples, _ = soundfile.read(path, dtype="float32")
    return np.asarray(samples)


def _spoken(sentence: str, language: str, voice: str) -> np.ndarray:
    network = _network()
    lines, _ = reading.read(sentence, language, NO_WORDS)
    said = [network.say(line.symbols, network.styles(voice), _PACE) for line in lines]
    return np.asarray(soxr.resample(np.concatenate(said), NEURAL_RATE_HZ, RATE_HZ), np.float32) * 0.5


@lru_cache(maxsize=1)
def _network() -> Network:
    return Network(MODELS)
