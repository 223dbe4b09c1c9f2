"""From a reference recording to what the networks read: 32 kHz spectrogram, 16 kHz signal, Kaldi filter bank.

Everything takes samples in [-1, 1] with an explicit rate. Where the original code has a quirk that trained
weights depend on (the 0.6 s pad, the clamp at twice full scale), the quirk is kept and named.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from synth.errors import AssentError

PROMPT_RATE_HZ = 16_000
PROMPT_MIN_S, PROMPT_MAX_S = 3.0, 10.0
PROMPT_PAD_SAMPLES = 9_600  # 0.6 s: the original counts 0.3 s at 32 kHz but appends it at 16 kHz
MEL_BANDS = 80


@dataclass(frozen=True)
class SpectrogramShape:
    """STFT of the SoVITS checkpoint: its own sample rate, window and hop (``config["data"]``)."""

    sample_rate_hz: int = 32_000
    fft_size: int = 2_048
    hop: int = 640
    window: int = 2_048


def to_mono(samples: Tensor) -> Tensor:
    """(channels, n) or (n,) -> (n,) by the mean of the channels."""
    return samples if samples.ndim == 1 else samples.mean(0)


def at_sovits_rate(samples: Tensor, sample_rate_hz: int, shape: SpectrogramShape) -> Tensor:
    """Mono float32 at the checkpoint's rate; loud input is divided by its peak, but never by more than 2."""
    mono = resample_sinc(to_mono(samples.float()), sample_rate_hz, shape.sample_rate_hz)
    peak = float(mono.abs().max()) if mono.numel() else 0.0
    return mono / min(2.0, peak) if peak > 1 else mono


def spectrogram(samples: Tensor, shape: SpectrogramShape) -> Tensor:
    """Mono (n,) at the checkpoint's rate -> linear magnitude (fft/2 + 1, frames)."""
    pad = (shape.fft_size - shape.hop) // 2
    if samples.shape[-1] <= pad:
        raise AssentError(
            "clip_too_short",
            "The reference clip is too short to take a spectrum of.",
            measured=samples.shape[-1] / shape.sample_rate_hz,
            limit=pad / shape.sample_rate_hz,
        )
    padded = F.pad(samples[None, None], (pad, pad), mode="reflect")[0, 0]
    window = torch.hann_window(shape.window, device=samples.device)
    spectrum = torch.stft(
        padded, shape.fft_size, shape.hop, shape.window, window, center=False, return_complex=True
    )
    return (spectrum.real.square() + spectrum.imag.square() + 1e-8).sqrt()


def prompt_signal(samples: np.ndarray, sample_rate_hz: int) -> Tensor:
    """Mono 16 kHz float32 for HuBERT, resampled by soxr HQ as in training; ValueError unless 3 to 10 s.

    The silence after the prompt (`PROMPT_PAD_SAMPLES`) is not yet appended.
    """
    import soxr  # only voices need it; importing the networks must not

    mono = samples if samples.ndim == 1 else samples.mean(axis=0)
    mono = np.ascontiguousarray(mono, dtype=np.float32)
    if sample_rate_hz != PROMPT_RATE_HZ:
        length = math.ceil(len(mono) * PROMPT_RATE_HZ / sample_rate_hz)
        mono = soxr.resample(mono, sample_rate_hz, PROMPT_RATE_HZ, quality="HQ")[:length]
        mono = np.pad(mono, (0, length - len(mono)))
    seconds = len(mono) / PROMPT_RATE_HZ
    if not PROMPT_MIN_S <= seconds <= PROMPT_MAX_S:
        raise ValueError(
            f"a prompt must be {PROMPT_MIN_S:g} to {PROMPT_MAX_S:g} seconds long, not {seconds:.1f}"
        )
    return torch.from_numpy(mono)


# ---------------------------------------------------------------------------------------------- resampling


