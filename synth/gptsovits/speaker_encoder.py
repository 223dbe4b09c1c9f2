"""ERes2NetV2 (Chen et al., 2024): who is speaking, as 20480 numbers. Only the Pro checkpoints use it.

The network runs up to the fused map of its last two stages; the file's pooling and classifier layers are not
used. Widths and block counts are read from the file, so that any size of the architecture loads.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

FUSED_STAGES = 2  # the last two stages join their groups by attention, the first two by a sum


def clipped_relu(x: Tensor) -> Tensor:
    """ReLU that saturates at 20, as inside the residual blocks."""
    return x.clamp(0, 20)


class AttentionFusion(nn.Module):
    """Two maps of equal shape -> one, weighted per element by an attention over both."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, reduced, 1),
            nn.BatchNorm2d(reduced),
            nn.SiLU(),
            nn.Conv2d(reduced, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        weight = self.local_att(torch.cat([x, y], dim=1)).tanh()
        return x * (1 + weight) + y * (1 - weight)


class Block(nn.Module):
    """Res2Net bottleneck: channel groups are convolved in a cascade, each taking in the one before."""

    def __init__(self, shapes: Mapping[str, torch.Size], stride: int, fused: bool) -> None:
        super().__init__()
        middle, channels_in = shapes["conv1.weight"][:2]
        channels_out = shapes["conv3.weight"][0]
        self.groups = sum(name.startswith("convs.") for name in shapes)
        width = middle // self.groups
        self.conv1 = nn.Conv2d(channels_in, middle, 1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(self.groups)
        )
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(self.groups))
        if fused:
            reduced = shapes["fuse_models.0.local_att.0.weight"][0]
            self.fuse_models = nn.ModuleList(AttentionFusion(width, reduced) for _ in range(self.groups - 1))
        self.fused = fused
        self.conv3 = nn.Conv2d(middle, channels_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Sequential()
        if "shortcut.0.weight" in shapes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        groups = clipped_relu(self.bn1(self.conv1(x))).chunk(self.groups, dim=1)
        done: list[Tensor] = []
        for i, group in enumerate(groups):
            if i:
                group = self.fuse_models[i - 1](done[-1], group) if self.fused else done[-1] + group
            done.append(clipped_relu(self.bns[i](self.convs[i](group))))
        return clipped_relu(self.bn3(self.conv3(torch.cat(done, dim=1))) + self.shortcut(x))


class SpeakerEncoder(nn.Module):
    """Filter bank (batch, frames, 80) -> (batch, width); official width 20480. Inference only (``eval``)."""

    def __init__(self, shapes: Mapping[str, torch.Size]) -> None:
        super().__init__()
        first = shapes["conv1.weight"][0]
        self.conv1 = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        stages = 0
        while f"layer{stages + 1}.0.conv1.weight" in shapes:
            stages += 1
        self.stages = stages
        for stage in range(1, stages + 1):
            blocks: list[nn.Module] = []
            while (start := f"layer{stage}.{len(blocks)}.") + "conv1.weight" in shapes:
                inner = {n.removeprefix(start): s for n, s in shapes.items() if n.startswith(start)}
                stride = 2 if stage > 1 and not blocks else 1
                blocks.append(Block(inner, stride, fused=stage > stages - FUSED_STAGES))
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        channels_out, channels_in = shapes["layer3_ds.weight"][:2]
        self.layer3_ds = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
        self.fuse34 = AttentionFusion(channels_out, shapes["fuse34.local_att.0.weight"][0])

    def forward(self, bank: Tensor) -> Tensor:
        x = bank.transpose(1, 2)[:, None]  # (batch, 1, 80, frames)
        x = self.bn1(self.conv1(x)).relu()
        maps = []
        for stage in range(1, self.stages + 1):
            x = self.get_submodule(f"layer{stage}")(x)
            maps.append(x)
        fused = self.fuse34(maps[-1], self.layer3_ds(maps[-2]))  # (batch, channels, 10, frames / 8)
        return fused.flatten(1, 2).mean(-1)
