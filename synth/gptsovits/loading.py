"""From a checkpoint file to a network: which version it is, do its shapes fit, fold, widen, fill.

Versions are told by names and shapes, never by file size or hash: a file that was renamed, re-saved or given
the wrong header is still recognised.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synth.gptsovits import reference_encoder
from synth.gptsovits.checkpoint_file import CheckpointFile, WeightsError, read_checkpoint
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.speaker_encoder import SpeakerEncoder
from synth.gptsovits.text2semantic import Text2Semantic, Text2SemanticConfig

SPOKEN_VERSIONS = ("v2", "v2Pro", "v2ProPlus")
V1_PHONES = 322
V1_S1_PHONES = 512  # v2 and later have 732


def kind_of(file: CheckpointFile) -> str:
    """``s1`` (text to semantic), ``s2`` (SoVITS), ``sv`` (speaker encoder), ``discriminator``, ``lora`` or
    ``unknown``."""
    names = file.tensors.keys()
    if "model.ar_predict_layer.weight" in names:
        return "s1"
    if file.lora_rank is not None or any(".lora_A." in name for name in names):
        return "lora"
    if "enc_p.text_embedding.weight" in names:
        return "s2"
    if "layer3_ds.weight" in names and "fuse34.local_att.0.weight" in names:
        return "sv"
    if any(name.startswith("discriminators.") for name in names):
        return "discriminator"
    return "unknown"


def sovits_version(file: CheckpointFile) -> str:
    """Version of an s2 file by its names and shapes: v1, v2, v2Pro, v2ProPlus, or v3/v4."""
    tensors = file.tensors
    if any(name.startswith("cfm.") for name in tensors):
        return "v3/v4"
    if "sv_emb.weight" in tensors:
        first = tensors.get("dec.conv_pre.weight")
        official = {512: "v2Pro", 768: "v2ProPlus"}.get(len(first) if first is not None else 0)
        return official or file.header_version or _named_version(file) or "v2Pro"
    return "v1" if len(tensors["enc_p.text_embedding.weight"]) == V1_PHONES else "v2"


def _named_version(file: CheckpointFile) -> str | None:
    model = file.config.get("model")
    version = model.get("version") if isinstance(model, dict) else None
    return version if version in SPOKEN_VERSIONS else None


def load_text2semantic(path: Path) -> Text2Semantic:
    """An s1 checkpoint as a float32 network in inference mode."""
    file = read_checkpoint(path)
    _require_kind(file, "s1", "a text-to-semantic (s1) checkpoint")
    phones = file.tensors.get("model.ar_text_embedding.word_embeddings.weight")
    if phones is not None and len(phones) == V1_S1_PHONES:
        raise WeightsError(
            "version",
            f"{file.name} is a v1 text-to-semantic (s1) checkpoint, made for another table of phones; "
            "v2, v2Pro and v2ProPlus are supported.",
            measured=V1_S1_PHONES,
        )
    model = _table(file, "model")
    _bounded(file, model, "head", 1, 256)
    tensors = _widened(file, {name.removeprefix("model."): value for name, value in file.tensors.items()})
    tensors = {Text2Semantic.our_name(name): value for name, value in tensors.items()}
    config = Text2SemanticConfig.from_shapes(
        _shapes(tensors), heads=model["head"], end_token=model.get("EOS")
    )
    if config.width % config.heads:
        raise WeightsError(
            "mismatch", f"{file.name}: its width does not divide into its {config.heads} heads."
        )
    network = _filled(lambda: Text2Semantic(config), tensors, file.name)
    return network.eval().requires_grad_(False)


def load_sovits(path: Path) -> Sovits:
    """An s2 checkpoint of v2, v2Pro or v2ProPlus as a float32 network in inference mode, weight norm
    folded."""
    file = read_checkpoint(path)
    _require_kind(file, "s2", "a SoVITS (s2) checkpoint")
    version = sovits_version(file)
    if version not in SPOKEN_VERSIONS:
        raise WeightsError(
            "version", f"{file.name} is a {version} checkpoint; v2, v2Pro and v2ProPlus are supported."
        )
    model, data = _table(file, "model"), _table(file, "data")
    for name in ("n_heads", "n_layers"):
        _bounded(file, model, name, 1, 64)
    for name, low, high in (
        ("sampling_rate", 8_000, 96_000),
        ("filter_length", 64, 16_384),
        ("hop_length", 16, 8_192),
    ):
        _bounded(file, data, name, low, high)
    _bounded(file, data, "win_length", 64, data["filter_length"])
    _check_generator(file, model, data["hop_length"])
    used = {name: value for name, value in file.tensors.items() if _is_spoken(name)}
    tensors = fold_weight_norm(_widened(file, used), file.name)
    tensors = {_sovits_name(name): value for name, value in tensors.items()}
    config = {"model": model, "data": data}
    network = _filled(lambda: Sovits(config, _shapes(tensors), version), tensors, file.name)
    return network.eval().requires_grad_(False)


def load_speaker_encoder(path: Path) -> SpeakerEncoder:
    """An ERes2NetV2 state dict; its classifier layers are left out."""
    file = read_checkpoint(path)
    _require_kind(file, "sv", "a speaker encoder (ERes2NetV2) checkpoint")
    tensors = {name: value for name, value in file.tensors.items() if not name.startswith("seg_")}
    network = _filled(lambda: SpeakerEncoder(_shapes(tensors)), _widened(file, tensors), file.name)
    return network.eval().requires_grad_(False)


def fold_weight_norm(tensors: Mapping[str, Tensor], file_name: str) -> dict[str, Tensor]:
    """``weight_g``, ``weight_v`` -> ``weight`` = v * g / |v|, the norm over all axes but the first."""
    folded = {}
    for name, value in tensors.items():
        if name.endswith(".weight_v"):
            gain = tensors.get(f"{name[:-1]}g")
            if gain is None or len(gain) != len(value):
                raise WeightsError("mismatch", f"{file_name} lacks the gain that belongs to {name}.")
            norm = value.flatten(1).norm(dim=1).view(-1, *[1] * (value.ndim - 1))
            folded[name[:-2]] = value * (gain.view_as(norm) / norm)
        elif not name.endswith(".weight_g"):
            folded[name] = value
    return folded


# ------------------------------------------------------------------------------------------------ helpers


def _is_spoken(name: str) -> bool:
    """Names that inference reads: neither the posterior encoder (training) nor the codebook's statistics."""
    return not name.startswith("enc_q.") and not re.search(
        r"_codebook\.(inited|cluster_size|embed_avg)$", name
    )