def resample_sinc(samples: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Windowed-sinc resampling of the last axis: Hann window, 6 zero crossings, roll-off 0.99.

    The same filter as torchaudio's default; the checkpoints were trained on its output.
    """
    if from_hz == to_hz:
        return samples
    divisor = math.gcd(from_hz, to_hz)
    step, phases = from_hz // divisor, to_hz // divisor
    kernels, half_width = _sinc_kernels(step, phases)
    flat = samples.reshape(1, -1) if samples.ndim == 1 else samples
    padded = F.pad(flat, (half_width, half_width + step))
    columns = F.conv1d(padded[:, None], kernels.to(samples), stride=step)  # (rows, phases, steps)
    length = math.ceil(to_hz * flat.shape[-1] / from_hz)
    resampled = columns.transpose(1, 2).reshape(flat.shape[0], -1)[:, :length]
    return resampled[0] if samples.ndim == 1 else resampled


@lru_cache(maxsize=16)
def _sinc_kernels(step: int, phases: int, crossings: int = 6, rolloff: float = 0.99) -> tuple[Tensor, int]:
    cutoff = min(step, phases) * rolloff
    half_width = math.ceil(crossings * step / cutoff)
    position = torch.arange(-half_width, half_width + step, dtype=torch.float64)[None, None] / step
    time = torch.arange(0, -phases, -1, dtype=torch.float64)[:, None, None] / phases + position
    time = (time * cutoff).clamp(-crossings, crossings)
    window = torch.cos(time * math.pi / crossings / 2).square()
    angle = time * math.pi
    sinc = torch.where(angle == 0, torch.ones_like(angle), angle.sin() / angle)
    return (sinc * window * (cutoff / step)).float(), half_width


# ------------------------------------------------------------------------------------- Kaldi filter bank


def filter_bank(samples: Tensor) -> Tensor:
    """Mono (n,) at 16 kHz -> log mel energies (frames, 80) by Kaldi's recipe without dither or mean removal.

    25 ms frames every 10 ms inside the signal, DC removed, pre-emphasis 0.97, Povey window, power spectrum of
    512 points, triangular bands between 20 Hz and 8 kHz.
    """
    frames = samples.unfold(0, 400, 160)
    frames = frames - frames.mean(1, keepdim=True)
    previous = F.pad(frames[:, None], (1, 0), mode="replicate")[:, 0, :-1]
    frames = (frames - 0.97 * previous) * _povey_window().to(frames)
    power = torch.fft.rfft(F.pad(frames, (0, 512 - 400))).abs().square()
    energies = power @ _mel_bands().to(frames).T
    return energies.clamp(min=torch.finfo(torch.float32).eps).log()


@lru_cache(maxsize=1)
def _povey_window() -> Tensor:
    return torch.hann_window(400, periodic=False).pow(0.85)


@lru_cache(maxsize=1)
def _mel_bands(low_hz: float = 20.0, high_hz: float = 8_000.0, fft_size: int = 512) -> Tensor:
    """(80, 257); the bin at the Nyquist frequency belongs to no band.

    In float32 with each corner rounded by itself, as the checkpoints' recipe has it: mels near 2800 are 2e-4 apart
    there, which shifts the slopes of the upper bands by 1e-5 of their height.
    """
    low, high = (1127.0 * math.log(1.0 + hz / 700.0) for hz in (low_hz, high_hz))
    width = (high - low) / (MEL_BANDS + 1)
    band = torch.arange(MEL_BANDS)[:, None]
    left, centre, right = (low + (band + corner) * width for corner in (0.0, 1.0, 2.0))
    mel = 1127.0 * (1.0 + torch.arange(fft_size // 2) * (PROMPT_RATE_HZ / fft_size) / 700.0).log()[None]
    rising = (mel - left) / (centre - left)
    falling = (right - mel) / (right - centre)
    return F.pad(torch.minimum(rising, falling).clamp(min=0.0), (0, 1))
