"""Whose voice and in which manner, apart: what is taken from the voice's clips and what from a style clip.

* *speaker conditioning*: mean over the voice's clips; flow and generator speak with it.
* *style conditioning*: of the style clip, or a weighted mix of several; it reaches the text encoder.
* *prompt*: tokens, phones and BERT rows of one style clip; the decoder goes on in its rhythm and melody.

All of it depends on the clips alone, is computed once per clip and kept (never per text).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from synth.errors import AssentError
from synth.gptsovits.hubert import Hubert
from synth.gptsovits.reference_audio import (
    PROMPT_RATE_HZ,
    at_sovits_rate,
    filter_bank,
    prompt_signal,
    resample_sinc,
    spectrogram,
)
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.speaker_encoder import SpeakerEncoder

Kept = TypeVar("Kept")


@dataclass(frozen=True, eq=False)
class ClipConditioning:
    """What the networks take from one clip; ``vector`` is what both others come to."""

    reference_embedding: Tensor  # (1, width, 1)
    speaker_embedding: Tensor | None  # (1, n), only for Pro
    vector: Tensor  # (1, width, 1)


@dataclass(frozen=True, eq=False)
class Prompt:
    """How a style clip begins the sequence that the decoder continues."""

    tokens: Tensor  # (m,) int64
    phones: Tensor  # (n,) int64
    bert_rows: Tensor  # (1024, n)


@dataclass(frozen=True, eq=False)
class Conditioning:
    """A voice in a style, ready to speak."""

    speaker: Tensor  # (1, width, 1)
    style: Tensor  # (1, width, 1)
    prompt: Prompt | None


def blended(
    speaker: Tensor, clips: Sequence[tuple[ClipConditioning, float]], strength: float = 1.0
) -> Tensor:
    """The style conditioning of several clips by weight: ``speaker`` moved towards them by ``strength``.

    Strength 0 is the voice's own manner, 1 the clips', more exaggerates (up to 2). Weights are relative.
    """
    total = sum(weight for _, weight in clips)
    if not clips or total <= 0 or any(weight < 0 for _, weight in clips):
        raise ValueError("style weights must be positive")
    if not 0 <= strength <= 2:
        raise AssentError(
            "parameter_out_of_range",
            "style_strength must lie between 0 and 2.",
            measured=strength,
            limit=[0, 2],
        )
    mixed = torch.stack([clip.vector * (weight / total) for clip, weight in clips]).sum(0)
    return speaker + strength * (mixed - speaker)


class ClipReader:
    """Clips -> conditioning and tokens, each computed once while it stays among the ``keep`` last ones.

    HuBERT is taken from ``with_hubert`` for the length of a call, so that its owner may unload it afterwards.
    """

    def __init__(
        self,
        network: Sovits,
        speaker: SpeakerEncoder | None,
        with_hubert: Callable[[Callable[[Hubert], Tensor]], Tensor],
        keep: int = 256,
    ) -> None:
        self._network = network
        self._speaker = speaker
        self._with_hubert = with_hubert
        self._keep = keep
        self._lock = threading.Lock()
        self._conditioning: OrderedDict[str, ClipConditioning] = OrderedDict()
        self._tokens: OrderedDict[str, Tensor] = OrderedDict()

    def conditioning(self, samples: np.ndarray, sample_rate_hz: int) -> ClipConditioning:
        """Embeddings and conditioning of a clip (n,) or (channels, n)."""
        return self._kept(self._conditioning, samples, sample_rate_hz, self._read_conditioning)

    def tokens(self, samples: np.ndarray, sample_rate_hz: int) -> Tensor:
        """Semantic tokens (m,) of a clip of 3 to 10 seconds."""
        return self._kept(self._tokens, samples, sample_rate_hz, self._read_tokens)

    def speaker_conditioning(self, clips: Sequence[tuple[np.ndarray, int]]) -> Tensor:
        """Mean conditioning (1, width, 1) of a voice's clips."""
        if not clips:
            raise ValueError("a voice needs at least one clip")
        return torch.stack([self.conditioning(samples, rate).vector for samples, rate in clips]).mean(0)

    def _kept(
        self,
        kept: OrderedDict[str, Kept],
        samples: np.ndarray,
        rate: int,
        read: Callable[[np.ndarray, int], Kept],
    ) -> Kept:
        key = hashlib.sha256(f"{rate}:{samples.shape}".encode() + samples.tobytes()).hexdigest()
        with self._lock:
            if key in kept:
                kept.move_to_end(key)
                return kept[key]
        value = read(samples, rate)
        with self._lock:
            kept[key] = value
            while len(kept) > self._keep:
                kept.popitem(last=False)
        return value

    @torch.inference_mode()
    def _read_conditioning(self, samples: np.ndarray, rate: int) -> ClipConditioning:
        network = self._network
        device = next(network.parameters()).device
        shape = network.spectrogram_shape
        signal = at_sovits_rate(torch.from_numpy(np.array(samples)).to(device), rate, shape)
        reference = network.reference_embedding(spectrogram(signal, shape)[None])
        speaker = None
        if network.uses_speaker_embedding:
            if self._speaker is None:
                raise AssentError("weights_missing", "The speaker encoder's weights are not installed.")
            at_16k = resample_sinc(signal, shape.sample_rate_hz, PROMPT_RATE_HZ)
            speaker = self._speaker(filter_bank(at_16k)[None])
        return ClipConditioning(reference, speaker, network.conditioning(reference, speaker))

    @torch.inference_mode()
    def _read_tokens(self, samples: np.ndarray, rate: int) -> Tensor:
        signal = prompt_signal(samples, rate)
        features = self._with_hubert(lambda hubert: hubert.features(signal))
        return self._network.tokens(features.to(next(self._network.parameters()).device))[0]
