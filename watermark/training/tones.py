"""Spreading a young mark over the spectrum.

Left alone, training ends at a mark of one tone: its place follows from the strides of the decoder, and from there
no gradient leads to another. A narrow filter takes it away. So the generator is taught, by plain regression, to say
what it says at several places at once; from then on training goes on as before, with edits that take a band away,
and finds out how much of each place is worth its loudness.
"""

from __future__ import annotations

import math

import torch

from watermark.codec.borders import FRAME
from watermark.codec.parameters import SAMPLE_RATE_HZ

_FRAME_RATE_HZ = SAMPLE_RATE_HZ // FRAME
# Hz and size: whole cycles in a frame, no two in a simple ratio, falling as speech does.
PLACES = ((1_450, 1.2), (2_000, 1.0), (2_800, 0.75), (3_900, 0.55), (5_400, 0.45))
_PHASES = (1.64, 0.0, 5.12, 0.58, 3.77)  # radians: any will do, as long as they differ


def spread(mark: torch.Tensor) -> torch.Tensor:
    """A mark (b, 1, n) at 16 kHz with its strongest tone, envelope and all, at each of PLACES: (b, 1, n).

    The generator does the same in every frame, so its tones have whole cycles in one; the strongest bin tells which.
    """
    samples = mark.shape[-1]
    spectrum = torch.fft.fft(mark)
    spectrum[..., samples // 2 :] = 0
    analytic = 2 * torch.fft.ifft(spectrum)
    size = spectrum.abs().mean((0, 1))
    at_hz = _FRAME_RATE_HZ * round(float(size.argmax()) * SAMPLE_RATE_HZ / samples / _FRAME_RATE_HZ)
    time = torch.arange(samples, device=mark.device) * (2 * math.pi / SAMPLE_RATE_HZ)
    moved = [
        factor * (analytic * torch.exp(1j * (time * (hz - at_hz) + phase))).real
        for (hz, factor), phase in zip(PLACES, _PHASES, strict=True)
    ]
    return torch.stack(moved).sum(0)


def missed(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far marks (b, 1, n) are from those wanted: the mean over clips of the relative error, scale-free."""
    error = (made - wanted).square().mean((1, 2))
    power = wanted.square().mean((1, 2)) + 1e-12
    return (error / power + 3e-3).sqrt().mean()
