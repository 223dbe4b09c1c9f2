"""BERT rows of Chinese text: one vector per character, repeated for each of its phones.

Other languages have no rows of their own: zeros stand in, as in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from synth.errors import AssentError
from synth.gptsovits.checkpoint_file import WeightsError, read_checkpoint
from synth.gptsovits.transformers_folder import from_folder

BERT_WIDTH = 1024
LAYERS_FROM_TOP = 3  # hidden_states[-3]: the output below the last two layers


class Bert:
    """A folder in `transformers` layout (config.json, vocabulary, pytorch_model.bin), read from disk only.

    ``reduced`` keeps and multiplies the weights in bfloat16, which halves 1.2 GB.
    """

    def __init__(self, folder: Path, device: str = "cpu", *, reduced: bool = False) -> None:
        from transformers import AutoTokenizer, BertConfig, BertModel

        self.tokenizer = from_folder(AutoTokenizer, folder)
        config = from_folder(BertConfig, folder)
        with torch.device("meta"):
            model = BertModel(config, add_pooling_layer=False)
        # The layers above the one that is read would be computed for nothing.
        layers = model.encoder.layer
        del layers[len(layers) - LAYERS_FROM_TOP + 1 :]
        _fill(model, folder / "pytorch_model.bin", torch.bfloat16 if reduced else torch.float32)
        self.model = model.eval().requires_grad_(False).to(device)

    @torch.inference_mode()
    def rows(self, norm_text: str, phones_per_character: Sequence[int]) -> Tensor:
        """(1024, phones) float32 for one normalised sentence.

        Raises AssentError ``bert_alignment`` when the characters and the phone counts do not match.
        """
        tokens = self.tokenizer(norm_text, return_tensors="pt").to(self.model.device)
        hidden = self.model(**tokens).last_hidden_state[0, 1:-1]  # (characters, 1024)
        if not len(hidden) == len(norm_text) == len(phones_per_character):
            raise AssentError(
                "bert_alignment",
                "The text could not be aligned with its phones.",
                measured=[len(hidden), len(norm_text), len(phones_per_character)],
            )
        counts = torch.tensor(phones_per_character, device=hidden.device)
        return hidden.float().repeat_interleave(counts, dim=0).T


def _fill(model: nn.Module, path: Path, dtype: torch.dtype) -> None:
    """Put the file's weights into a network without memory, tensor by tensor, so that they are never held twice."""
    tensors = read_checkpoint(path).tensors
    wanted = model.state_dict().keys()
    filled = {}
    for name in list(tensors):
        tensor = tensors.pop(name)
        ours = name.removeprefix("bert.").replace("LayerNorm.gamma", "LayerNorm.weight")
        ours = ours.replace("LayerNorm.beta", "LayerNorm.bias")
        if ours in wanted:
            filled[ours] = tensor.to(dtype) if tensor.is_floating_point() else tensor
    try:
        model.load_state_dict(filled, strict=True, assign=True)
    except RuntimeError as error:
        raise WeightsError(
            "mismatch", f"{path.parent.name} holds weights that its config.json does not describe."
        ) from error
    for module in model.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.is_meta:  # tables that are made, not stored: positions count up, segments are zero
                fresh = torch.arange(buffer.shape[-1]).expand(buffer.shape)
                module.register_buffer(
                    name, fresh if name == "position_ids" else torch.zeros_like(fresh), persistent=False
                )


def no_rows(phone_count: int) -> Tensor:
    """The rows of a text that is not Chinese: zeros (1024, phones)."""
    return torch.zeros(BERT_WIDTH, phone_count)
