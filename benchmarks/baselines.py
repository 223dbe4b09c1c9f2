"""Other watermarks on the same clips and attacks, where they can run: presence only, for none of them carries a
record.

resemble-perth (`pip install --no-deps resemble-perth`: its declared needs would pull in packages that this
project does without), AudioSeal's networks with the project's own checkpoint, and audiowmark (GPL, a program
of its own). What is absent says so in its row.
"""

from __future__ import annotations

import shutil
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import speech
from benchmarks.attacks import RATE, Material, Unavailable, apply, crop, load_attacks
from benchmarks.marking import EPOCHS, KEYS, Marked, issued
from benchmarks.own_attacks import quality_of
from benchmarks.report import Row
from watermark.codec import detect
from watermark.codec.resample import resample

_UNMARKED = 60
Samples = np.ndarray


@dataclass(frozen=True)
class Baseline:
    """Another system at 16 kHz: marks a clip, and says whether a piece carries its mark."""

    name: str
    mark: Callable[[Samples], Samples]
    present: Callable[[Samples], bool]


def baseline_rows(clips: list[Marked], mixed: Material, count: int = 3) -> list[Row]:
    """Share of attacked pieces of 3 s found by each system, its PESQ, and its false alarms."""
    chosen = clips[:count]
    marked = {id(clip.original): clip.marked for clip in chosen}
    rows = _rows(Baseline("keyed", lambda x: marked[id(x)], _keyed_present), chosen, mixed)
    for name, make in (("audioseal_own_checkpoint", _audioseal), ("perth", _perth)):
        try:
            rows += _rows(make(), chosen, mixed)
        except ImportError as error:
            rows.append(Row(f"baseline_{name}_found", "share", None, note=f"not installed: {error}"))
    if shutil.which("audiowmark") is None:
        absent = "the program audiowmark is not on the path, and Debian does not package it"
        rows.append(Row("baseline_audiowmark_found", "share", None, note=absent))
    return rows


def _rows(system: Baseline, clips: list[Marked], mixed: Material) -> list[Row]:
    found = tried = 0
    lost: dict[str, int] = {}
    scores = []
    for index, clip in enumerate(clips):
        marked = system.mark(clip.original)
        scores.append(quality_of(clip.original[: len(marked)], marked))
        for attack in load_attacks():
            if attack.family == "chain":
                continue
            try:
                attacked = apply(attack, marked, mixed, index)
            except Unavailable:
                continue
            piece = attacked if attack.crops else crop(attacked, 3.0, 2.0)
            tried += 1
            if system.present(piece):
                found += 1
            else:
                lost[attack.name] = lost.get(attack.name, 0) + 1
    unmarked = speech.unmarked_pieces(_UNMARKED)
    alarms = sum(system.present(resample(p.samples, p.sample_rate_hz, RATE)) for p in unmarked)
    told = ", ".join(f"{name} {missed}" for name, missed in lost.items()) or "none"
    return [
        Row(f"baseline_{system.name}_found", "share", found / max(tried, 1), None, tried,
            note=f"single attacks on {len(clips)} clips; missed of {len(clips)}: {told}"),
        Row(f"baseline_{system.name}_pesq", "PESQ", float(np.mean(scores)), None, len(clips)),
        Row(f"baseline_{system.name}_false_alarms", "1", alarms, None, _UNMARKED, None, "lower",
            note="unmarked speech in pieces of 3 s"),
    ]  # fmt: skip


def _keyed_present(piece: Samples) -> bool:
    return detect(piece, RATE, keys=KEYS, epochs=EPOCHS, deep=True, known=issued).present


def _audioseal() -> Baseline:
    from watermark.codec.audioseal_checkpoint import default_checkpoint
    from watermark.codec.audioseal_layer import PublicMark

    public = PublicMark.load(*default_checkpoint())
    return Baseline(
        "audioseal_own_checkpoint",
        lambda x: public.embed(x, RATE),
        lambda x: public.detect(x.astype(np.float32), RATE).presence,
    )


def _perth() -> Baseline:
    for name, members in _stand_ins().items():
        module = sys.modules.setdefault(name, types.ModuleType(name))
        for member, value in members.items():
            if not hasattr(module, member):
                setattr(module, member, value)
    perth = import_module("perth.perth_net.perth_net_implicit.perth_watermarker").PerthImplicitWatermarker()

    def mark(samples: Samples) -> Samples:
        return np.asarray(perth.apply_watermark(samples, sample_rate=RATE), np.float32)

    def present(samples: Samples) -> bool:
        score = perth.get_watermark(samples.astype(np.float32), sample_rate=RATE, round=False)
        return float(np.mean(score)) > 0.5

    return Baseline("perth", mark, present)


def _stand_ins() -> dict[str, dict[str, Any]]:
    """The few functions of packages that perth imports and this project does not have."""
    import torch

    class Spectrogram(torch.nn.Module):
        window: torch.Tensor

        def __init__(self, n_fft: int, win_length: int, hop_length: int, window_fn: Any, **_: Any) -> None:
            super().__init__()
            self._sizes = n_fft, hop_length, win_length
            self.register_buffer("window", window_fn(win_length))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stft(x, *self._sizes, self.window, return_complex=True)

    class InverseSpectrogram(Spectrogram):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.istft(x, *self._sizes, self.window)

    class TimeStretch(torch.nn.Module):
        def __init__(self, n_freq: int, **_: Any) -> None:
            super().__init__()
            self.register_buffer("phase_advance", torch.zeros(n_freq, 1))

    def librosa_resample(x: Samples, *, orig_sr: int, target_sr: int, **_: Any) -> Samples:
        return resample(x, orig_sr, target_sr)

    def resource_filename(package: str, name: str) -> str:
        spec = sys.modules[package]
        return str(Path(str(spec.__file__)).parent / name)

    transforms = types.ModuleType("torchaudio.transforms")
    for made in (Spectrogram, InverseSpectrogram, TimeStretch):
        setattr(transforms, made.__name__, made)
    sys.modules.setdefault("torchaudio.transforms", transforms)
    return {
        "torchaudio": {"transforms": transforms},
        "librosa": {"resample": librosa_resample},
        "pkg_resources": {"resource_filename": resource_filename},
    }
