"""Reference encoder: a spectrogram of someone speaking -> one *reference embedding* (voice and manner).

Checkpoint prefix ``ref_enc``. A style encoder after Min et al., Meta-StyleSpeech (2021): two dense layers,
two gated convolutions over time, one self-attention, mean over time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ATTENTION_HEADS = 2  # of the architecture; a checkpoint's shapes do not tell it

# The checkpoint wraps each layer once more than there is a reason to; left: its name, right: ours.
CHECKPOINT_NAMES = {
    "spectral.0.fc": "dense_in",
    "spectral.3.fc": "dense_out",
    "temporal.0.conv1.conv": "gated.0",
    "temporal.1.conv1.conv": "gated.1",
    "slf_attn.w_qs": "query",
    "slf_attn.w_ks": "key",
    "slf_attn.w_vs": "value",
    "slf_attn.fc": "merge",
    "fc.fc": "to_style",
}


class ReferenceEncoder(nn.Module):
    """``bands`` lowest bins of the spectrogram -> ``style_width`` numbers."""

    def __init__(self, bands: int, width: int, style_width: int, kernel: int) -> None:
        super().__init__()
        self.bands = bands
        self.dense_in = nn.Linear(bands, width)
        self.dense_out = nn.Linear(width, width)
        self.gated = nn.ModuleList(nn.Conv1d(width, 2 * width, kernel, padding=kernel // 2) for _ in range(2))
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.merge = nn.Linear(width, width)
        self.to_style = nn.Linear(width, style_width)

    @classmethod
    def like(cls, shapes: Mapping[str, torch.Size]) -> ReferenceEncoder:
        """An empty encoder with the widths of a checkpoint (our names, without the prefix)."""
        width, bands = shapes["dense_in.weight"]
        return cls(bands, width, shapes["to_style.weight"][0], shapes["gated.0.weight"][2])

    def forward(self, spectrogram: Tensor) -> Tensor:
        """(batch, bins, frames) with bins >= bands -> (batch, style_width, 1)."""
        x = spectrogram[:, : self.bands].transpose(1, 2)  # (batch, frames, bands)
        x = F.mish(self.dense_out(F.mish(self.dense_in(x))))  # (batch, frames, width)
        x = x.transpose(1, 2)
        for layer in self.gated:
            content, gate = layer(x).chunk(2, dim=1)
            x = x + content * gate.sigmoid()
        x = x.transpose(1, 2)
        query, key, value = (
            part(x).unflatten(-1, (ATTENTION_HEADS, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        # Divided by the root of the whole width, not of one head: that is how the weights were trained.
        scale = 1 / math.sqrt(x.shape[-1])
        attended = F.scaled_dot_product_attention(query, key, value, scale=scale)
        x = self.merge(attended.transpose(1, 2).flatten(2)) + x
        return self.to_style(x).mean(dim=1)[:, :, None]
