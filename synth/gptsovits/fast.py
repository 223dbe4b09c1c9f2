"""Reduced precision, all of it: int8 decoder steps, bfloat16 prefill and generator. float32 is the other mode.

* ``fp32``: parity and the default, until a mode has been listened to with real weights.
* ``fast``: the decoder over int8 weights, by `kernels` where numba is installed (prefill as well, keys and values
  in bfloat16), else its steps by torch's int8 operators and its prefill in bfloat16; the generator in bfloat16.
  bfloat16 only where the processor multiplies in it.

Inputs are quantised row by row on a scale of their own, so that a row is not changed by the rows beside it; with
the kernels not by a bit.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from synth.gptsovits.cache import StaticCache
from synth.gptsovits.channels_last import ChannelsLastGenerator
from synth.gptsovits.compiled import kernels
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.text2semantic import Block, Cache, Text2Semantic, Text2SemanticConfig

LINEARS = ("qkv", "out", "up", "down")


@dataclass(frozen=True)
class Capabilities:
    """What this machine offers to the fast mode."""

    bfloat16: bool
    compiled: bool

    def describe(self) -> str:
        """For the doctor: one phrase."""
        reduced = "bfloat16" if self.bfloat16 else "float32"
        if self.compiled:
            return f"decoder int8 (compiled), generator {reduced}"
        return f"decoder int8 (torch; slower than with the package numba), prefill and generator {reduced}"


def capabilities() -> Capabilities:
    """Asked of the processor and the installed packages; never guessed from names."""
    asks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    bfloat16 = any(getattr(torch.cpu, ask, lambda: False)() for ask in asks)
    return Capabilities(bfloat16=bfloat16, compiled=kernels() is not None)


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
        self.weight_count = weight.numel()
        scale = weight.abs().amax(1).clamp_min(1e-12) / 127
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces the end of this interface; one place uses it
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
    """Everything over int8 copies of the weights. CPU only.

    With the compiled kernels both prefill and steps are theirs, and so is the cache's bfloat16. Without them prefill
    is in bfloat16 or float32, and steps go through torch's int8 operators.

    Takes the layers of ``model`` over, which must not be used afterwards: one layer at a time is converted, so
    that the memory of the two never adds up.
    """

    def __init__(self, model: Text2Semantic, can: Capabilities) -> None:
        with torch.device("meta"):
            super().__init__(replace(model.config, layers=0))
        self.config = model.config
        self.load_state_dict({n: t for n, t in model.state_dict().items() if "blocks." not in n}, assign=True)
        self.positions = model.positions
        self.blocks = model.blocks
        self._kernels = kernels() if can.compiled else None
        self._int8: list[dict[str, Int8Linear]] = []
        if self._kernels is not None:
            self.cache_dtype, self.cache_heads_last = torch.bfloat16, True
            self._packed = Packed(model.config)
            for layer, block in enumerate(self._blocks()):
                self._packed.put(layer, block)
                self.blocks[layer] = CompiledBlock(self._kernels, self._packed, layer, block.heads)
            self.extra_bytes = self._packed.nbytes
        else:
            for block in self._blocks():
                linears = {name: cast(nn.Linear, getattr(block, name)) for name in LINEARS}
                self._int8.append({name: Int8Linear(linear) for name, linear in linears.items()})
                if can.bfloat16:
                    for name, linear in linears.items():
                        setattr(block, name, Bfloat16Linear(linear))
            counts = [linear.weight_count for layer in self._int8 for linear in layer.values()]
            #: Weights held beside the parameters, for `residency`.
            self.extra_bytes = sum(counts)
        self.eval().requires_grad_(False)

    def step(self, tokens: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """See `Text2Semantic.step`."""
        if self._kernels is None:
            return super().step(tokens, positions, cache)
        if not isinstance(cache, StaticCache) or cache.store.dtype != torch.bfloat16:
            raise TypeError("the compiled step needs a cache of its own kind")
        x = self.embed_tokens(tokens, positions).numpy()
        cache.prepare()
        logits = np.empty((len(tokens), self.config.tokens), np.float32)
        lengths = np.array(cache.lengths)
        store = cache.store.movedim(-3, -1).view(torch.int16).numpy()  # as it lies in memory
        self._kernels.step(x, lengths, store, *self._packed.arrays, self.head.weight.numpy(), logits)
        cache.advance()
        return torch.from_numpy(logits)

    def through(self, x: Tensor, cache: Cache) -> Tensor:
        """See `Text2Semantic.through`; only without the kernels."""
        for layer, (block, linear) in enumerate(zip(self._blocks(), self._int8, strict=True)):
            parts = linear["qkv"](x).view(*x.shape[:2], 3, block.heads, -1)
            queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
            attended = cache.attend(layer, queries, keys, values).transpose(1, 2).reshape(x.shape)
            x = block.norm1(x + linear["out"](attended))
            x = block.norm2(x + linear["down"](linear["up"](x).relu_()))
        cache.advance()
        return x


class Packed:
    """Weights of all layers as `kernels` takes them: per linear layer weight, scale, shift and bias; and the norms."""

    def __init__(self, config: Text2SemanticConfig) -> None:
        width, feed, layers = config.width, config.feed_width, config.layers
        sizes = {"qkv": (3 * width, width), "out": (width, width), "up": (feed, width), "down": (width, feed)}
        self.linears = {
            name: (
                np.zeros((layers, -(-outputs // 64), -(-inputs // 4), 64, 4), np.int8),
                np.zeros((layers, -(-outputs // 64) * 64), np.float32),
                np.zeros((layers, -(-outputs // 64) * 64), np.int32),
                np.zeros((layers, -(-outputs // 64) * 64), np.float32),
            )
            for name, (outputs, inputs) in sizes.items()
        }
        self.norms = np.empty((layers, 4, width), np.float32)

    def put(self, layer: int, block: Block) -> None:
        """Quantise one layer, each output by its own largest weight."""
        for name, (packed, scales, shifts, biases) in self.linears.items():
            linear = getattr(block, name)
            weight = linear.weight.float()
            scale = weight.abs().amax(1).clamp_min(1e-12) / 127
            whole = (weight / scale[:, None]).round().to(torch.int8)
            blocks, groups = packed.shape[1:3]
            padding = (0, 4 * groups - whole.shape[1], 0, 64 * blocks - whole.shape[0])
            filled = nn.functional.pad(whole, padding).view(blocks, 64, groups, 4)
            packed[layer] = filled.transpose(1, 2).numpy()
            count = len(scale)
            scales[layer, :count], biases[layer, :count] = scale.numpy(), linear.bias.float().numpy()
            # Inputs are counted from 128, so that they are bytes without a sign; behind a relu they are that anyhow.
            centre = 0 if name == "down" else 128
            shifts[layer, :count] = centre * whole.sum(1, dtype=torch.int32).numpy()
        norms = (block.norm1.weight, block.norm1.bias, block.norm2.weight, block.norm2.bias)
        self.norms[layer] = torch.stack([norm.float() for norm in norms]).numpy()

    def of_layer(self, name: str, layer: int) -> tuple[np.ndarray, ...]:
        """(weight, scale, shift, bias) of one linear layer."""
        return tuple(part[layer] for part in self.linears[name])

    @property
    def arrays(self) -> tuple[Any, ...]:
        """In the order of `kernels.step`."""
        return (*self.linears.values(), self.norms)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self.norms.nbytes + sum(part.nbytes for parts in self.linears.values() for part in parts)


class CompiledBlock(nn.Module):
    """The two halves of a `Block` around its attention, for any number of rows and positions."""

    def __init__(self, compiled: ModuleType, packed: Packed, layer: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self._kernels = compiled
        self._qkv, *self._rest = (packed.of_layer(name, layer) for name in LINEARS)
        self._norms = packed.norms[layer]

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Block.project`."""
        rows, length, width = x.shape
        parts = torch.empty(rows * length, 3 * width)
        self._kernels.linear(*self._qkv, x.reshape(-1, width).numpy(), parts.numpy())
        queries, keys, values = parts.view(rows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        return queries, keys, values

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """See `Block.finish`."""
        state = x.reshape(-1, x.shape[-1]).clone()
        attended = attended.transpose(1, 2).reshape(state.shape)
        self._kernels.finish(state.numpy(), attended.numpy(), *self._rest, self._norms)
        return state.view(x.shape)


def fast_text2semantic(model: Text2Semantic, can: Capabilities | None = None) -> FastText2Semantic:
    """The fast form of a float32 network, which it takes over."""
    return FastText2Semantic(model, can or capabilities())


# ---------------------------------------------------------------------------------------------------- SoVITS


def fast_sovits(network: Sovits, can: Capabilities | None = None) -> Sovits:
    """Give a float32 network, in place, a generator with channels innermost; in bfloat16 where the processor
    multiplies in it."""
    if not isinstance(network.dec, ChannelsLastGenerator):
        dtype = torch.bfloat16 if (can or capabilities()).bfloat16 else torch.float32
        network.dec = ChannelsLastGenerator(network.dec, dtype)  # type: ignore[assignment]
    return network
