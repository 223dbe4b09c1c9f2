"""The loop around Text2Semantic: rows join, every step adds one token to each, rows leave when they end.

A single utterance is a batch of one row. What a row draws depends on its own request alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor

from synth.gptsovits.sampling import MAX_TOKENS, MIN_TOKENS, Draw, RowParams, SamplingParams, draw
from synth.gptsovits.text2semantic import Text2Semantic

Noise = Callable[[], Tensor]


class Ended(Enum):
    """Why a row has no more tokens."""

    BY_ITSELF = "by itself"
    AT_LIMIT = "at the limit"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Utterance:
    """One sentence to be turned into tokens; phones and BERT rows of the prompt's text come first.

    ``prompt`` may be empty: then phones and rows are those of the new text alone. ``noise`` overrides the
    draw from ``seed`` (recorded noise in tests): called once per token, it gives (tokens,) Exp(1).
    """

    phones: Tensor  # (n,) int64
    bert_rows: Tensor  # (bert width, n) float
    prompt: Tensor  # (m,) int64
    params: SamplingParams = field(default_factory=SamplingParams)
    seed: int = 0
    max_tokens: int = MAX_TOKENS
    noise: Noise | None = None


@dataclass
class Row:
    """A running utterance: the tokens so far and, once it has left the batch, why."""

    utterance: Utterance
    tokens: list[int] = field(default_factory=list)
    ended: Ended | None = None


class DecodeBatch:
    """Up to ``max_rows`` utterances in one device's memory. Not thread-safe: one thread owns it."""

    def __init__(self, model: Text2Semantic, max_rows: int = 1) -> None:
        self.model = model
        self.device = model.positions.device
        self.max_rows = max_rows
        self.rows: list[Row] = []
        self._noise: list[Noise] = []
        self._cache = model.new_cache(max_rows)
        self._seen = torch.zeros(max_rows, model.config.tokens, dtype=torch.bool, device=self.device)
        self._params: RowParams | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        """Memory of keys and values."""
        return self._cache.nbytes

    @torch.inference_mode()
    def join(self, utterance: Utterance) -> Row:
        """Read an utterance's text and prompt and draw its first token. The row may end with it."""
        prompt = utterance.prompt.to(self.device)
        logits, kept = self.model.prefill(
            utterance.phones.to(self.device), utterance.bert_rows.to(self.device), prompt
        )
        row = Row(utterance)
        noise = utterance.noise or Draw(utterance.seed, self.model.config.tokens)
        at = self._cache.join(kept)
        self.rows.append(row)
        self._noise.append(noise)
        self._params = None
        self._seen[at] = False
        self._seen[at, prompt] = True
        params = RowParams.of([utterance.params], self.device)
        self._take([at], logits[None], self._seen[at : at + 1], params, [row], [noise])
        self._drop_ended()
        return row

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """One more token for every row; returns the rows that took part, ended ones among them."""
        rows = list(self.rows)
        if not rows:
            return rows
        last = torch.tensor([row.tokens[-1] for row in rows], device=self.device)
        positions = torch.tensor(
            [len(row.utterance.prompt) + len(row.tokens) - 1 for row in rows], device=self.device
        )
        logits = self.model.step(last, positions, self._cache)
        if self._params is None:
            self._params = RowParams.of([row.utterance.params for row in rows], self.device)
        self._take(range(len(rows)), logits, self._seen[: len(rows)], self._params, rows, self._noise)
        self._drop_ended()
        return rows

    @torch.inference_mode()
    def cancel(self, row: Row) -> None:
        """Free the row's place at once; the last row moves into it."""
        if row.ended is None:
            row.ended = Ended.CANCELLED
            self._drop_ended()

    def _take(
        self,
        positions: Sequence[int],
        logits: Tensor,
        seen: Tensor,
        params: RowParams,
        rows: Sequence[Row],
        noises: Sequence[Noise],
    ) -> None:
        end_token = self.model.config.end_token
        early = [i for i, row in enumerate(rows) if len(row.tokens) < MIN_TOKENS]
        if early:
            logits[early, end_token] = -torch.inf
        noise = torch.stack([draw_noise() for draw_noise in noises]).to(self.device)
        drawn, ends = draw(logits, seen, params, noise, end_token)
        seen.scatter_(1, drawn[:, None], True)
        for row, token, end in zip(rows, drawn.tolist(), ends.tolist(), strict=True):
            if end:
                row.ended = Ended.BY_ITSELF
                continue
            row.tokens.append(token)
            if len(row.tokens) >= row.utterance.max_tokens:
                row.ended = Ended.AT_LIMIT

    def _drop_ended(self) -> None:
        for at in reversed(range(len(self.rows))):
            if self.rows[at].ended is not None:
                self._cache.leave(at)
                last = len(self.rows) - 1
                self.rows[at], self._noise[at] = self.rows[last], self._noise[last]
                self._seen[at] = self._seen[last]
                self.rows.pop()
                self._noise.pop()
                self._params = None


def tokens_of(model: Text2Semantic, utterance: Utterance) -> Iterator[int]:
    """The tokens of one utterance as they are drawn; its end is the end of the iteration."""
    batch = DecodeBatch(model)
    row = batch.join(utterance)
    given = 0
    while True:
        yield from row.tokens[given:]
        given = len(row.tokens)
        if row.ended is not None:
            return
        batch.step()
