"""Training material made on the machine: one array of speech, and where each clip lies in it.

Same seed, same programs, same sound. What is not speech needs no store: `sounds` makes it as it is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from watermark.codec.parameters import SAMPLE_RATE_HZ
from watermark.codec.resample import resample

from .voices import Split, draw_voice, imitate, sentence, speak

SAMPLES_FILE, INDEX_FILE = "speech.npy", "speech.json"
IMITATED = 0.06  # of the clips to train on, by the preview engine
BAND_RATES_HZ = (8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True)
class Piece:
    """One clip of the store: where it lies in the array of samples, and who speaks."""

    start: int
    length: int
    voice: str


def clips(
    split: Split, seed: int, *, words: int = 16, varied: bool = True
) -> Iterator[tuple[np.ndarray, str]]:
    """Endless clips of a set of voices: float32 (n,) at 16 kHz, peak at most 0.95, and the voice.

    Beside the engine's own pitch and pace, a third are shifted (pitch and formants), a third go through
    another sample rate, some through a colouring filter, a little room or noise. Some of the training clips are
    the preview engine's imitations of the voice. varied=False leaves them as
    the engine gives them, at a drawn level.
    """
    for index in range(10**9):
        generator = np.random.default_rng([seed, ("train", "tune", "report").index(split), index])
        voice = draw_voice(split, generator)
        try:
            samples, rate_hz = speak(voice, sentence(generator, words), generator)
            if split == "train" and generator.random() < IMITATED:
                samples, rate_hz = imitate(samples, rate_hz, generator)
        except RuntimeError:
            continue  # something that this machine lacks: the next draw is another one
        if not varied:
            samples = _levelled(resample(samples, rate_hz, SAMPLE_RATE_HZ), generator)
        yield (vary(samples, rate_hz, generator) if varied else samples), str(voice)


def vary(samples: np.ndarray, rate_hz: int, generator: np.random.Generator) -> np.ndarray:
    """Clip at 16 kHz with a drawn source rate, formant shift, colour, room, noise floor and level."""
    if generator.random() < 0.35:  # played at another speed: pitch, formants and pace together
        rate_hz = int(rate_hz * generator.choice([0.84, 0.88, 0.92, 0.96, 1.05, 1.1, 1.15, 1.2]))
    if generator.random() < 0.35:
        band_hz = int(generator.choice(BAND_RATES_HZ))
        samples, rate_hz = resample(samples, rate_hz, band_hz), band_hz
    out = resample(samples, rate_hz, SAMPLE_RATE_HZ)
    if generator.random() < 0.3:
        low_hz, high_hz = generator.uniform(50, 250), generator.uniform(3_000, 7_600)
        band = butter(2, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
        out = np.asarray(sosfilt(band, out), np.float32)
    if generator.random() < 0.2:
        out = fftconvolve(out, _small_room(generator))[: len(out)].astype(np.float32)
    if generator.random() < 0.3:
        floor = 10 ** (-generator.uniform(30, 60) / 20) * float(out.std())
        out = out + floor * generator.standard_normal(len(out)).astype(np.float32)
    return _levelled(out, generator)


def _levelled(samples: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    peak = float(np.abs(samples).max()) + 1e-9
    return (samples * (0.95 * 10 ** (-generator.uniform(0, 18) / 20) / peak)).astype(np.float32)


def _small_room(generator: np.random.Generator) -> np.ndarray:
    decay_s = generator.uniform(0.05, 0.35)
    time_s = np.arange(int(decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tail = generator.standard_normal(len(time_s)) * 10 ** (-3 * time_s / decay_s)
    tail *= generator.uniform(0.1, 0.6) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return tail


def make(
    folder: Path,
    *,
    split: Split = "train",
    minutes: float,
    seed: int,
    progress: Callable[[float, float], None] | None = None,
) -> None:
    """Write `minutes` of speech to folder/SPLIT/: int16 samples at 16 kHz and the index of the clips.

    progress: called with (minutes made, minutes wanted).
    """
    wanted = int(minutes * 60 * SAMPLE_RATE_HZ)
    parts: list[np.ndarray] = []
    index: list[Piece] = []
    made = 0
    for samples, voice in clips(split, seed):
        parts.append(np.round(samples * 32_767).astype(np.int16))
        index.append(Piece(made, len(samples), voice))
        made += len(samples)
        if progress is not None and len(index) % 20 == 0:
            progress(made / 60 / SAMPLE_RATE_HZ, minutes)
        if made >= wanted:
            break
    target = folder / split
    target.mkdir(parents=True, exist_ok=True)
    np.save(target / SAMPLES_FILE, np.concatenate(parts))
    body = {"seed": seed, "sample_rate_hz": SAMPLE_RATE_HZ, "clips": [asdict(piece) for piece in index]}
    (target / INDEX_FILE).write_text(json.dumps(body), encoding="utf-8")


def load(folder: Path, split: Split = "train") -> tuple[np.ndarray, list[Piece]]:
    """Samples int16 (n,), mapped from disk, and the clips in them. Raises FileNotFoundError."""
    body = json.loads((folder / split / INDEX_FILE).read_text(encoding="utf-8"))
    return np.load(folder / split / SAMPLES_FILE, mmap_mode="r"), [Piece(**clip) for clip in body["clips"]]
