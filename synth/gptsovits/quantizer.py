"""Vector quantiser: HuBERT features (50 per second) <-> semantic tokens (25 per second, 1024 of them)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Quantizer(nn.Module):
    """Checkpoint prefixes ``ssl_proj`` and ``quantizer.vq.layers.0._codebook.embed``."""

    def __init__(self, feature_width: int, codebook_size: int) -> None:
        super().__init__()
        self.ssl_proj = nn.Conv1d(feature_width, feature_width, kernel_size=2, stride=2)
        self.codebook = nn.Parameter(torch.empty(codebook_size, feature_width))

    def tokens(self, features: Tensor) -> Tensor:
        """(batch, width, frames) -> (batch, frames // 2) int64: the nearest row of the codebook."""
        x = self.ssl_proj(features).transpose(1, 2)  # (batch, tokens, width)
        # |x - c|^2 without |x|^2, which does not change the order.
        score = x @ self.codebook.T * 2 - self.codebook.square().sum(1)
        return score.argmax(-1)

    def features(self, tokens: Tensor) -> Tensor:
        """(batch, n) -> (batch, width, n)."""
        return nn.functional.embedding(tokens, self.codebook).transpose(1, 2)
