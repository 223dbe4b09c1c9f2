"""From logits to the next token: repetition penalty, top-p, temperature, top-k, draw - for all rows at once.

The order and the details (the penalty covers the prompt's tokens, the token that crosses top-p is dropped,
the end is looked for before the temperature) are those of the original, because weights and defaults were
tuned with them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from synth.errors import AssentError

MIN_TOKENS = 11  # an utterance has at least this many tokens: the end is not offered before
MAX_TOKENS = 1500  # one minute


@dataclass(frozen=True)
class SamplingParams:
    """How freely the tokens are drawn. The defaults are those of the original's HTTP interface."""

    temperature: float = 1.0
    top_k: int = 15
    top_p: float = 1.0
    repetition_penalty: float = 1.35

    def __post_init__(self) -> None:
        bounds: tuple[tuple[str, float, float], ...] = (
            ("temperature", 0.0, 2.0),
            ("top_k", 1, 1024),
            ("top_p", 0.01, 1.0),
            ("repetition_penalty", 1.0, 3.0),
        )
        for name, low, high in bounds:
            value = getattr(self, name)
            if not low <= value <= high:
                raise AssentError(
                    "parameter_out_of_range",
                    f"{name} must lie between {low:g} and {high:g}.",
                    measured=value,
                    limit=[low, high],
                )


def derived_seed(seed: int, *path: int | str) -> int:
    """A 63-bit seed for one purpose of a request, e.g. ``derived_seed(seed, segment, "codes")``.

    Each draws from its own generator, so that nothing depends on what else runs beside it or in which order.
    """
    text = ":".join(str(part) for part in (seed, *path))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


class Draw:
    """Exponential noise of one request, one row of the vocabulary per token, always on the CPU."""

    def __init__(self, seed: int, tokens: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._tokens = tokens

    def __call__(self) -> Tensor:
        """(tokens,) float32, Exp(1)."""
        return torch.empty(self._tokens).exponential_(generator=self._generator)


@dataclass
class RowParams:
    """`SamplingParams` of each row as columns (rows, 1) on the device of the logits."""

    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    repetition_penalty: Tensor
    largest_k: int
    any_top_p: bool

    @classmethod
    def of(cls, rows: list[SamplingParams], device: torch.device | str = "cpu") -> RowParams:
        """Gather the rows' parameters; do it when the rows change, not at every step."""

        def column(values: list[float], dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)[:, None]

        return cls(
            temperature=column([max(row.temperature, 1e-5) for row in rows]),
            top_k=column([row.top_k for row in rows], torch.int64),
            top_p=column([row.top_p for row in rows]),
            repetition_penalty=column([row.repetition_penalty for row in rows]),
            largest_k=max(row.top_k for row in rows),
            any_top_p=any(row.top_p < 1 for row in rows),
        )


def draw(
    logits: Tensor, seen: Tensor, params: RowParams, noise: Tensor, end_token: int
) -> tuple[Tensor, Tensor]:
    """logits (rows, tokens), seen (rows, tokens) bool, noise (rows, tokens) Exp(1).

    Returns the drawn tokens (rows,) and whether the row ends here (rows,) bool: when the end is drawn, or
    when it is the likeliest after the penalty. Where the end is not offered yet its logit is minus
    infinity.
    """
    penalty = params.repetition_penalty
    logits = torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
    likeliest = logits.argmax(-1)
    if params.any_top_p:
        logits = _nucleus(logits, params.top_p)
    logits = logits / params.temperature
    largest = logits.topk(min(params.largest_k, logits.shape[1])).values
    logits = logits.masked_fill(logits < largest.gather(1, params.top_k - 1), -torch.inf)
    drawn = (logits.softmax(-1) / noise).argmax(-1)
    return drawn, (drawn == end_token) | (likeliest == end_token)


def _nucleus(logits: Tensor, top_p: Tensor) -> Tensor:
    ordered, order = logits.sort(descending=True)
    outside = ordered.softmax(-1).cumsum(-1) > top_p
    outside[:, 0] = False
    outside &= top_p < 1
    return logits.masked_fill(torch.zeros_like(outside).scatter(1, order, outside), -torch.inf)
