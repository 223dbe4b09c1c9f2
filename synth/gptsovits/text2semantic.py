"""Text2Semantic: phones, BERT rows and the prompt's tokens -> the next token, 25 per second of speech.

The s1 checkpoint: a post-norm transformer decoder over the sequence [text | audio]. Text sees all text,
audio sees all text and the audio before it. The prompt's text and the new text are one sequence, so nothing
of it can be kept between sentences but the prompt's tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synth.errors import AssentError
from synth.gptsovits.cache import StaticCache

MAX_POSITIONS = 4000


@dataclass(frozen=True)
class Text2SemanticConfig:
    """Widths of a checkpoint. ``end_token`` ends an utterance; it is the last of the vocabulary."""

    layers: int
    width: int
    heads: int
    feed_width: int
    phones: int
    tokens: int
    bert_width: int
    end_token: int

    @classmethod
    def from_shapes(
        cls, shapes: Mapping[str, torch.Size], *, heads: int, end_token: int | None = None
    ) -> Text2SemanticConfig:
        """Everything but the number of heads is told by the shapes (our names)."""
        tokens, width = shapes["token_embedding.weight"]
        return cls(
            layers=sum(name.startswith("blocks.") and name.endswith(".qkv.weight") for name in shapes),
            width=width,
            heads=heads,
            feed_width=shapes["blocks.0.up.weight"][0],
            phones=shapes["phone_embedding.weight"][0],
            tokens=tokens,
            bert_width=shapes["bert_proj.weight"][1],
            end_token=tokens - 1 if end_token is None else min(max(int(end_token), 0), tokens - 1),
        )


class Cache(Protocol):
    """Keys and values of what the rows of a batch have seen so far."""

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Put the new position, (rows, heads, 1, head width) each, behind every row; each row attends to its own
        positions, the new one included -> (rows, heads, 1, head width)."""

    def advance(self) -> None:
        """All layers have appended: the new position counts from now on."""


