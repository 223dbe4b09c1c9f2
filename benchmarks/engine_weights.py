"""Networks and checkpoint files of the official sizes with random weights, for `benchmarks.engine`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synth.gptsovits import manifest, store
from synth.gptsovits.flow import Flow
from synth.gptsovits.generator import Generator
from synth.gptsovits.quantizer import Quantizer
from synth.gptsovits.reference_encoder import CHECKPOINT_NAMES, ReferenceEncoder
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.text2semantic import Text2Semantic, Text2SemanticConfig
from synth.gptsovits.text_encoder import TextEncoder

S1_CONFIG = Text2SemanticConfig(24, 512, 16, 2048, 732, 1025, 1024, 1024)
SOVITS_WIDTHS = {  # gin_channels, upsample_initial_channel, first upsample kernel
    "v2": (512, 512, 16),
    "v2Pro": (1024, 512, 16),
    "v2ProPlus": (1024, 768, 20),
}


def fill(network: nn.Module, seed: int = 0) -> nn.Module:
    """Weights of a plausible scale, norms at one, in place."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            if "norm" in name and name.endswith(("weight", "gamma")):
                tensor.fill_(1.0)
            elif tensor.ndim > 1:
                fan_in = tensor[0].numel()
                tensor.copy_(torch.randn(tensor.shape, generator=generator) / fan_in**0.5)
            else:
                tensor.zero_()
    return network.eval().requires_grad_(False)


def text2semantic() -> Text2Semantic:
    """The official s1 size, 77.6 M parameters."""
    network = Text2Semantic(S1_CONFIG)
    fill(network)
    network.phone_position_scale.fill_(1.0)
    network.token_position_scale.fill_(1.0)
    return network


def sovits(version: str) -> Sovits:
    """The official s2 size of ``version``."""
    condition, first, kernel = SOVITS_WIDTHS[version]
    model: dict[str, Any] = {
        "n_heads": 2,
        "n_layers": 6,
        "upsample_rates": [10, 8, 2, 2, 2],
        "upsample_kernel_sizes": [kernel, 16, 8, 2, 2],
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    }
    data = {"sampling_rate": 32_000, "filter_length": 2048, "hop_length": 640, "win_length": 2048}
    with torch.device("meta"):
        parts = {
            "quantizer": Quantizer(768, 1024),
            "ref_enc": ReferenceEncoder(704, 128, condition, 5),
            "enc_p": TextEncoder(
                phone_count=732, codebook_width=768, channels=192, feed_width=768, mrte_width=512,
                latent_channels=192, heads=2, layers=6, kernel=3, window=4,
            ),
            "flow": Flow(192, 192, 5, 4, condition, 4),
            "dec": Generator(
                latent_channels=192, first_channels=first, condition_width=condition,
                upsample_rates=model["upsample_rates"], upsample_kernels=model["upsample_kernel_sizes"],
                block_kernels=model["resblock_kernel_sizes"], block_dilations=model["resblock_dilation_sizes"],
            ),
        }  # fmt: skip
        if "Pro" in version:
            parts |= {"sv_emb": nn.Linear(20_480, condition), "prelu": nn.PReLU(condition)}
            parts["ge_to512"] = nn.Linear(condition, 512)
    shapes = {f"{p}.{n}": t.shape for p, part in parts.items() for n, t in part.state_dict().items()}
    return fill(Sovits({"model": model, "data": data}, shapes, version))  # type: ignore[return-value]


def write_models(folder: Path, *, chinese: bool) -> None:
    """A models folder with a complete v2 in the official file format, half precision, nothing recorded."""
    from transformers import BertConfig, BertModel, HubertConfig, HubertModel

    weights = store.Store(folder)
    paths = {
        file.kind: weights.path(file.path)
        for file in manifest.MANIFEST
        if "v2" in file.versions and file.kind in ("s1", "s2")
    }
    paths["s1"].parent.mkdir(parents=True)
    model = {"head": S1_CONFIG.heads, "EOS": S1_CONFIG.end_token}
    names = {Text2Semantic.our_name(theirs): theirs for theirs in _s1_names()}
    s1 = {f"model.{names[name]}": tensor for name, tensor in text2semantic().state_dict().items()}
    torch.save({"weight": _halved(s1), "config": {"model": model}, "info": "random"}, paths["s1"])
    network = sovits("v2")
    ours = {ours: theirs for theirs, ours in CHECKPOINT_NAMES.items()}
    s2: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        if name == "quantizer.codebook":
            name = "quantizer.vq.layers.0._codebook.embed"
        elif name.startswith("quantizer.ssl_proj"):
            name = name.removeprefix("quantizer.")
        elif name.startswith("ref_enc."):
            stem, _, leaf = name.removeprefix("ref_enc.").rpartition(".")
            name = f"ref_enc.{ours[stem]}.{leaf}"
        s2[name] = tensor
    config = {
        "model": {
            "n_heads": 2, "n_layers": 6, "upsample_rates": [10, 8, 2, 2, 2],
            "upsample_kernel_sizes": [16, 16, 8, 2, 2], "resblock_kernel_sizes": [3, 7, 11],
            "resblock_dilation_sizes": [[1, 3, 5]] * 3,
        },
        "data": {"sampling_rate": 32_000, "filter_length": 2048, "hop_length": 640, "win_length": 2048},
    }  # fmt: skip
    torch.save({"weight": _halved(s2), "config": config, "info": "random"}, paths["s2"])
    hubert = HubertConfig(conv_bias=False, feat_extract_norm="group")
    _write_transformer(HubertModel(hubert), hubert, weights.folder / manifest.HUBERT)
    if chinese:
        bert = BertConfig(
            vocab_size=21128,
            hidden_size=1024,
            num_hidden_layers=24,
            num_attention_heads=16,
            intermediate_size=4096,
        )
        folder = weights.folder / manifest.BERT
        _write_transformer(BertModel(bert, add_pooling_layer=False), bert, folder)
        _write_vocabulary(folder)


def _s1_names() -> list[str]:
    """The checkpoint's names of everything in `text2semantic` (without ``model.``)."""
    names = ["bert_proj.weight", "bert_proj.bias", "ar_predict_layer.weight"]
    for side in ("text", "audio"):
        names += [f"ar_{side}_embedding.word_embeddings.weight", f"ar_{side}_position.alpha"]
    for layer in range(S1_CONFIG.layers):
        for part in ("self_attn.in_proj_", "self_attn.out_proj.", "linear1.", "linear2.", "norm1.", "norm2."):
            names += [f"h.layers.{layer}.{part}{leaf}" for leaf in ("weight", "bias")]
    return names


def _halved(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.half() for name, tensor in tensors.items()}


def _write_transformer(network: nn.Module, config: object, folder: Path) -> None:
    folder.mkdir(parents=True)
    torch.save(_halved(network.state_dict()), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(config.to_json_string())  # type: ignore[attr-defined]


def _write_vocabulary(folder: Path) -> None:
    """A character vocabulary large enough for the benchmark's sentence."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    characters = [chr(token) for token in range(0x4E00, 0x9FA6)][:21_000]
    vocabulary = {
        token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters])
    }
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}'
    )
