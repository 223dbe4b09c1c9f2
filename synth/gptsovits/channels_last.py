"""The generator with its channels innermost in memory: the layout in which a processor convolves fastest.

A one-dimensional convolution in torch keeps time innermost and is rearranged at every call; a two-dimensional one of
height 1 may keep channels innermost throughout, so nothing is rearranged between layers. With bfloat16, where the
processor multiplies in it, that makes a third of the time of `generator`, and in float32 three quarters.

oneDNN compiles every layer anew for every length (2 s of processor time for the official sizes) and keeps memory for
it (1.3 MB a frame of 20 ms). Sentences differ in length, so they are rendered in windows of a few sizes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synth.gptsovits.generator import LAST_SLOPE, SLOPE, Generator, ResidualBlock

WINDOWS = (40, 100, 160)  # frames
REACH_FRAMES = 16  # how far the generator sees to either side, rounded up (12 for the official sizes)
_LAYOUT = torch.channels_last


class ChannelsLastGenerator(nn.Module):
    """A drop-in for a `Generator`, which it takes over: layer by layer, so that the memory of both never adds up."""

    def __init__(self, generator: Generator, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.blocks_per_stage = generator.blocks_per_stage
        self.conv_pre = _taken(generator.conv_pre, dtype)
        self.cond = generator.cond
        self.ups = nn.ModuleList(_taken(cast(nn.ConvTranspose1d, up), dtype) for up in generator.ups)
        self.resblocks = nn.ModuleList(
            _Block(cast(ResidualBlock, block), dtype) for block in generator.resblocks
        )
        self.conv_post = _taken(generator.conv_post, dtype)
        self.eval().requires_grad_(False)

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """See `Generator.forward`; one utterance, float32 outside. Its samples are those of one piece."""
        bias = self.cond(condition).to(self.dtype)[:, :, None]
        total, start, pieces = latent.shape[2], 0, []
        while start < total:
            left = max(0, start - REACH_FRAMES)
            size = next((size for size in WINDOWS if left + size >= total), WINDOWS[-1])
            window = latent[:, :, left : left + size]
            end = total if left + size >= total else left + size - REACH_FRAMES
            audio = self._window(F.pad(window, (0, size - window.shape[2])), window.shape[2], bias)
            hop = audio.shape[2] // size
            pieces.append(audio[:, :, (start - left) * hop : (end - left) * hop])
            start = end
        return torch.cat(pieces, dim=2)

    def _window(self, latent: Tensor, frames: int, bias: Tensor) -> Tensor:
        """(1, channels, size) of which ``frames`` are there -> (1, 1, samples).

        What lies behind them is kept at zero, as every convolution sees it behind the end of an utterance.
        """
        share = Fraction(frames, latent.shape[2])
        x = latent.to(self.dtype)[:, :, None].contiguous(memory_format=_LAYOUT)
        x = _silenced(self.conv_pre(x).add_(bias), share)
        for stage, up in enumerate(self.ups):
            x = _silenced(up(F.leaky_relu_(x, SLOPE)), share)
            activated = F.leaky_relu(x, SLOPE)  # the same for all blocks of a stage
            first = stage * self.blocks_per_stage
            blocks = self.resblocks[first : first + self.blocks_per_stage]
            total = blocks[0](x, activated, share)
            for block in blocks[1:]:
                total.add_(block(x, activated, share))
            x = total.div_(self.blocks_per_stage)
        return self.conv_post(F.leaky_relu_(x, LAST_SLOPE))[:, :, 0].float().tanh_()


class _Block(nn.Module):
    """See `ResidualBlock`."""

    def __init__(self, block: ResidualBlock, dtype: torch.dtype) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_taken(cast(nn.Conv1d, conv), dtype) for conv in block.convs1)
        self.convs2 = nn.ModuleList(_taken(cast(nn.Conv1d, conv), dtype) for conv in block.convs2)

    def forward(self, x: Tensor, activated: Tensor, share: Fraction) -> Tensor:
        """``activated``: x behind the first activation. Changes neither."""
        for layer, (dilated, plain) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            inner = _silenced(dilated(F.leaky_relu(x, SLOPE) if layer else activated), share)
            x = _silenced(plain(F.leaky_relu_(inner, SLOPE)).add_(x), share)
        return x


def _silenced(x: Tensor, share: Fraction) -> Tensor:
    """Zeros behind the ``share`` of the time that belongs to the utterance, in place."""
    if share < 1:
        x[..., int(x.shape[-1] * share) :] = 0
    return x


def _taken(conv: nn.Conv1d | nn.ConvTranspose1d, dtype: torch.dtype) -> nn.Module:
    """The same convolution over (batch, channels, 1, time), channels innermost; empties ``conv``."""
    kind = nn.ConvTranspose2d if isinstance(conv, nn.ConvTranspose1d) else nn.Conv2d
    with torch.device("meta"):
        flat = kind(
            conv.in_channels,
            conv.out_channels,
            (1, conv.kernel_size[0]),
            stride=(1, conv.stride[0]),
            padding=(0, cast(int, conv.padding[0])),
            dilation=(1, conv.dilation[0]),
            bias=conv.bias is not None,
        )
    weight = conv.weight.data[:, :, None].to(dtype).contiguous(memory_format=_LAYOUT)
    flat.weight = nn.Parameter(weight, requires_grad=False)
    if conv.bias is not None:
        flat.bias = nn.Parameter(conv.bias.data.to(dtype), requires_grad=False)
    conv.weight.data = torch.empty(0)
    return flat
