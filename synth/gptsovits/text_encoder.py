"""Text encoder: semantic tokens and phones -> mean and log deviation of the latent, 50 frames per second.

Checkpoint prefix ``enc_p``. Three VITS encoders (Kim et al., 2021) with relative positions, and between
them MRTE, a cross attention in which every frame attends to the phones and is given the style conditioning. One
utterance at a time: no padding, hence no masks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MRTE_HEADS = 4  # of the architecture; a checkpoint's shapes do not tell it


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (batch, channels, time)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(channels))
        self.beta = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        normal = F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, 1e-5)
        return normal.transpose(1, 2)


class Attention(nn.Module):
    """Multi-head attention; with a ``window``, learned keys and values for each distance within it."""

    def __init__(self, channels: int, heads: int, window: int | None) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        if window is not None:
            self.emb_rel_k = nn.Parameter(torch.empty(1, 2 * window + 1, channels // heads))
            self.emb_rel_v = nn.Parameter(torch.empty(1, 2 * window + 1, channels // heads))

    def forward(self, x: Tensor, source: Tensor) -> Tensor:
        """x (batch, channels, n) attends to source (batch, channels, m) -> (batch, channels, n)."""
        query, key, value = (
            part.unflatten(1, (self.heads, -1)).transpose(2, 3)  # (batch, heads, time, head width)
            for part in (self.conv_q(x), self.conv_k(source), self.conv_v(source))
        )
        query = query / math.sqrt(query.shape[-1])
        if self.window is None:
            attended = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        else:
            attended = self._with_distances(query, key, value, self.window)
        return self.conv_o(attended.transpose(2, 3).flatten(1, 2))

    def _with_distances(self, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
        length = key.shape[2]
        place = torch.arange(length, device=key.device)
        neighbour = place[:, None] + torch.arange(-window, window + 1, device=key.device)  # (n, 2 window + 1)
        inside = (neighbour >= 0) & (neighbour < length)
        neighbour = neighbour.clamp(0, length - 1).expand(*query.shape[:2], -1, -1)
        near = (query @ self.emb_rel_k[0].T) * inside
        scores = (query @ key.transpose(2, 3)).scatter_add(3, neighbour, near)
        weights = scores.softmax(-1)
        near_weights = weights.gather(3, neighbour) * inside
        return weights @ value + near_weights @ self.emb_rel_v[0]


class FeedForward(nn.Module):
    """Two convolutions over time with a ReLU between them."""

    def __init__(self, channels: int, width: int, kernel: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, width, kernel, padding=kernel // 2)
        self.conv_2 = nn.Conv1d(width, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_2(self.conv_1(x).relu_())


class Encoder(nn.Module):
    """Post-norm transformer layers with relative positions."""

    def __init__(self, channels: int, width: int, heads: int, layers: int, kernel: int, window: int) -> None:
        super().__init__()
        self.attn_layers = nn.ModuleList(Attention(channels, heads, window) for _ in range(layers))
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))
        self.ffn_layers = nn.ModuleList(FeedForward(channels, width, kernel) for _ in range(layers))
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, time) -> same shape."""
        layers = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for attend, norm_1, feed, norm_2 in layers:
            x = norm_1(x + attend(x, x))
            x = norm_2(x + feed(x))
        return x


class Mrte(nn.Module):
    """Multi-reference timbre encoder: frames attend to phones, and the style conditioning is added."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.c_pre = nn.Conv1d(channels, width, 1)
        self.text_pre = nn.Conv1d(channels, width, 1)
        self.cross_attention = Attention(width, MRTE_HEADS, window=None)
        self.c_post = nn.Conv1d(width, channels, 1)

    def forward(self, frames: Tensor, text: Tensor, style: Tensor) -> Tensor:
        """frames (batch, channels, n), text (batch, channels, m), style (batch, width, 1)."""
        frames = self.c_pre(frames)
        return self.c_post(self.cross_attention(frames, self.text_pre(text)) + frames + style)


@dataclass(frozen=True)
class LatentPrior:
    """What the text encoder says of each latent frame; ``hidden`` is its state before the last projection."""

    mean: Tensor  # (batch, latent channels, frames)
    log_deviation: Tensor  # (batch, latent channels, frames)
    hidden: Tensor  # (batch, channels, frames)


class TextEncoder(nn.Module):
    """Tokens are repeated to 50 frames per second, joined with the phones by MRTE, and projected."""

    def __init__(
        self,
        *,
        phone_count: int,
        codebook_width: int,
        channels: int,
        feed_width: int,
        mrte_width: int,
        latent_channels: int,
        heads: int,
        layers: int,
        kernel: int,
        window: int,
    ) -> None:
        super().__init__()
        shape = {"width": feed_width, "heads": heads, "kernel": kernel, "window": window}
        self.ssl_proj = nn.Conv1d(codebook_width, channels, 1)
        self.encoder_ssl = Encoder(channels, layers=layers // 2, **shape)
        self.text_embedding = nn.Embedding(phone_count, channels)
        self.encoder_text = Encoder(channels, layers=layers, **shape)
        self.mrte = Mrte(channels, mrte_width)
        self.encoder2 = Encoder(channels, layers=layers // 2, **shape)
        self.proj = nn.Conv1d(channels, 2 * latent_channels, 1)

    @classmethod
    def like(cls, model: Mapping, shapes: Mapping[str, torch.Size]) -> TextEncoder:
        """An empty encoder after ``config["model"]`` and the shapes of a checkpoint (without the prefix)."""
        phone_count, channels = shapes["text_embedding.weight"]
        feed_width, _, kernel = shapes["encoder_text.ffn_layers.0.conv_1.weight"]
        return cls(
            phone_count=phone_count,
            codebook_width=shapes["ssl_proj.weight"][1],
            channels=channels,
            feed_width=feed_width,
            mrte_width=shapes["mrte.c_pre.weight"][0],
            latent_channels=shapes["proj.weight"][0] // 2,
            heads=model["n_heads"],
            layers=model["n_layers"],
            kernel=kernel,
            window=shapes["encoder_text.attn_layers.0.emb_rel_k"][1] // 2,
        )

    def hidden(self, token_features: Tensor, phones: Tensor, style: Tensor) -> Tensor:
        """token_features (batch, width, tokens), phones (batch, m), style (batch, mrte width, 1)
        -> (batch, channels, 2 x tokens)."""
        frames = token_features.repeat_interleave(2, dim=2)
        frames = self.encoder_ssl(self.ssl_proj(frames))
        text = self.encoder_text(self.text_embedding(phones).transpose(1, 2))
        return self.encoder2(self.mrte(frames, text, style))

    def prior(self, hidden: Tensor, speed: float = 1.0) -> LatentPrior:
        """Stretch the hidden frames to ``int(frames / speed) + 1`` unless the speed is 1, and project."""
        if speed != 1.0:
            hidden = F.interpolate(hidden, size=int(hidden.shape[2] / speed) + 1, mode="linear")
        mean, log_deviation = self.proj(hidden).chunk(2, dim=1)
        return LatentPrior(mean, log_deviation, hidden)
