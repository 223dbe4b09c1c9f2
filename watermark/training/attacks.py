"""Edits of sound through which gradients flow, so that the generator learns to outlive them.

Each takes (b, 1, n) and a numpy generator and returns the same shape, aligned in time; all clips of a call
get the same edit with its own noise. `speed` moves time and so takes labels along. The measured attacks of
the benchmark (real codecs, real rooms) are others: these only stand in for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from watermark.codec.parameters import SAMPLE_RATE_HZ

_FFT = 512
Edit = Callable[[torch.Tensor, np.random.Generator], torch.Tensor]


def white_noise(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """White noise 11 to 27 dB below the clip, mostly around 19."""
    return x + torch.randn_like(x) * _level(x) * 10 ** (-generator.triangular(11, 19, 27) / 20)


def coloured_noise(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Pink to brown noise 5 to 30 dB below the clip."""
    spectrum = torch.fft.rfft(torch.randn_like(x))
    frequency = torch.arange(spectrum.shape[-1], device=x.device).clamp_min(20)
    made = torch.fft.irfft(spectrum / frequency ** generator.uniform(0.3, 1.0), n=x.shape[-1])
    return x + made / _level(made) * _level(x) * 10 ** (-generator.uniform(5, 30) / 20)


def other_sound(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """The neighbouring clip of the call, reversed in time so that its own mark means nothing, mixed in."""
    other = x.detach().roll(1, 0).flip(-1).roll(int(generator.integers(x.shape[-1])), -1)
    return x + other / (_level(other) + 1e-6) * _level(x) * 10 ** (-generator.uniform(6, 25) / 20)


def codec(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """What lossy codecs do: noise that follows the spectrum, weak bins and high bands dropped."""
    window = torch.hann_window(_FFT, device=x.device)
    spectrum = torch.stft(x.squeeze(1), _FFT, _FFT // 4, window=window, return_complex=True)
    size = spectrum.detach().abs()
    around = functional.avg_pool1d(size.transpose(1, 2), 5, 1, 2).transpose(1, 2)
    noise = torch.randn_like(spectrum) * around * (0.7 * 10 ** (-generator.uniform(5, 22) / 20))
    spectrum = (spectrum + noise) * (size > around * generator.uniform(0, 0.6))
    if generator.random() < 0.5:
        kept = torch.arange(_FFT // 2 + 1, device=x.device) < generator.uniform(0.4, 1) * _FFT / 2
        spectrum = spectrum * kept[:, None]
    return torch.istft(spectrum, _FFT, _FFT // 4, window=window, length=x.shape[-1])[:, None]


def low_pass(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Edge at 1.8 to 7 kHz."""
    return _filtered(x, 0, generator.uniform(1_800, 7_000), 63)


def high_pass(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Edge at 150 to 1,200 Hz."""
    return _filtered(x, generator.uniform(150, 1_200), 8_000, 127)


def band_stop(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """A band of 0.3 to 1.2 octaves around 0.9 to 6 kHz is gone."""
    centre_hz = math.exp(generator.uniform(math.log(900), math.log(6_000)))
    half_octaves = generator.uniform(0.15, 0.6)
    spectrum = torch.fft.rfft(x)
    frequency = torch.linspace(1, SAMPLE_RATE_HZ / 2, spectrum.shape[-1], device=x.device)
    off = torch.log2(frequency / centre_hz).abs() / half_octaves
    return torch.fft.irfft(spectrum * ((off - 1) / 0.2).clamp(0, 1), n=x.shape[-1])


def phone_band(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """About 300 to 3,400 Hz."""
    return _filtered(x, generator.uniform(200, 400), generator.uniform(3_000, 3_800), 127)


def echo(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """One reflection after 10 to 250 ms, at 0.1 to 0.5 of the direct sound."""
    delay = int(generator.integers(160, 4_000))
    return x + generator.uniform(0.1, 0.5) * functional.pad(x, (delay, 0))[..., :-delay]


def room(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """A decaying tail of 0.15 to 0.9 s, -4 to 12 dB below the direct sound."""
    decay_s = generator.uniform(0.15, 0.9)
    count = int(min(decay_s, 0.7) * SAMPLE_RATE_HZ)
    time_s = torch.arange(count, device=x.device) / SAMPLE_RATE_HZ
    tail = torch.randn(count, device=x.device) * 10 ** (-3 * time_s / decay_s)
    tail[: int(generator.integers(8, 120))] = 0
    tail = tail / tail.square().sum().sqrt() * 10 ** (-generator.uniform(-4, 12) / 20)
    size = x.shape[-1] + count
    response = torch.fft.rfft(tail, size)
    return x + torch.fft.irfft(torch.fft.rfft(x, size) * response, size)[..., : x.shape[-1]]


def few_bits(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Rounding to 7 to 10 bits of full scale, or of the clip's own peak; gradients pass straight through."""
    scale = 1.0 if generator.random() < 0.5 else float(x.detach().abs().max()) + 1e-6
    steps = 2 ** int(generator.integers(6, 10)) / scale
    return x + ((x * steps).round() / steps - x).detach()


def clipped(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Peaks cut at 0.3 to 0.8 of the largest."""
    peak = x.detach().abs().amax(-1, keepdim=True) * generator.uniform(0.3, 0.8)
    return torch.maximum(torch.minimum(x, peak), -peak)


def dropouts(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """One block of 20 ms in 12 is silent."""
    count = -(-x.shape[-1] // 320)
    keep = torch.from_numpy((generator.random(count) > 0.08).astype(np.float32)).to(x.device)
    return x * keep.repeat_interleave(320)[: x.shape[-1]]


def gain(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """-25 to 6 dB, either polarity."""
    return x * float(10 ** (generator.uniform(-25, 6) / 20) * generator.choice([-1, 1]))


def compression(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Loud passages pressed down: the envelope over 10 ms to the power of -0.2 to -0.75."""
    envelope = functional.avg_pool1d(x.detach().square(), 161, 1, 80).sqrt() + 0.02 * _level(x) + 1e-6
    return x * (envelope / envelope.amax(-1, keepdim=True)) ** -generator.uniform(0.2, 0.75)


EDITS: tuple[tuple[Edit, float], ...] = (
    (white_noise, 0.44), (coloured_noise, 0.06), (other_sound, 0.07), (codec, 0.17), (low_pass, 0.07),
    (high_pass, 0.05), (phone_band, 0.04), (echo, 0.04), (room, 0.13), (few_bits, 0.06), (clipped, 0.03),
    (dropouts, 0.02), (gain, 0.03), (compression, 0.03), (band_stop, 0.25),
)  # fmt: skip


def edited(x: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """One edit drawn by its weight, sometimes a second one."""
    weights = np.array([weight for _, weight in EDITS])
    for _ in range(2 if generator.random() < 0.25 else 1):
        edit = EDITS[int(generator.choice(len(EDITS), p=weights / weights.sum()))][0]
        x = edit(x, generator)
    return x


def speed(
    x: torch.Tensor, labels: torch.Tensor, generator: np.random.Generator, widest: float = 0.07
) -> tuple[torch.Tensor, torch.Tensor]:
    """Played faster or slower (pitch too), up to `widest` either way: samples (b, 1, n), labels (b, 1, n).

    Exact for the band: the spectrum is cut or padded. Too long: cut; too short: silence with the label -1.
    """
    count = x.shape[-1]
    wanted = round(count / (1 + generator.uniform(-widest, widest)) / 64) * 64
    spectrum = torch.fft.rfft(x)
    bins = min(spectrum.shape[-1], wanted // 2 + 1)
    moved = torch.fft.irfft(spectrum[..., :bins], n=wanted) * (wanted / count)
    places = (torch.arange(wanted, device=x.device) * (count / wanted)).long().clamp_max(count - 1)
    labels = labels[..., places]
    if wanted >= count:
        start = int(generator.integers(wanted - count + 1))
        return moved[..., start : start + count], labels[..., start : start + count]
    missing = (0, count - wanted)
    return functional.pad(moved, missing), functional.pad(labels, missing, value=-1.0)


def _level(x: torch.Tensor) -> torch.Tensor:
    return x.detach().square().mean(-1, keepdim=True).sqrt() + 1e-7


def _filtered(x: torch.Tensor, low_hz: float, high_hz: float, taps: int) -> torch.Tensor:
    time = torch.arange(taps, device=x.device) - taps // 2
    kernel = torch.zeros(taps, device=x.device)
    for edge_hz, sign in ((high_hz, 1.0), (low_hz, -1.0)):
        share = 2 * edge_hz / SAMPLE_RATE_HZ
        kernel += sign * share * torch.sinc(share * time)
    kernel = kernel * torch.hamming_window(taps, False, device=x.device)
    return functional.conv1d(x, kernel.view(1, 1, -1), padding=taps // 2)
