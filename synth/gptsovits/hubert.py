"""HuBERT features of a style clip: what was said and how, 50 frames per second."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from synth.gptsovits.reference_audio import PROMPT_PAD_SAMPLES
from synth.gptsovits.transformers_folder import from_folder


class Hubert:
    """A folder in `transformers` layout (config.json, pytorch_model.bin), read from disk and nowhere else."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        from transformers import HubertModel

        model = from_folder(HubertModel, folder, weights_only=True, attn_implementation="eager")
        self.model = model.float().eval().requires_grad_(False).to(device)

    @torch.inference_mode()
    def features(self, prompt: Tensor) -> Tensor:
        """Mono (n,) at 16 kHz, raw scale -> (1, width, frames); silence is appended as in training."""
        padded = F.pad(prompt[None], (0, PROMPT_PAD_SAMPLES)).to(self.model.device)
        hidden = self.model(padded).last_hidden_state  # (1, frames, width)
        return hidden.transpose(1, 2)
