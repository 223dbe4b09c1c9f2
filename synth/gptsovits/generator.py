"""Generator: latent frames (50 per second) -> waveform. HiFi-GAN v1 (Kong et al., 2020), prefix ``dec``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.1
LAST_SLOPE = 0.01  # the framework's default slipped in before the last convolution, and was trained with


class ResidualBlock(nn.Module):
    """Three pairs of convolutions, the first of each pair dilated."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation)
            for dilation in dilations
        )
        self.convs2 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2) for _ in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu_(dilated(F.leaky_relu(x, SLOPE)), SLOPE))
        return x


class Generator(nn.Module):
    """Upsampling stages; after each, the mean of residual blocks with different kernels."""

    def __init__(
        self,
        *,
        latent_channels: int,
        first_channels: int,
        condition_width: int,
        upsample_rates: Sequence[int],
        upsample_kernels: Sequence[int],
        block_kernels: Sequence[int],
        block_dilations: Sequence[Sequence[int]],
        ends_kernel: int = 7,
    ) -> None:
        super().__init__()
        self.blocks_per_stage = len(block_kernels)
        self.conv_pre = nn.Conv1d(latent_channels, first_channels, ends_kernel, padding=ends_kernel // 2)
        self.cond = nn.Conv1d(condition_width, first_channels, 1)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        channels = first_channels
        for rate, kernel in zip(upsample_rates, upsample_kernels, strict=True):
            self.ups.append(
                nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2)
            )
            channels //= 2
            self.resblocks.extend(
                ResidualBlock(channels, kernel, dilations)
                for kernel, dilations in zip(block_kernels, block_dilations, strict=True)
            )
        self.conv_post = nn.Conv1d(channels, 1, ends_kernel, padding=ends_kernel // 2, bias=False)

    @classmethod
    def like(cls, model: Mapping, shapes: Mapping[str, torch.Size]) -> Generator:
        """An empty generator after ``config["model"]`` and the shapes of a checkpoint."""
        first_channels, latent_channels, ends_kernel = shapes["conv_pre.weight"]
        return cls(
            latent_channels=latent_channels,
            first_channels=first_channels,
            condition_width=shapes["cond.weight"][1],
            upsample_rates=model["upsample_rates"],
            upsample_kernels=model["upsample_kernel_sizes"],
            block_kernels=model["resblock_kernel_sizes"],
            block_dilations=model["resblock_dilation_sizes"],
            ends_kernel=ends_kernel,
        )

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """(batch, channels, frames), (batch, condition_width, 1) -> (batch, 1, frames x product of rates)."""
        x = self.conv_pre(latent) + self.cond(condition)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, SLOPE))
            first = stage * self.blocks_per_stage
            blocks = self.resblocks[first : first + self.blocks_per_stage]
            total = blocks[0](x)
            for block in blocks[1:]:
                total = total + block(x)
            x = total / self.blocks_per_stage
        return self.conv_post(F.leaky_relu(x, LAST_SLOPE)).tanh()