class Block(nn.Module):
    """One decoder layer. ``qkv``, ``out``, ``up`` and ``down`` are what the fast modes replace."""

    def __init__(self, width: int, heads: int, feed_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, feed_width)
        self.down = nn.Linear(feed_width, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(rows, n, width) -> queries, keys, values, each (rows, heads, n, head width)."""
        rows, length, _ = x.shape
        parts = self.qkv(x).view(rows, length, 3, self.heads, -1)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
        return queries, keys, values

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Residual, norm, feed-forward, residual, norm. attended (rows, heads, n, head width)."""
        attended = attended.transpose(1, 2).reshape(x.shape)
        x = self.norm1(x + self.out(attended))
        return self.norm2(x + self.down(self.up(x).relu_()))


class Text2Semantic(nn.Module):
    """The network alone; what to do with its logits is in `sampling`, the loop in `decoding`."""

    positions: Tensor
    cache_dtype: torch.dtype | None = None
    """Of keys and values; None: that of the weights."""
    cache_heads_last = False
    """See `StaticCache`."""

    def __init__(self, config: Text2SemanticConfig) -> None:
        super().__init__()
        self.config = config
        self.bert_proj = nn.Linear(config.bert_width, config.width)
        self.phone_embedding = nn.Embedding(config.phones, config.width)
        self.phone_position_scale = nn.Parameter(torch.empty(1))
        self.token_embedding = nn.Embedding(config.tokens, config.width)
        self.token_position_scale = nn.Parameter(torch.empty(1))
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.feed_width) for _ in range(config.layers)
        )
        self.head = nn.Linear(config.width, config.tokens, bias=False)
        with torch.device("cpu"):  # also where the network itself is built without memory
            self.register_buffer("positions", sinusoids(MAX_POSITIONS, config.width), persistent=False)

    @staticmethod
    def our_name(name: str) -> str:
        """A checkpoint's name (without ``model.``) -> ours."""
        renames = {
            "ar_text_embedding.word_embeddings": "phone_embedding",
            "ar_audio_embedding.word_embeddings": "token_embedding",
            "ar_text_position.alpha": "phone_position_scale",
            "ar_audio_position.alpha": "token_position_scale",
            "ar_predict_layer": "head",
            "h.layers.": "blocks.",
            "self_attn.in_proj_": "qkv.",
            "self_attn.out_proj": "out",
            "linear1": "up",
            "linear2": "down",
        }
        for theirs, ours in renames.items():
            name = name.replace(theirs, ours)
        return name

    def new_cache(self, max_rows: int) -> StaticCache:
        """Memory for the keys and values of a batch, as `step` wants them."""
        config, weight = self.config, self.token_embedding.weight
        head_width = config.width // config.heads
        return StaticCache(
            layers=config.layers, heads=config.heads, head_width=head_width, max_rows=max_rows,
            dtype=self.cache_dtype or weight.dtype, device=weight.device, heads_last=self.cache_heads_last,
        )  # fmt: skip

    # -------------------------------------------------------------------------------------------- embedding

    def embed_text(self, phones: Tensor, bert_rows: Tensor) -> Tensor:
        """phones (n,) int64, bert_rows (bert width, n) -> (n, width)."""
        x = self.phone_embedding(phones) + self.bert_proj(bert_rows.T.to(self.bert_proj.weight))
        return x + self.phone_position_scale * self.positions[: len(x)]

    def embed_tokens(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """tokens and their positions in the audio, (...,) int64 -> (..., width)."""
        return self.token_embedding(tokens) + self.token_position_scale * self.positions[positions]

    # --------------------------------------------------------------------------------------------- forward

    def _blocks(self) -> list[Block]:
        return cast(list[Block], list(self.blocks))

    def prefill(
        self, phones: Tensor, bert_rows: Tensor, prompt: Tensor
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Read a whole text and prompt (m,) at once.

        Returns the logits (tokens,) of the first new token, and per layer the keys and values (heads, n + m,
        head width) that a cache starts from. Without a prompt the first token follows the last phone.
        """
        text, audio = len(phones), len(prompt)
        if text + audio > MAX_POSITIONS // 2:
            raise AssentError(
                "segment_too_long",
                "This passage is too long to be spoken in one breath.",
                measured=text + audio,
                limit=MAX_POSITIONS // 2,
            )
        x = self.embed_text(phones, bert_rows)
        if audio:
            positions = torch.arange(audio, device=prompt.device)
            x = torch.cat([x, self.embed_tokens(prompt, positions)])
        x = x[None]  # (1, n + m, width)
        visible = torch.ones(audio, text + audio, dtype=torch.bool, device=x.device).tril(text)
        kept = []
        for block in self._blocks():
            queries, keys, values = block.project(x)
            attended = F.scaled_dot_product_attention(
                queries[:, :, :text], keys[:, :, :text], values[:, :, :text]
            )
            if audio:
                of_audio = F.scaled_dot_product_attention(
                    queries[:, :, text:], keys, values, attn_mask=visible
                )
                attended = torch.cat([attended, of_audio], dim=2)
            x = block.finish(x, attended)
            kept.append((keys[0], values[0]))
        return self.head(x[0, -1]).float(), kept

    def step(self, tokens: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """The last token of each row (rows,) and its position in the audio (rows,) -> logits (rows, tokens)."""
        x = self.embed_tokens(tokens, positions)[:, None]  # (rows, 1, width)
        return self.head(self.through(x, cache)[:, 0]).float()

    def through(self, x: Tensor, cache: Cache) -> Tensor:
        """One new position of each row (rows, 1, width) through all layers."""
        for layer, block in enumerate(self._blocks()):
            queries, keys, values = block.project(x)
            x = block.finish(x, cache.attend(layer, queries, keys, values))
        cache.advance()
        return x


def sinusoids(length: int, width: int) -> Tensor:
    """Interleaved sine (even) and cosine (odd) positions, base 10000: (length, width) float32."""
    place = torch.arange(length)[:, None].float()
    rate = torch.exp(torch.arange(0, width, 2).float() * -(math.log(10_000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2] = torch.sin(place * rate)
    table[:, 1::2] = torch.cos(place * rate)
    return table