def _sovits_name(name: str) -> str:
    """A checkpoint's name -> ours."""
    if name.startswith("ssl_proj."):
        return f"quantizer.{name}"
    if name == "quantizer.vq.layers.0._codebook.embed":
        return "quantizer.codebook"
    if name.startswith("ref_enc."):
        stem, _, leaf = name.removeprefix("ref_enc.").rpartition(".")
        return f"ref_enc.{reference_encoder.CHECKPOINT_NAMES.get(stem, stem)}.{leaf}"
    return name


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _require_kind(file: CheckpointFile, wanted: str, description: str) -> None:
    kind = kind_of(file)
    if kind == wanted:
        return
    found = {
        "s1": "a text-to-semantic (s1) checkpoint",
        "s2": "a SoVITS (s2) checkpoint",
        "sv": "a speaker encoder checkpoint",
        "discriminator": "a discriminator, which only training uses",
        "lora": "a LoRA file of v3 or v4, which is not supported",
        "unknown": "a weights file of some other model",
    }[kind]
    raise WeightsError("mismatch", f"{file.name} is {found}, not {description}.")


def _table(file: CheckpointFile, name: str) -> dict[str, Any]:
    table = file.config.get(name)
    if not isinstance(table, dict):
        raise WeightsError("mismatch", f"{file.name} has no {name!r} in its configuration.")
    return table


def _bounded(file: CheckpointFile, table: Mapping[str, Any], name: str, low: int, high: int) -> None:
    value = table.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise WeightsError(
            "mismatch",
            f"{file.name} has no usable {name} in its configuration.",
            measured=value,
            limit=[low, high],
        )


def _check_generator(file: CheckpointFile, model: Mapping[str, Any], hop: int) -> None:
    """The generator's lists: small whole numbers, as many as belong together, and a product that is the hop."""
    rates = _whole_numbers(model.get("upsample_rates"))
    kernels = _whole_numbers(model.get("upsample_kernel_sizes"))
    blocks = _whole_numbers(model.get("resblock_kernel_sizes"))
    dilations = model.get("resblock_dilation_sizes")
    listed = isinstance(dilations, list) and all(_whole_numbers(part) for part in dilations)
    if not (rates and kernels and blocks and listed and len(dilations or []) == len(blocks)):
        raise WeightsError("mismatch", f"{file.name} does not describe its generator in its configuration.")
    fits = len(rates) == len(kernels) and all(
        kernel >= rate and (kernel - rate) % 2 == 0 for rate, kernel in zip(rates, kernels, strict=True)
    )
    if not fits or math.prod(rates) != hop:
        raise WeightsError(
            "mismatch",
            f"{file.name}: its generator does not make one hop of samples from one frame.",
            measured=math.prod(rates),
            limit=hop,
        )


def _whole_numbers(value: Any) -> list[int]:
    """The list itself when it holds 1 to 16 whole numbers between 1 and 64, else an empty one."""
    if not isinstance(value, list) or not 1 <= len(value) <= 16:
        return []
    fine = all(isinstance(item, int) and not isinstance(item, bool) and 1 <= item <= 64 for item in value)
    return value if fine else []


def _widened(file: CheckpointFile, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Own float32 copies; integers stay. Values that are not numbers are refused."""
    wide = {}
    for name, value in tensors.items():
        if value.is_floating_point():
            value = value.float()
            if not bool(value.isfinite().all()):
                raise WeightsError("damaged", f"{file.name} holds values that are not numbers, in {name}.")
        wide[name] = value.contiguous().clone() if value.untyped_storage().nbytes() > value.nbytes else value
    return wide


def _filled(build: Any, tensors: Mapping[str, Tensor], file_name: str) -> Any:
    """Build the network without memory, compare every name and shape, and put the tensors in."""
    try:
        with torch.device("meta"):
            network: nn.Module = build()
    except (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError, RuntimeError) as error:
        raise WeightsError(
            "mismatch",
            f"{file_name} lacks weights that its version has, or they have the wrong shape ({error}).",
        ) from error
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    missing = sorted(wanted.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - wanted.keys())
    wrong = [name for name in wanted if name in tensors and tensors[name].shape != wanted[name]]
    for reason, names in (("lacks", missing), ("holds unknown", surplus), ("holds wrongly shaped", wrong)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsError("mismatch", f"{file_name} {reason} weights: {names[0]}{more}.")
    network.load_state_dict(dict(tensors), strict=True, assign=True)
    return network
