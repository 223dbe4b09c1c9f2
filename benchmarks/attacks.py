"""The attacks of attacks.json as functions: samples in, attacked samples out, at the same rate.

Codecs go through the ffmpeg program, tempo and pitch through sox, the world vocoder through pyworld; an
attack whose program or package is absent raises `Unavailable`, and the benchmark says so in its row.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import butter, fftconvolve, istft, resample_poly, sosfiltfilt, stft

LIST = Path(__file__).resolve().parent.parent / "tests" / "data" / "attacks.json"
RATE = 16_000
Samples = np.ndarray


class Unavailable(Exception):
    """The program or package that this attack needs is not installed."""


@dataclass(frozen=True)
class Attack:
    """One line of the list, or a chain of them. `deep`: tempo or pitch changes, so the deep search is used."""

    name: str
    family: str
    steps: tuple[dict[str, Any], ...]

    @property
    def deep(self) -> bool:
        return any(step.keys() & {"tempo", "speed", "cents"} for step in self.steps)

    @property
    def crops(self) -> bool:
        """Whether the attack itself decides what is left, so that no 3 s crop is cut afterwards."""
        return any(step["family"] == "crop" for step in self.steps)


@dataclass(frozen=True)
class Material:
    """Unmarked sound that some attacks mix in: voices at 16 kHz, each at least 12 s."""

    voices: tuple[Samples, ...]


def load_attacks() -> list[Attack]:
    """Single attacks, then chains, in the order of the list."""
    body = json.loads(LIST.read_text(encoding="utf-8"))
    singles = {spec["name"]: spec for spec in body["single"]}
    attacks = [Attack(name, spec["family"], (spec,)) for name, spec in singles.items()]
    attacks += [
        Attack(chain["name"], "chain", tuple(singles[name] for name in chain["steps"]))
        for chain in body["chains"]
    ]
    return attacks


def apply(attack: Attack, samples: Samples, material: Material, seed: int) -> Samples:
    """The attack on one clip at 16 kHz. Raises Unavailable."""
    generator = np.random.default_rng([seed, 77])
    out = np.asarray(samples, np.float64)
    for step in attack.steps:
        out = _step(step, out, material, generator)
    return out.astype(np.float32)


def _step(spec: dict[str, Any], x: Samples, material: Material, generator: np.random.Generator) -> Samples:
    family: str = spec["family"]
    special: dict[str, Callable[[], Samples]] = {
        "echo_200ms_0.4": lambda: _echo(x, spec),
        "over_the_air": lambda: _over_the_air(x, spec, generator),
        "cut_and_join": lambda: np.concatenate([x[s : s + RATE] for s in range(0, len(x), 2 * RATE)]),
        "splice_3s_in_12s": lambda: _splice(x, spec, material),
        "griffin_lim": lambda: _griffin_lim(np.abs(_spectrogram(x)), len(x), generator),
        "mel80_griffin_lim": lambda: _mel_round_trip(x, spec["mels"], generator),
        "world_vocoder": lambda: _world(x),
        "reverb_0.6s": lambda: _reverb(x, spec["rt60_s"], generator),
    }
    if spec["name"] in special:
        return special[spec["name"]]()
    if family == "codec":
        return _codec(x, spec)
    if family == "resample":
        return _fit(
            _resample(_resample(x, RATE, spec["sample_rate_hz"]), spec["sample_rate_hz"], RATE), len(x)
        )
    if family == "filter":
        return _filter(x, spec)
    if family in ("noise", "mix"):
        return x + _at_snr(_noise(spec["noise"], len(x), material, generator), x, spec["snr_db"])
    if family == "level":
        return _level(x, spec, generator)
    if family in ("time", "pitch"):
        return _sox(x, spec)
    if family == "crop":
        return crop(x, spec["seconds"], spec.get("min_active_speech_s", 0.0))
    raise ValueError(f"no attack of family {family}")


# ------------------------------------------------------------------ crops
def active_seconds(x: Samples, loud: float | None = None) -> float:
    """Seconds of frames of 20 ms within 35 dB of the loud ones."""
    energy = _frame_energy(x)
    loud = float(np.quantile(_frame_energy(x), 0.95)) if loud is None else loud
    return float((energy > loud * 10**-3.5).sum() * 0.02)


def _frame_energy(x: Samples) -> Samples:
    return np.square(x[: len(x) // 320 * 320].reshape(-1, 320)).mean(axis=1)


def crop(x: Samples, seconds: float, least_active_s: float = 0.0) -> Samples:
    """A piece from 1.502 s on (no multiple of any grid), later if that holds too little speech."""
    size = int(seconds * RATE)
    if len(x) <= size:
        return x
    loud = float(np.quantile(_frame_energy(x), 0.95))
    starts = [int(1.502 * RATE) + k * 3_001 for k in range(len(x) // 3_001)]
    starts = [s for s in starts if s + size <= len(x)] or [len(x) - size]
    for start in starts:
        if active_seconds(x[start : start + size], loud) >= least_active_s:
            return x[start : start + size]
    return max((x[s : s + size] for s in starts), key=lambda piece: active_seconds(piece, loud))


def _splice(x: Samples, spec: dict[str, Any], material: Material) -> Samples:
    host = material.voices[0][: int((spec["host_s"] - spec["seconds"]) * RATE)]
    middle = int(4.0 * RATE) + 321
    return np.concatenate([host[:middle], crop(x, spec["seconds"], 2.0), host[middle:]])


# ------------------------------------------------------------------ codecs, tempo, pitch
_CODECS: dict[str, tuple[str, str, int | None]] = {
    # codec: (encoder, container, rate it forces)
    "mp3": ("libmp3lame", "mp3", None),
    "aac": ("aac", "m4a", None),
    "opus": ("libopus", "ogg", 48_000),
    "vorbis": ("libvorbis", "ogg", None),
    "gsm": ("libgsm", "gsm", 8_000),
    "speex": ("libspeex", "ogg", 16_000),
    "codec2": ("libcodec2", "c2", 8_000),
}


def _codec(x: Samples, spec: dict[str, Any]) -> Samples:
    encoder, container, rate = _CODECS[spec["codec"]]
    options = ["-c:a", encoder]
    if "kbps" in spec:
        options += ["-b:a", f"{spec['kbps']}k"]
    if "quality" in spec:
        options += ["-q:a", str(spec["quality"])]
    if "mode" in spec:
        options += ["-mode", str(spec["mode"])]
    if rate:
        options += ["-ar", str(rate)]
    with tempfile.TemporaryDirectory() as folder:
        source, coded, decoded = (str(Path(folder) / name) for name in ("a.wav", f"b.{container}", "c.wav"))
        soundfile.write(source, np.clip(x, -1, 1), RATE, subtype="PCM_16")
        _run(["ffmpeg", "-v", "error", "-y", "-i", source, *options, coded])
        _run(["ffmpeg", "-v", "error", "-y", "-i", coded, "-ar", str(RATE), "-ac", "1", decoded])
        return soundfile.read(decoded)[0]


def _sox(x: Samples, spec: dict[str, Any]) -> Samples:
    if "tempo" in spec:
        effect = ["tempo", "-s", str(spec["tempo"])]
    elif "speed" in spec:
        effect = ["speed", str(spec["speed"])]
    else:
        effect = ["pitch", str(spec["cents"])]
    with tempfile.TemporaryDirectory() as folder:
        source, out = str(Path(folder) / "a.wav"), str(Path(folder) / "b.wav")
        soundfile.write(source, x * 0.7, RATE, subtype="FLOAT")
        _run(["sox", "-V1", source, out, *effect, "rate", str(RATE)])
        return soundfile.read(out)[0] / 0.7


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not installed") from error
    if done.returncode:
        raise Unavailable(f"{command[0]}: {done.stderr.decode(errors='replace').strip()[-120:]}")


# ------------------------------------------------------------------ filters, rooms, levels
def _resample(x: Samples, from_hz: int, to_hz: int) -> Samples:
    common = int(np.gcd(from_hz, to_hz))
    return resample_poly(x, to_hz // common, from_hz // common)


def _fit(x: Samples, length: int) -> Samples:
    return x[:length] if len(x) >= length else np.pad(x, (0, length - len(x)))


def _filter(x: Samples, spec: dict[str, Any]) -> Samples:
    if "lowpass_hz" in spec:
        kind, edge = "lowpass", spec["lowpass_hz"]
    elif "highpass_hz" in spec:
        kind, edge = "highpass", spec["highpass_hz"]
    else:
        kind, edge = "bandpass", spec["bandpass_hz"]
    return sosfiltfilt(butter(6, edge, kind, fs=RATE, output="sos"), x)


def _echo(x: Samples, spec: dict[str, Any]) -> Samples:
    delay = int(spec["delay_ms"] * RATE / 1000)
    out = x.copy()
    out[delay:] += spec["gain"] * x[:-delay]
    return out


def _reverb(x: Samples, rt60_s: float, generator: np.random.Generator) -> Samples:
    """Exponentially decaying noise after a direct path; about 0 dB of late energy against it."""
    time = np.arange(int(rt60_s * RATE)) / RATE
    response = generator.normal(size=len(time)) * 10 ** (-3 * time / rt60_s)
    response[: int(0.003 * RATE)] = 0
    response /= np.sqrt(np.sum(response**2))
    response[0] = 1
    return fftconvolve(x, response)[: len(x)] / np.sqrt(2)


def _over_the_air(x: Samples, spec: dict[str, Any], generator: np.random.Generator) -> Samples:
    room = _filter(_reverb(x, spec["rt60_s"], generator), spec)
    drift = np.interp(np.arange(len(room)) * (1 + 50e-6), np.arange(len(room)), room)
    return drift + _at_snr(_coloured(len(drift), 1.0, generator), drift, spec["snr_db"])


def _level(x: Samples, spec: dict[str, Any], generator: np.random.Generator) -> Samples:
    if "ratio" in spec:
        envelope = np.sqrt(np.convolve(x**2, np.ones(160) / 160, "same")) + 1e-9
        over_db = np.maximum(20 * np.log10(envelope) - spec["threshold_db"], 0)
        return x * 10 ** (-over_db * (1 - 1 / spec["ratio"]) / 20)
    if "dropout" in spec:
        block = int(spec["block_ms"] * RATE / 1000)
        keep = generator.random(-(-len(x) // block)) >= spec["dropout"]
        return x * np.repeat(keep, block)[: len(x)]
    if "bits" in spec:
        steps = 2 ** (spec["bits"] - 1)
        return np.round(x * steps) / steps
    if "polarity" in spec:
        return spec["polarity"] * x
    gained = x * 10 ** (spec["gain_db"] / 20)
    if spec.get("clip"):
        peak = np.abs(x).max()
        return np.clip(gained, -peak, peak)
    return gained


# ------------------------------------------------------------------ noise
def _at_snr(noise: Samples, x: Samples, snr_db: float) -> Samples:
    return noise * np.sqrt(np.mean(x**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)


def _coloured(count: int, exponent: float, generator: np.random.Generator) -> Samples:
    """Noise whose power falls as 1 / f**exponent."""
    spectrum = np.fft.rfft(generator.normal(size=count))
    frequency = np.maximum(np.arange(len(spectrum)), 1)
    return np.fft.irfft(spectrum / frequency ** (exponent / 2), count)


def _noise(kind: str, count: int, material: Material, generator: np.random.Generator) -> Samples:
    if kind == "white":
        return generator.normal(size=count)
    if kind == "pink":
        return _coloured(count, 1.0, generator)
    if kind == "babble":
        return np.sum([_excerpt(voice, count, generator) for voice in material.voices[:6]], axis=0)
    if kind == "one other voice":
        return _excerpt(material.voices[int(generator.integers(len(material.voices)))], count, generator)
    return _excerpt(_music_bed(int(generator.integers(4))), count, generator)


def _excerpt(voice: Samples, count: int, generator: np.random.Generator) -> Samples:
    voice = voice if len(voice) > count else np.tile(voice, count // len(voice) + 2)
    start = int(generator.integers(len(voice) - count))
    piece = voice[start : start + count]
    return piece / np.sqrt(np.mean(piece**2) + 1e-12)


@lru_cache(maxsize=4)
def _music_bed(seed: int) -> Samples:
    """Twenty seconds of music to cut from: making it is slow."""
    return synthetic_music(20 * RATE, np.random.default_rng(seed))


def synthetic_music(count: int, generator: np.random.Generator) -> Samples:
    """Chords of decaying harmonic tones, four to the second, over a soft beat."""
    time = np.arange(count) / RATE
    out = 0.02 * generator.normal(size=count) * (np.sin(2 * np.pi * 2 * time) > 0.9)
    for beat in range(int(count / RATE * 4) + 1):
        since = time - beat / 4
        envelope = np.where(since >= 0, np.exp(-3 * np.maximum(since, 0)), 0)
        for _ in range(3):
            pitch = 110 * 2 ** (generator.integers(0, 30) / 12)
            for harmonic in range(1, 8):
                if pitch * harmonic < 7_500:
                    out += envelope * np.sin(2 * np.pi * pitch * harmonic * since) / harmonic
    return out


# ------------------------------------------------------------------ resynthesis
_FFT, _HOP = 1_024, 256


def _spectrogram(x: Samples) -> Samples:
    return stft(x, RATE, nperseg=_FFT, noverlap=_FFT - _HOP)[2]


def _griffin_lim(
    magnitude: Samples, length: int, generator: np.random.Generator, rounds: int = 24
) -> Samples:
    phase = np.exp(2j * np.pi * generator.random(magnitude.shape))
    for _ in range(rounds):
        x = istft(magnitude * phase, RATE, nperseg=_FFT, noverlap=_FFT - _HOP)[1]
        again = _spectrogram(x)[:, : magnitude.shape[1]]
        phase = np.exp(1j * np.angle(np.pad(again, ((0, 0), (0, magnitude.shape[1] - again.shape[1])))))
    return _fit(istft(magnitude * phase, RATE, nperseg=_FFT, noverlap=_FFT - _HOP)[1], length)


def _mel_round_trip(x: Samples, mels: int, generator: np.random.Generator) -> Samples:
    """80 mel bands (Slaney's area-normalised triangles would only scale rows) and back by the pseudo-
    inverse.
    """
    hz = np.linspace(0, RATE / 2, _FFT // 2 + 1)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), mels + 2) / 2595) - 1)
    up = (hz[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - hz[None]) / (edges[2:] - edges[1:-1])[:, None]
    bank = np.maximum(np.minimum(up, down), 0)
    magnitude = np.abs(_spectrogram(x))
    back = np.maximum(np.linalg.pinv(bank) @ (bank @ magnitude), 0)
    return _griffin_lim(back, len(x), generator)


def _world(x: Samples) -> Samples:
    if "pkg_resources" not in sys.modules:  # pyworld asks it for its own version and nothing else
        shim = types.ModuleType("pkg_resources")
        shim.get_distribution = lambda name: types.SimpleNamespace(version="")  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = shim
    try:
        import pyworld
    except ImportError as error:
        raise Unavailable("pyworld is not installed") from error
    pitch, times = pyworld.harvest(np.ascontiguousarray(x), RATE)
    envelope = pyworld.cheaptrick(x, pitch, times, RATE)
    aperiodicity = pyworld.d4c(x, pitch, times, RATE)
    return _fit(pyworld.synthesize(pitch, envelope, aperiodicity, RATE), len(x))
