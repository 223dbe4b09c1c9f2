"""What happens to files on their way without anybody editing them: codecs, telephones, levels, noise, rooms."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from benchmarks.attacks import Material, apply, load_attacks

RATE = 16_000
Samples = np.ndarray
Processing = Callable[[Samples, Material, int], Samples]


def _listed(*names: str) -> Processing:
    """Steps of the attack list, one after another."""

    def run(x: Samples, material: Material, seed: int) -> Samples:
        known = {attack.name: attack for attack in load_attacks()}
        for name in names:
            x = apply(known[name], x, material, seed)
        return x

    return run


def _filters(graph: str, codec: tuple[str, ...] = (), suffix: str = "wav", rate: int = RATE) -> Processing:
    """A filter graph of ffmpeg, then a codec and back."""

    def run(x: Samples, material: Material, seed: int) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / f"out.{suffix}")
            raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
            command = ["ffmpeg", "-v", "error", *raw, "-i", "-", "-af", graph, "-ar", str(rate), *codec, path]
            subprocess.run(command, input=x.astype(np.float32).tobytes(), check=True)
            back = subprocess.run(
                ["ffmpeg", "-v", "error", "-i", path, *raw, "-"], capture_output=True, check=True
            )
        return np.frombuffer(back.stdout, np.float32).copy()

    return run


def _chain(*steps: Processing) -> Processing:
    def run(x: Samples, material: Material, seed: int) -> Samples:
        for step in steps:
            x = step(x, material, seed)
        return x

    return run


def _padded(x: Samples, material: Material, seed: int) -> Samples:
    g = np.random.default_rng(seed)
    tone = (1e-3 * g.standard_normal(2 * RATE)).astype(np.float32)
    return np.concatenate([np.zeros(RATE, np.float32), x, tone])


def _trimmed(x: Samples, material: Material, seed: int) -> Samples:
    return x[round(0.8 * RATE) : -round(0.7 * RATE)]


def _mild_room(x: Samples, material: Material, seed: int) -> Samples:
    """A furnished room near the microphone: 0.25 s, late energy 6 dB below the direct sound."""
    g = np.random.default_rng([seed, 21])
    seconds = np.arange(round(0.25 * RATE)) / RATE
    response = g.standard_normal(len(seconds)) * 10 ** (-3 * seconds / 0.25)
    response[: round(0.004 * RATE)] = 0
    response *= 0.5 / np.sqrt(np.sum(response**2))
    response[0] = 1.0
    result: Samples = fftconvolve(x, response)[: len(x)].astype(np.float32)
    return result


def _same(x: Samples, material: Material, seed: int) -> Samples:
    return x


_MU_LAW = _filters("highpass=f=300,lowpass=f=3400", ("-c:a", "pcm_mulaw"), rate=8_000)

CODINGS: dict[str, Processing] = {
    "clean": _same,
    "mp3_64": _listed("mp3_64"),
    "opus_24": _listed("opus_24"),
    "phone": _MU_LAW,
}
"""What edits are measured in."""

BENIGN: dict[str, Processing] = {
    **CODINGS,
    "mp3_128": _listed("mp3_128"),
    "aac_64": _listed("aac_64"),
    "opus_16": _listed("opus_16"),
    "vorbis_q0": _listed("vorbis_q0"),
    "mp3_64_twice": _listed("mp3_64", "mp3_64"),
    "opus_after_mp3": _listed("mp3_64", "opus_24"),
    "lowpass_4000": _listed("lowpass_4000"),
    "highpass_500": _listed("highpass_500"),
    "equaliser": _filters("bass=g=6:f=150,treble=g=-6:f=4000"),
    "gain_-12db": _listed("gain_-12db"),
    "limiter": _filters("alimiter=level_in=3:limit=0.5:level=false"),
    "compressor": _listed("dynamic_compression"),
    "loudness": _filters("loudnorm=I=-16:TP=-1.5:LRA=11"),
    "podcast": _filters(
        "highpass=f=80,acompressor=threshold=0.1:ratio=3:attack=5:release=80,loudnorm=I=-16:TP=-1.5",
        ("-b:a", "96k"),
        "mp3",
        44_100,
    ),
    "white_30db": _listed("white_30db"),
    "white_20db": _listed("white_20db"),
    "pink_20db": _listed("pink_20db"),
    "mild_room": _mild_room,
    "resampled_chain": _chain(
        _listed("resample_22050"), _filters("anull", rate=44_100), _listed("resample_8000")
    ),
    "tempo_1.05": _listed("tempo_1.05"),
    "pitch_100c": _listed("pitch_100c"),
    "trimmed": _trimmed,
    "padded": _padded,
}
"""Nothing in these was edited; at least twenty kinds."""

HARSH: dict[str, Processing] = {
    "mp3_32": _listed("mp3_32"),
    "opus_8": _listed("opus_8"),
    "gsm_fr": _listed("gsm_fr"),
    "white_10db": _listed("white_10db"),
    "babble_10db": _listed("babble_10db"),
    "reverb_0.6s": _listed("reverb_0.6s"),
    "loudspeaker_room": _listed("over_the_air"),
    "griffin_lim": _listed("griffin_lim"),
}
"""Often too disturbed to compare word by word; accused of nothing all the same."""

_BY_LEVEL = frozenset({"limiter", "compressor", "loudness", "podcast", "equaliser"})
"""What these do depends on the whole file, so each clip goes through by itself."""
_BETWEEN_S = 1.5


def processed(name: str, clips: list[Samples], material: Material, seed: int) -> list[Samples]:
    """Each clip through one processing of `BENIGN` or `HARSH`. Codecs take them all in one file, with pauses between:
    starting a program for every clip would be most of the work."""
    processing = {**BENIGN, **HARSH}[name]
    alone = name in _BY_LEVEL or name in ("trimmed", "padded", "clean") or "room" in name or "db" in name
    if alone or name in RESCALED:
        return [processing(x, material, seed + k) for k, x in enumerate(clips)]
    pause = np.zeros(round(_BETWEEN_S * RATE), np.float32)
    whole = processing(np.concatenate([part for x in clips for part in (x, pause)]), material, seed)
    out, start = [], 0
    for x in clips:
        out.append(whole[start : start + len(x)])
        start += len(x) + len(pause)
    return out


RESCALED = frozenset({"tempo_1.05", "pitch_100c"})
"""Read only after tempo or pitch was undone, so never compared word by word."""
