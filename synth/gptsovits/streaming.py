"""Audio of an utterance that is still being decoded, in chunks that join without clicks.

Every chunk encodes all tokens so far, renders the new frames with some frames of context before them and a few
beyond, and gives out all but the last few. Those are rendered again with the next chunk, once it is known what
follows, and the two renderings are cross-faded: they show the same moment, so nothing has to be searched for.
The tokens are those of the whole utterance; only frames near a cut are rendered with a shorter view ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from synth.gptsovits.sovits import NOISE_SCALE, Sovits

FIRST_CHUNK_TOKENS = 12  # half a second, of which a third is held back
LARGEST_CHUNK_TOKENS = 48
CONTEXT_FRAMES = 32  # most of the reach of flow and generator to the left
HELD_FRAMES = 6  # rendered but kept back until what follows is known
FADE_FRAMES = 2


def next_chunk_tokens(chunk: int) -> int:
    """How many tokens the chunk behind one of ``chunk`` tokens has.

    The first is short, because somebody waits for it; each next is up to twice as long, so that it is ready before
    the last has been played, and the whole is encoded again less often.
    """
    return min(2 * chunk, LARGEST_CHUNK_TOKENS)


class LatentNoise:
    """Standard normal noise by frame: the same frame gets the same noise however the utterance is cut."""

    def __init__(self, seed: int, channels: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._frames = torch.empty(0, channels)

    def first(self, frames: int) -> Tensor:
        """(1, channels, frames)."""
        if missing := max(0, frames - len(self._frames)):
            more = torch.randn(missing, self._frames.shape[1], generator=self._generator)
            self._frames = torch.cat([self._frames, more])
        return self._frames[:frames].T[None]


@dataclass
class ChunkedDecoder:
    """State of one utterance. ``phones`` (m,), ``speaker`` and ``style`` (1, width, 1) as for `Sovits.forward`."""

    network: Sovits
    phones: Tensor
    speaker: Tensor
    style: Tensor
    noise: LatentNoise
    speed: float = 1.0
    _given: int = field(default=0, init=False)
    _tail: Tensor | None = field(default=None, init=False)

    @torch.inference_mode()
    def push(self, tokens: list[int], *, last: bool) -> Tensor:
        """All tokens so far -> the samples (n,) that can be given out now; ``last`` gives out the rest."""
        network, hop = self.network, self.network.spectrogram_shape.hop
        device = self.speaker.device
        hidden = network.hidden(torch.tensor([tokens], device=device), self.phones[None], self.style)
        prior = network.enc_p.prior(_stretched(hidden, self.speed))
        frames = prior.mean.shape[2]
        start, end = self._given, frames if last else frames - HELD_FRAMES
        if end <= start + FADE_FRAMES and not last:
            return torch.empty(0, device=device)
        latent = network.sample(prior, self.noise.first(frames).to(device), NOISE_SCALE)
        left = max(0, start - CONTEXT_FRAMES)
        audio = network.render(latent[:, :, left:], self.speaker)[0][0, 0]
        fresh = audio[(start - left) * hop :]
        if self._tail is not None:
            fresh = _cross_faded(self._tail, fresh)
        self._given = end
        self._tail = None if last else fresh[(end - start) * hop :][: FADE_FRAMES * hop].clone()
        return fresh[: (end - start) * hop]


def _stretched(hidden: Tensor, speed: float) -> Tensor:
    """Hidden frames at ``speed``; the place of a frame does not depend on how many follow it."""
    if speed == 1.0:
        return hidden
    return F.interpolate(hidden, scale_factor=1 / speed, mode="linear", recompute_scale_factor=False)


def _cross_faded(old: Tensor, new: Tensor) -> Tensor:
    count = min(len(old), len(new))
    rising = torch.sin((torch.arange(count, device=new.device) + 0.5) * torch.pi / (2 * count)).square()
    return torch.cat([old[:count] * (1 - rising) + new[:count] * rising, new[count:]])
