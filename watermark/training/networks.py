"""The `audioseal` package's networks at any width, built by its own configuration, saved in its own form."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Before the import: the package otherwise compiles its networks at the first call, which takes minutes.
os.environ["NO_TORCH_COMPILE"] = "1"

import torch
from audioseal.builder import AudioSealDetectorConfig, AudioSealWMConfig, create_detector, create_generator
from audioseal.loader import AudioSeal, convert_state_dict_for_scriptable_model
from torch import nn

from watermark.codec.audioseal_checkpoint import AUDIBLE_KEY, DETECTOR_FILE, GENERATOR_FILE, MESSAGE_BITS
from watermark.codec.parameters import SAMPLE_RATE_HZ

from .config import Network

SLOPE = 0.1  # of LeakyReLU below zero
_FIRST_LAYER_GAIN = 6.0  # of the detector: speech is quiet


def stored_config(network: Network, *, bits: int = MESSAGE_BITS) -> dict[str, Any]:
    """The configuration that travels with the weights ("xp.cfg")."""
    seanet = {
        "activation": "LeakyReLU",
        "activation_params": {"negative_slope": SLOPE},
        "causal": False,
        "channels": 1,
        "compress": 2,
        "dilation_base": 2,
        "dimension": network.dimension,
        "disable_norm_outer_blocks": 0,
        "kernel_size": 7,
        "last_kernel_size": network.last_kernel,
        "lstm": 0,
        "n_filters": network.filters,
        "n_residual_layers": 1,
        "norm": "none",
        "norm_params": {},
        "pad_mode": "constant",
        "ratios": list(network.ratios),
        "residual_kernel_size": 3,
        "true_skip": True,
        "encoder": {},
        "decoder": {"final_activation": None, "final_activation_params": None, "trim_right_ratio": 1.0},
        "detector": {"output_dim": 32},
    }
    return {"seanet": seanet, "nbits": bits, "sample_rate": SAMPLE_RATE_HZ, "channels": 1}


def build_generator(network: Network) -> Any:
    """A generator without biases: the mark then follows the level of its host and is silent in silence."""
    config = AudioSeal.parse_config(stored_config(network), config_type=AudioSealWMConfig, nbits=MESSAGE_BITS)
    generator: Any = create_generator(config)
    _initialise(generator, biases=False)
    table = generator.msg_processor.msg_processor.weight
    table.data.zero_()
    table.requires_grad_(False)
    return generator


def build_detector(network: Network) -> Any:
    """A detector whose first layer is scaled for quiet speech and whose head begins the same for all samples."""
    config = AudioSeal.parse_config(
        stored_config(network), config_type=AudioSealDetectorConfig, nbits=MESSAGE_BITS
    )
    detector: Any = create_detector(config)
    _initialise(detector, biases=True)
    _convolutions(detector)[0].weight.data.mul_(_FIRST_LAYER_GAIN)
    spread = detector.detector[0].reverse_convolution.weight
    start = torch.randn(spread.shape[:2]) / math.sqrt(network.dimension)
    spread.data.copy_(start[..., None].expand_as(spread))
    detector.detector[1].weight.data.mul_(0.3)
    return detector


def open_message(generator: Any, size: float) -> None:
    """Let the message speak: opposite random rows for the two values of each bit, then trained."""
    table = generator.msg_processor.msg_processor.weight
    rows = torch.randn(table.shape[0] // 2, table.shape[1])
    rows = size * math.sqrt(table.shape[1]) * rows / rows.norm(dim=1, keepdim=True)
    table.data.copy_(torch.stack([-rows, rows], 1).reshape(table.shape))


def stored_weights(path: Path) -> dict[str, torch.Tensor]:
    """Weights of a file of `save_stock`, named as the package's classes name them."""
    stored = torch.load(path, map_location="cpu", weights_only=True)["model"]
    named: dict[str, torch.Tensor] = convert_state_dict_for_scriptable_model(stored)
    return named


