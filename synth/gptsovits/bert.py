"""BERT rows of Chinese text: one vector per character, repeated for each of its phones.

Other languages have no rows of their own: zeros stand in, as in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from synth.errors import AssentError
from synth.gptsovits.transformers_folder import from_folder

BERT_WIDTH = 1024
LAYERS_FROM_TOP = 3  # hidden_states[-3]: the output below the last two layers


class Bert:
    """A folder in `transformers` layout (config.json, vocabulary, pytorch_model.bin), read from disk only.

    ``reduced`` keeps and multiplies the weights in bfloat16, which halves 1.2 GB.
    """

    def __init__(self, folder: Path, device: str = "cpu", *, reduced: bool = False) -> None:
        from transformers import AutoTokenizer, BertModel

        self.tokenizer = from_folder(AutoTokenizer, folder)
        dtype = torch.bfloat16 if reduced else torch.float32
        model = from_folder(BertModel, folder, add_pooling_layer=False, dtype=dtype)
        # The layers above the one that is read would be computed for nothing.
        layers = model.encoder.layer
        del layers[len(layers) - LAYERS_FROM_TOP + 1 :]
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


def no_rows(phone_count: int) -> Tensor:
    """The rows of a text that is not Chinese: zeros (1024, phones)."""
    return torch.zeros(BERT_WIDTH, phone_count)
