"""Normalising flow between the latent that the text encoder predicts and the one that the generator speaks.

Checkpoint prefix ``flow``: mean-only affine couplings (Glow) with a WaveNet inside, each followed by a
reversal of the channels. Inference runs it backwards only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn


class WaveNet(nn.Module):
    """Gated convolutions with skip connections, every layer biased by the speaker conditioning."""

    def __init__(self, width: int, kernel: int, layers: int, condition_width: int) -> None:
        super().__init__()
        self.width = width
        self.cond_layer = nn.Conv1d(condition_width, 2 * width * layers, 1)
        self.in_layers = nn.ModuleList(
            nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2) for _ in range(layers)
        )
        self.res_skip_layers = nn.ModuleList(
            nn.Conv1d(width, width if layer == layers - 1 else 2 * width, 1) for layer in range(layers)
        )

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (batch, width, frames), condition (batch, condition_width, 1) -> (batch, width, frames)."""
        biases = self.cond_layer(condition).chunk(len(self.in_layers), dim=1)
        total = torch.zeros_like(x)
        for layer, (gated, split) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            content, gate = (gated(x) + biases[layer]).chunk(2, dim=1)
            y = split(content.tanh() * gate.sigmoid())
            if layer == len(self.in_layers) - 1:
                return total + y
            residual, skip = y.chunk(2, dim=1)
            x, total = x + residual, total + skip
        raise AssertionError("a WaveNet has at least one layer")


class Coupling(nn.Module):
    """Half of the channels decides what is subtracted from the other half."""

    def __init__(self, channels: int, width: int, kernel: int, layers: int, condition_width: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, width, 1)
        self.enc = WaveNet(width, kernel, layers, condition_width)
        self.post = nn.Conv1d(width, channels // 2, 1)

    def reverse(self, z: Tensor, condition: Tensor) -> Tensor:
        kept, moved = z.chunk(2, dim=1)
        return torch.cat([kept, moved - self.post(self.enc(self.pre(kept), condition))], dim=1)


class Flow(nn.Module):
    """Couplings at the even positions of the checkpoint's list; the odd ones are reversals without weights."""

    def __init__(
        self, channels: int, width: int, kernel: int, layers: int, condition_width: int, couplings: int
    ) -> None:
        super().__init__()
        self.flows = nn.ModuleDict(
            {str(2 * i): Coupling(channels, width, kernel, layers, condition_width) for i in range(couplings)}
        )

    @classmethod
    def like(cls, shapes: Mapping[str, torch.Size]) -> Flow:
        """An empty flow with the widths of a checkpoint (names without the prefix, weight-norm folded)."""
        width, half, _ = shapes["flows.0.pre.weight"]
        layers = sum(name.startswith("flows.0.enc.in_layers.") and name.endswith("weight") for name in shapes)
        couplings = sum(name.endswith(".pre.weight") for name in shapes)
        kernel = shapes["flows.0.enc.in_layers.0.weight"][2]
        condition_width = shapes["flows.0.enc.cond_layer.weight"][1]
        return cls(2 * half, width, kernel, layers, condition_width, couplings)

    def reverse(self, z: Tensor, condition: Tensor) -> Tensor:
        """z (batch, channels, frames), condition (batch, condition_width, 1) -> same shape as z."""
        for coupling in reversed(list(self.flows.values())):
            z = cast(Coupling, coupling).reverse(z.flip(1), condition)
        return z
