"""Reduced precision, all of it: int8 decoder steps, bfloat16 prefill and generator. float32 is the other mode.

* ``fp32``: parity and the default, until a mode has been listened to with real weights.
* ``fast``: decoder steps over int8 weights, by `kernels` where numba is installed and by torch's int8 operators
  elsewhere and for several rows; prefill and generator in bfloat16 where the processor multiplies in it.

Inputs are quantised row by row on a scale of their own, so that a row is not changed by the rows beside it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from synth.gptsovits.cache import StaticCache
from synth.gptsovits.compiled import kernels
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.text2semantic import Block, Cache, Text2Semantic, Text2SemanticConfig

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
    return Capabilities(bfloat16=bfloat16, compiled_step=kernels() is not None)


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
    """Prefill as loaded (float32 or bfloat16), steps over int8 copies of the same weights. CPU only.

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
        self._kernels = kernels() if can.compiled_step else None
        self._packed = _Packed(model.config) if self._kernels is not None else None
        self._int8: list[dict[str, Int8Linear]] = []
        for layer, block in enumerate(self._blocks()):
            linears = {name: cast(nn.Linear, getattr(block, name)) for name in LINEARS}
            if self._packed is not None:
                self._packed.put(layer, block)
            self._int8.append({name: Int8Linear(linear) for name, linear in linears.items()})
            if can.bfloat16:
                for name, linear in linears.items():
                    setattr(block, name, Bfloat16Linear(linear))
        #: Weights held beside the parameters, for `residency`.
        self.extra_bytes = (2 if self._packed is not None else 1) * sum(
            linear.weight_count for layer in self._int8 for linear in layer.values()
        )
        self.eval().requires_grad_(False)

    def through(self, x: Tensor, cache: Cache) -> Tensor:
        """See `Text2Semantic.through`."""
        few = isinstance(cache, StaticCache) and cache.rows <= NATIVE_ROWS
        if few and self._kernels is not None and self._packed is not None:
            cache = cast(StaticCache, cache)
            cache.prepare()
            state = np.ascontiguousarray(x[:, 0].numpy())
            self._kernels.step(state, np.array(cache.lengths), cache.store.numpy(), *self._packed.arrays)
            cache.advance()
            return torch.from_numpy(state)[:, None]
        for layer, (block, linear) in enumerate(zip(self._blocks(), self._int8, strict=True)):
            parts = linear["qkv"](x).view(*x.shape[:2], 3, block.heads, -1)
            queries, keys, values = parts.permute(2, 0, 3, 1, 4).unbind(0)
            heard = cache.attend(layer, queries, keys, values).transpose(1, 2).reshape(x.shape)
            x = block.norm1(x + linear["out"](heard))
            x = block.norm2(x + linear["down"](linear["up"](x).relu_()))
        cache.advance()
        return x


class _Packed:
    """Weights, scales, biases and norms of all layers, in the order in which `kernels.step` takes them."""

    def __init__(self, config: Text2SemanticConfig) -> None:
        width, feed, layers = config.width, config.feed_width, config.layers
        sizes = {"qkv": (3 * width, width), "out": (width, width), "up": (feed, width), "down": (width, feed)}
        self._weights = {name: np.empty((layers, *size), np.int8) for name, size in sizes.items()}
        self._scales = {name: np.empty((layers, size[0]), np.float32) for name, size in sizes.items()}
        self._biases = np.empty((layers, 5 * width + feed), np.float32)
        self._norms = np.empty((layers, 4, width), np.float32)

    def put(self, layer: int, block: Block) -> None:
        """Quantise one layer, each output by its own largest weight."""
        for name in LINEARS:
            weight = getattr(block, name).weight.float()
            scale = weight.abs().amax(1).clamp_min(1e-12) / 127
            self._weights[name][layer] = (weight / scale[:, None]).round().numpy()
            self._scales[name][layer] = scale.numpy()
        order = ("qkv", "out", "down", "up")
        self._biases[layer] = torch.cat([getattr(block, name).bias for name in order]).numpy()
        norms = (block.norm1.weight, block.norm1.bias, block.norm2.weight, block.norm2.bias)
        self._norms[layer] = torch.stack(list(norms)).numpy()

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """See the class."""
        pairs = [part for name in LINEARS for part in (self._weights[name], self._scales[name])]
        return (*pairs, self._biases, self._norms)


def fast_text2semantic(model: Text2Semantic, can: Capabilities | None = None) -> FastText2Semantic:
    """The fast form of a float32 network, which it takes over."""
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
