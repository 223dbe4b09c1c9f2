"""Vector quantiser: HuBERT features (50 per second) <-> semantic codes (25 per second, 1024 of them)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Quantizer(nn.Module):
    """Checkpoint prefixes ``ssl_proj`` and ``quantizer.vq.layers.0._codebook.embed``."""

    def __init__(self, feature_width: int, code_count: int) -> None:
        super().__init__()
        self.ssl_proj = nn.Conv1d(feature_width, feature_width, kernel_size=2, stride=2)
        self.codebook = nn.Parameter(torch.empty(code_count, feature_width))

    def codes(self, features: Tensor) -> Tensor:
        """(batch, width, frames) -> (batch, frames // 2) int64: the nearest row of the codebook."""
        x = self.ssl_proj(features).transpose(1, 2)  # (batch, codes, width)
        # |x - c|^2 without |x|^2, which does not change the order.
        score = x @ self.codebook.T * 2 - self.codebook.square().sum(1)
        return score.argmax(-1)

    def features(self, codes: Tensor) -> Tensor:
        """(batch, n) -> (batch, width, n)."""
        return nn.functional.embedding(codes, self.codebook).transpose(1, 2)
