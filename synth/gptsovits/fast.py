"""Reduced precision, all of it: int8 decoder steps, bfloat16 prefill and generator. float32 is the other mode.

* ``fp32``: parity and the default, until a mode has been listened to with real weights.
* ``fast``: decoder steps over int8 weights, by `kernels` where numba is installed and by torch's int8 operators
  elsewhere and for several rows; prefill and generator in bfloat16 where the processor multiplies in it.

Inputs are quantised row by row on a scale of their own, so that a row is not changed by the rows beside it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from synth.gptsovits.cache import StaticCache
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.text2semantic import Block, Cache, Text2Semantic

MODES = ("fp32", "fast")
LINEARS = ("qkv", "out", "up", "down")
NATIVE_ROWS = 2  # up to so many rows the compiled step is the quicker one


@dataclass(frozen=True)
class Capabilities:
    """What this machine offers to the fast mode."""

    bfloat16: bool
    compiled_step: bool

    def describe(self) -> str:
        """For the doctor: one phrase."""
        steps = "int8 (compiled)" if self.compiled_step else "int8 (torch)"
        return f"decoder {steps}, prefill and generator {'bfloat16' if self.bfloat16 else 'float32'}"


def capabilities() -> Capabilities:
    """Asked of the processor and the installed packages; never guessed from names."""
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    bfloat16 = any(getattr(torch.cpu, ask, lambda: False)() for ask in asks)
    return Capabilities(bfloat16=bfloat16, compiled_step=_kernels() is not None)


def _kernels() -> ModuleType | None:
    try:
        from synth.gptsovits import kernels
    except ImportError:
        return None
    return kernels


# --------------------------------------------------------------------------------------------------- layers


class Bfloat16Linear(nn.Module):
    """A linear layer with bfloat16 weights and products; what goes in and out stays float32."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(linear.weight.bfloat16(), requires_grad=False)
        self.bias = nn.Parameter(linear.bias.bfloat16(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x.bfloat16(), self.weight, self.bias).float()


class Int8Linear(nn.Module):
    """A linear layer with int8 weights per output, over torch's quantised operator.

    The operator takes one scale for its whole input. Each row is therefore brought to a largest value of 1 and a
    guard row from -1 to 1 is added, which makes the scale a constant: every row is quantised by itself.
    """

    guard: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.float()
        scale = weight.abs().amax(1).clamp_min(1e-12) / 127
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # torch announces the removal of this interface; one place uses it
            zero = torch.zeros(len(weight), dtype=torch.int64)
            quantised = torch.quantize_per_channel(weight, scale, zero, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(quantised, None)
        self.bias = nn.Parameter(linear.bias.float(), requires_grad=False)
        guard = torch.zeros(1, weight.shape[1])
        guard[0, 0], guard[0, 1] = -1.0, 1.0
        self.register_buffer("guard", guard, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        size = rows.abs().amax(1, keepdim=True).clamp_min(1e-12)
        guarded = torch.cat([rows / size, self.guard])
        product = torch.ops.quantized.linear_dynamic(guarded, self._packed, False)[:-1]
        return torch.addcmul(self.bias, product, size).view(*x.shape[:-1], -1)


# ------------------------------------------------------------------------------------------ text to semantic


class FastText2Semantic(Text2Semantic):
    """Prefill as loaded (float32 or bfloat16), steps over int8 copies of the same weights. CPU only."""

    def __init__(self, model: Text2Semantic, can: Capabilities) -> None:
        with torch.device("meta"):
            super().__init__(model.config)
        self.load_state_dict(model.state_dict(), assign=True)
        self.positions = model.positions
        self._kernels = _kernels() if can.compiled_step else None
        self._packed = _packed_for_kernels(model) if self._kernels is not None else ()
        #: Weights held beside the parameters, for `residency`.
        self.extra_bytes = sum(array.nbytes for array in self._packed)
        blocks = self._blocks()
        self._int8 = [{name: Int8Linear(getattr(block, name)) for name in LINEARS} for block in blocks]
        if can.bfloat16:
            for block in blocks:
                for name in LINEARS:
                    setattr(block, name, Bfloat16Linear(getattr(block, name)))
        self.eval().requires_grad_(False)

    def through(self, x: Tensor, cache: Cache) -> Tensor:
        """See `Text2Semantic.through`."""
        if self._kernels is not None and isinstance(cache, StaticCache) and cache.rows <= NATIVE_ROWS:
            cache.prepare()
            state = np.ascontiguousarray(x[:, 0].numpy())
            self._kernels.step(state, np.array(cache.lengths), cache.store.numpy(), *self._packed)
            cache.advance()
            return torch.from_numpy(state)[:, None]
        for layer, (block, linear) in enumerate(zip(self._blocks(), self._int8, strict=True)):
            parts = linear["qkv"](x).view(*x.shape[:2], 3, block.heads, -1)
            queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
            cache.append(layer, keys, values)
            heard = cache.attend(layer, queries).transpose(1, 2).reshape(x.shape)
            x = block.norm1(x + linear["out"](heard))
            x = block.norm2(x + linear["down"](linear["up"](x).relu_()))
        cache.advance()
        return x


def _packed_for_kernels(model: Text2Semantic) -> tuple[np.ndarray, ...]:
    """Weights, scales, biases and norms of all layers in the order that `kernels.step` takes them."""
    blocks = cast(list[Block], list(model.blocks))
    packed: list[np.ndarray] = []
    for name in LINEARS:
        weights = torch.stack([getattr(block, name).weight.float() for block in blocks])
        scale = weights.abs().amax(2).clamp_min(1e-12) / 127
        packed.append((weights / scale[:, :, None]).round().to(torch.int8).numpy())
        packed.append(scale.numpy())
    order = ("qkv", "out", "down", "up")
    biases = torch.stack(
        [torch.cat([getattr(block, name).bias.float() for name in order]) for block in blocks]
    )
    norms = torch.stack(
        [
            torch.stack([block.norm1.weight, block.norm1.bias, block.norm2.weight, block.norm2.bias]).float()
            for block in blocks
        ]
    )
    return (*packed, biases.numpy(), norms.numpy())


def fast_text2semantic(model: Text2Semantic, can: Capabilities | None = None) -> FastText2Semantic:
    """The fast copy of a float32 network; the given one may be dropped."""
    return FastText2Semantic(model, can or capabilities())


# ---------------------------------------------------------------------------------------------------- SoVITS


class Bfloat16Generator(nn.Module):
    """A generator that computes in bfloat16 between float32 ends."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator.bfloat16()

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        return self.generator(latent.bfloat16(), condition.bfloat16()).float()


def fast_sovits(network: Sovits, can: Capabilities | None = None) -> Sovits:
    """Turn the generator of a float32 network to bfloat16, in place, where the processor supports it."""
    if (can or capabilities()).bfloat16 and not isinstance(network.dec, Bfloat16Generator):
        network.dec = Bfloat16Generator(network.dec)  # type: ignore[assignment]
    return network
