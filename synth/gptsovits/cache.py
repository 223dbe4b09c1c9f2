"""Keys and values of a running batch, written in place.

Rows join at the end and leave by compaction; capacity grows in steps.

One allocation per batch, seen as (2, layers, rows, heads, capacity, head width). Writing in place is what makes a
step's cost independent of how much has been said: appending by concatenation copies everything at every
step.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from synth.gptsovits.compiled import kernels

CAPACITY_STEP = 256


class StaticCache:
    """Rows ``0 .. rows - 1`` are in use; each has its own length."""

    def __init__(
        self,
        *,
        layers: int,
        heads: int,
        head_width: int,
        max_rows: int,
        capacity: int = CAPACITY_STEP,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        heads_last: bool = False,
    ) -> None:
        """``heads_last``: in memory a position is (head width, heads), as the compiled step of the fast mode reads."""
        self.lengths: list[int] = []
        self._max_rows = max_rows
        shape = (2, layers, 1, heads, capacity, head_width)
        self._heads_last = heads_last
        self._store = _zeros(shape, dtype, torch.device(device), heads_last)
        self._mask: Tensor | None = None
        on_cpu = self._store.device.type == "cpu" and dtype == torch.float32
        self._kernels = kernels() if on_cpu else None

    @property
    def rows(self) -> int:
        return len(self.lengths)

    @property
    def store(self) -> Tensor:
        """(2, layers, rows, heads, capacity, head width); valid until the next call."""
        return self._store

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._store.nbytes

    def join(self, kept: list[tuple[Tensor, Tensor]]) -> int:
        """Add a row from what `Text2Semantic.prefill` kept; returns its index."""
        if self.rows == self._max_rows:
            raise ValueError("the batch is full")
        row, length = self.rows, kept[0][0].shape[1]
        self._ensure_capacity(row + 1, length + 1)
        for layer, (keys, values) in enumerate(kept):
            self._store[0, layer, row, :, :length] = keys
            self._store[1, layer, row, :, :length] = values
        self.lengths.append(length)
        self._mask = None
        return row

    def leave(self, row: int) -> None:
        """Drop a row; the last one takes its index."""
        last = self.rows - 1
        if row != last:
            length = self.lengths[last]
            self._store[:, :, row, :, :length] = self._store[:, :, last, :, :length]
            self.lengths[row] = self.lengths[last]
        self.lengths.pop()
        self._mask = None

    # ------------------------------------------------------------------------- what `Text2Semantic.step` uses

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """See `text2semantic.Cache`. Several rows on the CPU go through a compiled kernel where there is one."""
        if layer == 0:
            self.prepare()
        if self._kernels is not None and self.rows > 1:
            new = torch.cat([queries, keys, values], dim=2)  # (rows, heads, 3, head width)
            attended = torch.empty_like(new[:, :, :1])
            self._kernels.attend(layer, new.numpy(), self._counts, self._store.numpy(), attended.numpy())
            return attended
        for row, length in enumerate(self.lengths):
            self._store[0, layer, row, :, length] = keys[row, :, 0]
            self._store[1, layer, row, :, length] = values[row, :, 0]
        seen, rows = self._seen, self.rows
        had_keys, had_values = self._store[0, layer, :rows, :, :seen], self._store[1, layer, :rows, :, :seen]
        attended = F.scaled_dot_product_attention(
            queries.to(had_keys.dtype), had_keys, had_values, attn_mask=self._mask
        )
        return attended.to(queries.dtype)

    def advance(self) -> None:
        """See `text2semantic.Cache`."""
        self.lengths = [length + 1 for length in self.lengths]

    def prepare(self) -> None:
        """Once per step: capacity for one more position, and the mask of rows of unequal length."""
        self._seen = max(self.lengths) + 1
        self._counts = np.array(self.lengths, dtype=np.int64)
        self._ensure_capacity(self.rows, self._seen)
        self._mask = None
        if min(self.lengths) + 1 < self._seen:
            place = torch.arange(self._seen, device=self._store.device)
            ends = torch.tensor(self.lengths, device=self._store.device)
            self._mask = (place <= ends[:, None])[:, None, None]  # (rows, 1, 1, seen)

    def _ensure_capacity(self, rows: int, length: int) -> None:
        _, layers, had_rows, heads, capacity, head_width = self._store.shape
        if rows <= had_rows and length <= capacity:
            return
        new_rows = had_rows if rows <= had_rows else min(self._max_rows, max(rows, 2 * had_rows))
        new_capacity = capacity if length <= capacity else -(-length // CAPACITY_STEP) * CAPACITY_STEP
        shape = (2, layers, new_rows, heads, new_capacity, head_width)
        grown = _zeros(shape, self._store.dtype, self._store.device, self._heads_last)
        if used := max(self.lengths, default=0):
            grown[:, :, : self.rows, :, :used] = self._store[:, :, : self.rows, :, :used]
        self._store = grown


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, heads_last: bool) -> Tensor:
    """As `torch.zeros`; on the CPU in memory for which numpy asks the system for large pages. A step touches every
    few kilobytes of all of it, and looking the small ones up takes longer than reading them."""
    if heads_last:
        *outer, heads, capacity, head_width = shape
        return _zeros((*outer, capacity, head_width, heads), dtype, device, False).movedim(-1, -3)
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    size = math.prod(shape) * dtype.itemsize
    return torch.from_numpy(np.zeros(size, np.uint8)).view(dtype).view(shape)


class GrowingCache:
    """The plain way, kept to measure the other against: every position is appended by concatenation.

    One row only.
    """

    def __init__(self, kept: list[tuple[Tensor, Tensor]]) -> None:
        self._layers = [(keys[None], values[None]) for keys, values in kept]

    def attend(self, layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """See `text2semantic.Cache`."""
        had_keys, had_values = self._layers[layer]
        keys, values = torch.cat([had_keys, keys], dim=2), torch.cat([had_values, values], dim=2)
        self._layers[layer] = (keys, values)
        return F.scaled_dot_product_attention(queries, keys, values)

    def advance(self) -> None:
        """See `text2semantic.Cache`."""