def warm_start(network: nn.Module, weights: Mapping[str, torch.Tensor], noise: float = 0.03) -> None:
    """Begin from a stored network of the same depth, at most as wide: it then computes the same.

    Channels are repeated, and shared out among their copies in the next layer; a longer kernel is padded
    with zeros. A little noise lets the copies grow apart. Raises ValueError for a network that does not fit.
    """
    fitted = {}
    for name, target in network.state_dict().items():
        source = weights[name]
        if source.dim() == 3 and source.shape != target.shape:
            source = _repeated(_repeated(source, target.shape[0], 0), target.shape[1], 1) * (
                source.shape[1] / target.shape[1]
            )
            missing = target.shape[2] - source.shape[2]
            source = nn.functional.pad(source, (missing // 2, missing - missing // 2))
            source = source + noise * source.std() * torch.randn_like(source)
        elif source.dim() == 1:
            source = _repeated(source, target.shape[0], 0)
        if source.shape != target.shape:
            raise ValueError(f"{name}: {tuple(source.shape)} does not fit into {tuple(target.shape)}")
        fitted[name] = source
    network.load_state_dict(fitted)


def _repeated(source: torch.Tensor, size: int, dim: int) -> torch.Tensor:
    times = [1] * source.dim()
    times[dim] = max(1, size // source.shape[dim])
    return source.repeat(times)


def frame_logits(detector: Any, samples: torch.Tensor) -> torch.Tensor:
    """(b, 1, n) -> (b, 2 + bits, n / 320): exactly the mean over each frame of the stock per-sample logits.

    The stock head spreads a latent over 320 samples with a kernel as long as its stride, so the mean over
    these samples is the mean of the kernel.
    """
    encoder, out = detector.detector[0], detector.detector[1]
    spread = encoder.reverse_convolution
    latents = encoder.model(samples).float()
    with torch.autocast(samples.device.type, enabled=False):
        mean_kernel = spread.weight.mean(-1).t()[..., None]
        logits: torch.Tensor = out(nn.functional.conv1d(latents, mean_kernel, spread.bias))
    return logits


def scale_mark(generator: nn.Module, factor: float) -> None:
    """Multiply everything the generator gives: its last layer has no bias and no activation follows."""
    _last_convolution(generator).weight.data.mul_(factor)


def unscale_mark(generator: nn.Module) -> None:
    """Undo `scale_mark`: bring the last layer to the size it learns at, whatever was folded into it.

    A layer a thousand times smaller than the optimiser expects is overwritten in its first steps.
    """
    last = _last_convolution(generator)
    inputs = last.weight.shape[1] * last.kernel_size[0]
    last.weight.data.mul_(math.sqrt(2 / (1 + SLOPE**2) / inputs) / last.weight.data.std())


def save_stock(
    folder: Path,
    generator: nn.Module,
    detector: nn.Module,
    shapes: tuple[Network, Network],
    audible: float | None = None,
) -> None:
    """Write generator.pth and detector.pth as the package's loader and ours read them.

    audible: the level that our loader brings every clip to; the package's loader passes it over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, network, shape in (
        (GENERATOR_FILE, generator, shapes[0]),
        (DETECTOR_FILE, detector, shapes[1]),
    ):
        # The loader adds this part of the names itself, and breaks names that already have it.
        weights = {
            k.replace("inner_conv.", ""): v.detach().cpu().clone() for k, v in network.state_dict().items()
        }
        torch.save({"xp.cfg": stored_config(shape), "model": weights, AUDIBLE_KEY: audible}, folder / name)


def _initialise(network: nn.Module, *, biases: bool) -> None:
    """He's initialisation for the slope: the package's default lets the signal shrink layer by layer."""
    for layer in _convolutions(network):
        if isinstance(layer, nn.ConvTranspose1d):
            inputs = layer.weight.shape[0] * layer.kernel_size[0] / layer.stride[0]
        else:
            inputs = layer.weight.shape[1] * layer.kernel_size[0]
        nn.init.normal_(layer.weight, 0, math.sqrt(2 / (1 + SLOPE**2) / inputs))
        if layer.bias is not None:
            layer.bias.data.zero_()
            layer.bias.requires_grad_(biases)


def _last_convolution(generator: nn.Module) -> Any:
    return [m for m in generator.modules() if isinstance(m, nn.Conv1d)][-1]


def _convolutions(network: nn.Module) -> list[Any]:
    return [m for m in network.modules() if isinstance(m, (nn.Conv1d, nn.ConvTranspose1d))]
