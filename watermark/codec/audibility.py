"""How loud a mark is beside its host, in two measures, and the gain that brings it to a wanted level.

- `ratio_db`: power of the mark to that of its host over bands and frames; what a young mark is led by.
- `audible`: the disturbance that ITU-T P.862.2 (PESQ, wide band) would take off its raw score of 4.5. Its
  perceptual model alone: no alignment in time, no compensation of filters and gains, which a mark far below
  its host does not need. Bands, thresholds and correction factors as in the recommendation, rounded.

Gradients flow through the gains, so that training can hold a mark at a level instead of paying for it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional

from watermark.codec.parameters import SAMPLE_RATE_HZ

_FFT, _HOP = 512, 160
_ERB_BANDS, _LOW_BANDS, _LOW_PRICE = 24, 4, 30.0  # a mark below about 130 Hz is cheap to remove: price it

_BINS = (
    1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 3, 4, 5, 4, 5, 6, 6, 7,
    8, 9, 9, 12, 12, 15, 16, 18, 21, 25, 20,
)  # fmt: skip
_CORRECTION = (
    100, 100, 100, 100, 100, 100, 100, 100, 50, 100, 100, 100, 100, 100, 53, 110, 118, 65, 68.8, 70, 71.4, 75, 76.8,
    81, 88.6, 63.9, 68.2, 72.5, 75.6, 58.4, 81, 64.1, 54.4, 73.8, 64.4, 59.2, 65.5, 61.4, 58.1, 57, 64.1, 54.3, 61.1,
    55.1, 56.8, 55.6, 53.1, 55, 79.5,
)  # fmt: skip
_THRESHOLD = (
    5.13e7, 2.45e6, 70795, 4898, 1175, 389, 104.7, 45.7, 17.8, 9.77, 4.9, 3.09, 1.91, 1.26, 0.977, 0.724, 0.562, 0.457,
    0.389, 0.331, 0.295, 0.269, 0.257, 0.251, 0.251, 0.251, 0.251, 0.263, 0.288, 0.309, 0.339, 0.372, 0.398, 0.437,
    0.468, 0.49, 0.501, 0.501, 0.513, 0.525, 0.525, 0.525, 0.513, 0.479, 0.427, 0.372, 0.363, 0.417, 0.537,
)  # fmt: skip
_POWER_SCALE, _LOUDNESS_SCALE = 6.910853e-6, 0.1866055
_WIDEST = 0.92  # 8 dB as an exponent of e
_LISTENING_POWER = 1e7  # mean power that a clip is brought to, in units of 16-bit samples


class Level:
    """Both measures on one device. Marks and hosts are float32 (b, 1, n) at 16 kHz."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._hann = torch.hann_window(_FFT, device=device)
        self._erb = _erb_bands().to(device)
        self._price = torch.ones(_ERB_BANDS, 1, device=device)
        self._price[:_LOW_BANDS] = _LOW_PRICE
        bank = np.zeros((len(_BINS), _FFT // 2 + 1), np.float32)
        for band, end in enumerate(np.cumsum(_BINS)):
            bank[band, end - _BINS[band] : end] = _CORRECTION[band] * _POWER_SCALE
        edges_hz = np.concatenate([[0], np.cumsum(_BINS)]) * SAMPLE_RATE_HZ / _FFT
        edges_bark = 7 * np.arcsinh(edges_hz / 650)
        centre = (edges_bark[:-1] + edges_bark[1:]) / 2
        power = 0.23 * np.where(centre < 4, np.minimum(6 / (centre + 2), 2.0), 1.0) ** 0.15
        column = {"dtype": torch.float32, "device": device}
        self._bank = torch.tensor(bank, **column)  # type: ignore[arg-type]
        self._width = torch.tensor(np.diff(edges_bark), **column)[1:, None]  # type: ignore[arg-type]
        self._exponent = torch.tensor(power, **column)[:, None]  # type: ignore[arg-type]
        self._hearing = torch.tensor(_THRESHOLD, **column)[:, None]  # type: ignore[arg-type]

    def ratio_db(self, mark: torch.Tensor, host: torch.Tensor) -> torch.Tensor:
        """(b,): half the mean over cells of mark to host, half the ratio of total powers, in dB."""
        power, marked = (self._erb @ self._spectrum(x).abs().square() for x in (host, mark))
        masking = torch.maximum(power, 0.3 * functional.pad(power, (1, 0))[..., :-1])  # a little, forwards
        masking = masking + 2e-4 * power.mean((1, 2), keepdim=True) + 1e-7
        marked = marked * self._price
        cells = (marked / masking).mean((1, 2))
        total = marked.sum((1, 2)) / (power.sum((1, 2)) + 1e-6)
        return 10 * torch.log10(0.5 * cells + 0.5 * total + 1e-30)

    def ratio_gain(self, mark: torch.Tensor, host: torch.Tensor, level_db: float) -> torch.Tensor:
        """The factor that brings the batch to `level_db`: mean plus half a standard deviation of the clips."""
        ratios = self.ratio_db(mark, host)
        return 10 ** ((level_db - ratios.mean() - 0.5 * ratios.std()) / 20)

    def audible(self, mark: torch.Tensor, host: torch.Tensor) -> torch.Tensor:
        """(b,): what the mark takes off a raw PESQ of 4.5."""
        return self._disturbance(*self._parts(mark, host), torch.ones((), device=mark.device))

    def audible_gain(self, mark: torch.Tensor, host: torch.Tensor, level: float) -> torch.Tensor:
        """(b, 1, 1): the factors that bring each clip to `level`, at most 8 dB off the median of the clips.

        Found by halving without gradients; one Newton step from there has the gradient of the exact answer.
        """
        with torch.no_grad():  # any network's scale will do: begin at the host's power
            first = host.square().mean((1, 2), keepdim=True) / mark.square().mean(
                (1, 2), keepdim=True
            ).clamp_min(1e-30)
            first = first.sqrt().clamp(1e-12, 1e12)
        parts = self._parts(first * mark, host)
        with torch.no_grad():
            low, high = (torch.full((len(mark), 1, 1), at, device=mark.device) for at in (-18.0, 18.0))
            for _ in range(14):
                middle = (low + high) / 2  # exponents of e
                over = (self._disturbance(*parts, middle.exp()) > level)[:, None, None]
                low, high = torch.where(over, low, middle), torch.where(over, middle, high)
            found = (low + high) / 2
            step = 0.02
            slope = self._disturbance(*parts, (found + step).exp())
            slope = (slope - self._disturbance(*parts, (found - step).exp())) / (2 * step)
            exponents = found + first.log()
            near = exponents.clamp(exponents.median() - _WIDEST, exponents.median() + _WIDEST)
        off = self._disturbance(*parts, found.exp()) - level
        # Scale-free for every clip, also for those held near the median: a louder network gains nothing.
        return (near - (off / slope.clamp_min(1e-2)).clamp(-1, 1)[:, None, None]).exp()

    def _spectrum(self, samples: torch.Tensor, hop: int = _HOP) -> torch.Tensor:
        return torch.stft(samples.squeeze(1), _FFT, hop, window=self._hann, return_complex=True)

    def _parts(
        self, mark: torch.Tensor, host: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Band powers (b, 49, frames) of the host, of its product with the mark, and of the mark."""
        power = host.square().mean((1, 2), keepdim=True)
        scale = torch.sqrt(_LISTENING_POWER / (power + 1e-6))
        x, w = (self._spectrum(scale * samples, _FFT // 2) for samples in (host, mark))
        cross = x.real * w.real + x.imag * w.imag
        return self._bank @ x.abs().square(), self._bank @ cross, self._bank @ w.abs().square()

    def _disturbance(
        self, host: torch.Tensor, cross: torch.Tensor, mark: torch.Tensor, gain: torch.Tensor
    ) -> torch.Tensor:
        degraded = (host + 2 * gain * cross + gain**2 * mark).clamp_min(0)
        before, after = self._loudness(host), self._loudness(degraded)
        change = after - before
        change = change.sign() * functional.relu(change.abs() - 0.25 * torch.minimum(before, after))
        ratio = ((degraded + 50) / (host + 50)) ** 1.2
        asymmetry = torch.where(ratio < 3, torch.zeros_like(ratio), ratio.clamp_max(12))
        total = self._width.sum()
        cells = change[:, 1:].abs() * self._width
        symmetric = (cells.square().sum(1) / total + 1e-9).sqrt() * total
        asymmetric = (cells * asymmetry[:, 1:]).sum(1)
        heard = torch.where(host > 100 * self._hearing, host, torch.zeros_like(host))[:, 1:].sum(1)
        weight = ((heard + 1e5) / 1e7) ** 0.04
        return 0.1 * _pooled(symmetric / weight) + 0.0309 * _pooled(asymmetric / weight)

    def _loudness(self, power: torch.Tensor) -> torch.Tensor:
        over = (power / self._hearing).clamp_min(1)
        scale = _LOUDNESS_SCALE * (self._hearing / 0.5) ** self._exponent
        return scale * ((0.5 + 0.5 * over) ** self._exponent - 1)


def _pooled(frames: torch.Tensor) -> torch.Tensor:
    """(b, frames) -> (b,): norm 6 over stretches of 20 frames, every 10, then norm 2 over the stretches."""
    frames = frames.clamp_max(45)
    frames = frames.unfold(1, 20, 10) if frames.shape[1] > 20 else frames[:, None]
    stretches = (frames**6).mean(-1).clamp_min(1e-12) ** (1 / 6)
    return stretches.square().mean(-1).sqrt()


def _erb_bands() -> torch.Tensor:
    highest = float(np.log10(1 + 0.00437 * 8_001))
    edges_hz = (10 ** np.linspace(0, highest, _ERB_BANDS + 1) - 1) / 0.00437
    bins_hz = np.arange(_FFT // 2 + 1) * SAMPLE_RATE_HZ / _FFT
    bank = np.zeros((_ERB_BANDS, len(bins_hz)), np.float32)
    for band, (low, high) in enumerate(pairwise(edges_hz)):
        inside = (bins_hz >= low) & (bins_hz < high)
        if not inside.any():
            inside[np.argmin(np.abs(bins_hz - (low + high) / 2))] = True
        bank[band, inside] = 1
    return torch.from_numpy(bank)
