"""The decoding loop for a GPU: everything of a step on the device, several steps between two host syncs.

The same loop as `decoding.DecodeBatch`, made of fixed buffers so that CUDA can record it once and replay it:
rows come in buckets (1, 2, 4, ...), capacity for positions doubles, every slot beyond a row's length is masked.
Noise is drawn per request on the CPU, some steps ahead, so the tokens are those of the other loop. A row that ends
between two syncs is computed until the next one, and its surplus is dropped.

Without CUDA (or with ``record=False``) the very same steps run one operator at a time; that is how tests run them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from synth.gptsovits.decoding import DecodeBatch, Ended, Row, Utterance
from synth.gptsovits.sampling import MIN_TOKENS, Draw, RowParams, draw
from synth.gptsovits.text2semantic import Text2Semantic

STEPS_PER_SYNC = 8
FIRST_CAPACITY = 512


class GraphBatch(DecodeBatch):
    """Same use as `DecodeBatch`; one call of `step` gives up to ``STEPS_PER_SYNC`` tokens to every row."""

    def __init__(self, model: Text2Semantic, max_rows: int = 1, *, record: bool | None = None) -> None:
        super().__init__(model, max_rows)
        config = model.config
        self._record = self.device.type == "cuda" if record is None else record
        self._heads, self._head_width = config.heads, config.width // config.heads
        self._store = self._new_store(FIRST_CAPACITY)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

        def column(dtype: torch.dtype, fill: float = 0) -> Tensor:
            return torch.full((max_rows,), fill, dtype=dtype, device=self.device)

        self._last, self._positions = column(torch.int64), column(torch.int64)
        self._lengths, self._counts = column(torch.int64), column(torch.int64)
        self._columns = {
            "temperature": column(torch.float32, 1)[:, None],
            "top_k": column(torch.int64, 1)[:, None],
            "top_p": column(torch.float32, 1)[:, None],
            "repetition_penalty": column(torch.float32, 1)[:, None],
        }
        self._largest_k, self._any_top_p = 1, False
        self._noise_ahead = torch.ones(STEPS_PER_SYNC, max_rows, config.tokens, device=self.device)
        self._drawn = torch.zeros(STEPS_PER_SYNC, max_rows, dtype=torch.int64, device=self.device)
        self._ends = torch.zeros(STEPS_PER_SYNC, max_rows, dtype=torch.bool, device=self.device)

    @property
    def nbytes(self) -> int:
        """Memory of keys and values."""
        return self._store.nbytes

    @torch.inference_mode()
    def join(self, utterance: Utterance) -> Row:
        """See `DecodeBatch.join`."""
        if len(self.rows) == self.max_rows:
            raise ValueError("the batch is full")
        prompt = utterance.prompt.to(self.device)
        logits, kept = self.model.prefill(
            utterance.phones.to(self.device), utterance.bert_rows.to(self.device), prompt
        )
        at, row = len(self.rows), Row(utterance)
        noise = utterance.noise or Draw(utterance.seed, self.model.config.tokens)
        length = kept[0][0].shape[1]
        self._ensure_capacity(length + 2 * STEPS_PER_SYNC)
        for layer, (keys, values) in enumerate(kept):
            self._store[0, layer, at, :, :length] = keys
            self._store[1, layer, at, :, :length] = values
        self._seen[at] = False
        self._seen[at, prompt] = True
        self.rows.append(row)
        self._noise.append(noise)
        params = RowParams.of([utterance.params], self.device)
        self._take([at], logits[None], self._seen[at : at + 1], params, [row], [noise])
        self._lengths[at] = length
        self._positions[at] = len(prompt)
        self._counts[at] = len(row.tokens)
        if row.tokens:
            self._last[at] = row.tokens[-1]
        for name, values in self._columns.items():
            values[at] = getattr(params, name)[0]
        self._drop_ended()
        self._update_sampling()
        return row

    @torch.inference_mode()
    def step(self) -> list[Row]:
        """See `DecodeBatch.step`; here a row gains up to ``STEPS_PER_SYNC`` tokens."""
        rows = list(self.rows)
        if not rows:
            return rows
        longest = int(self._lengths[: len(rows)].max())
        self._ensure_capacity(longest + STEPS_PER_SYNC + 1)
        ahead = torch.stack([torch.stack([noise() for noise in self._noise]) for _ in range(STEPS_PER_SYNC)])
        self._noise_ahead[:, : len(rows)] = ahead.to(self.device)
        self._run(min(self.max_rows, 1 << (len(rows) - 1).bit_length()))
        drawn, ends = self._drawn.tolist(), self._ends.tolist()
        for at, row in enumerate(rows):
            for turn in range(STEPS_PER_SYNC):
                if ends[turn][at]:
                    row.ended = Ended.BY_ITSELF
                    break
                row.tokens.append(drawn[turn][at])
                if len(row.tokens) >= row.utterance.max_tokens:
                    row.ended = Ended.AT_LIMIT
                    break
        self._drop_ended()
        return rows

    # ---------------------------------------------------------------------------------------------- on the device

    def _run(self, rows: int) -> None:
        if not self._record:
            self._steps(rows)
            return
        if rows not in self._graphs:
            self._graphs[rows] = self._recorded(rows)
        self._graphs[rows].replay()

    def _recorded(self, rows: int) -> torch.cuda.CUDAGraph:
        """Record the steps; the rows' state is put back, since warming up has moved it."""
        state = (self._last, self._positions, self._lengths, self._counts, self._seen)
        saved = [tensor.clone() for tensor in state]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._steps(rows)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._steps(rows)
        for tensor, before in zip(state, saved, strict=True):
            tensor.copy_(before)
        return graph

    def _steps(self, rows: int) -> None:
        for turn in range(STEPS_PER_SYNC):
            self._one(turn, rows)

    def _one(self, turn: int, rows: int) -> None:
        """One token for the first ``rows`` rows; reads and writes the fixed buffers only."""
        model, end_token = self.model, self.model.config.end_token
        lengths, counts, last = self._lengths[:rows], self._counts[:rows], self._last[:rows]
        each = torch.arange(rows, device=self.device)[:, None]
        heads = torch.arange(self._heads, device=self.device)[None]
        place = (each, heads, lengths[:, None])  # (rows, heads) positions, one per row
        slots = torch.arange(self._store.shape[4], device=self.device)
        mask = (slots <= lengths[:, None])[:, None, None]  # (rows, 1, 1, capacity)
        x = model.embed_tokens(last, self._positions[:rows])[:, None]
        for layer, block in enumerate(model._blocks()):
            queries, keys, values = block.project(x)
            self._store[0, layer].index_put_(place, keys[:, :, 0])
            self._store[1, layer].index_put_(place, values[:, :, 0])
            attended = F.scaled_dot_product_attention(
                queries, self._store[0, layer, :rows], self._store[1, layer, :rows], attn_mask=mask
            )
            x = block.finish(x, attended)
        logits = model.head(x[:, 0]).float()
        barred = torch.zeros_like(logits, dtype=torch.bool)
        barred[:, end_token] = counts < MIN_TOKENS
        logits = logits.masked_fill(barred, -torch.inf)
        params = RowParams(
            **{name: column[:rows] for name, column in self._columns.items()},
            largest_k=self._largest_k,
            any_top_p=self._any_top_p,
        )
        drawn, ends = draw(logits, self._seen[:rows], params, self._noise_ahead[turn, :rows], end_token)
        self._drawn[turn, :rows] = drawn
        self._ends[turn, :rows] = ends
        self._seen[:rows].scatter_(1, drawn[:, None], True)
        last.copy_(drawn)
        self._positions[:rows] += 1
        lengths += 1
        counts += 1

    # --------------------------------------------------------------------------------------------------- the rows

    def _drop_ended(self) -> None:
        """The last row takes the place of one that has ended, in every buffer."""
        for at in reversed(range(len(self.rows))):
            if self.rows[at].ended is None:
                continue
            last = len(self.rows) - 1
            if at != last:
                self._store[:, :, at] = self._store[:, :, last]
                for tensor in (self._last, self._positions, self._lengths, self._counts, self._seen):
                    tensor[at] = tensor[last].clone()
                for column in self._columns.values():
                    column[at] = column[last].clone()
                self.rows[at], self._noise[at] = self.rows[last], self._noise[last]
            self._lengths[last] = 0  # rows that only fill a bucket stay in the first slot
            self._positions[last] = 0
            self.rows.pop()
            self._noise.pop()
        for at in range(len(self.rows), self.max_rows):
            self._lengths[at] = 0
            self._positions[at] = 0

    def _update_sampling(self) -> None:
        """What is recorded depends on the largest k and on whether any row uses top-p."""
        largest_k = max((row.utterance.params.top_k for row in self.rows), default=1)
        any_top_p = any(row.utterance.params.top_p < 1 for row in self.rows)
        if largest_k > self._largest_k or any_top_p > self._any_top_p:
            self._largest_k = max(largest_k, self._largest_k)
            self._any_top_p = self._any_top_p or any_top_p
            self._graphs.clear()

    def _new_store(self, capacity: int) -> Tensor:
        shape = (2, self.model.config.layers, self.max_rows, self._heads, capacity, self._head_width)
        return torch.zeros(shape, dtype=self.model.token_embedding.weight.dtype, device=self.device)

    def _ensure_capacity(self, length: int) -> None:
        capacity = self._store.shape[4]
        if length <= capacity:
            return
        while capacity < length:
            capacity *= 2
        grown = self._new_store(capacity)
        grown[:, :, :, :, : self._store.shape[4]] = self._store
        self._store = grown
        self._graphs.clear()
