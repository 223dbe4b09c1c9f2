"""Voice and manner, apart: what is taken from the voice's clips and what from a style clip.

* *timbre*: mean voice vector of the voice's clips; flow and generator speak with it.
* *style vector*: of the style clip, or a weighted mix of several; it reaches the text encoder.
* *prompt*: codes, phones and BERT rows of one style clip; the decoder goes on in its rhythm and melody.

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
from synth.gptsovits.speaker_vector import SpeakerVector

Kept = TypeVar("Kept")


@dataclass(frozen=True, eq=False)
class ClipVectors:
    """First-class results of one clip: ``style`` (1, width, 1), ``speaker`` (1, n) for Pro, both as ``voice``."""

    style: Tensor
    speaker: Tensor | None
    voice: Tensor  # (1, width, 1)


@dataclass(frozen=True, eq=False)
class Prompt:
    """How a style clip begins the sequence that the decoder continues."""

    codes: Tensor  # (m,) int64
    phones: Tensor  # (n,) int64
    bert_rows: Tensor  # (1024, n)


@dataclass(frozen=True, eq=False)
class Manner:
    """A voice in a style, ready to speak."""

    timbre: Tensor  # (1, width, 1)
    style: Tensor  # (1, width, 1)
    prompt: Prompt | None


def blended(timbre: Tensor, styles: Sequence[tuple[ClipVectors, float]], strength: float = 1.0) -> Tensor:
    """The style vector of several clips by weight, moved from ``timbre`` towards them by ``strength``.

    Strength 0 is the voice's own manner, 1 the clips', more exaggerates (up to 2). Weights are relative.
    """
    total = sum(weight for _, weight in styles)
    if not styles or total <= 0 or any(weight < 0 for _, weight in styles):
        raise AssentError("style_weights", "Style weights must be positive.", measured=total)
    if not 0 <= strength <= 2:
        raise AssentError(
            "parameter_out_of_range",
            "style_strength must lie between 0 and 2.",
            measured=strength,
            limit=[0, 2],
        )
    mixed = torch.stack([vectors.voice * (weight / total) for vectors, weight in styles]).sum(0)
    return timbre + strength * (mixed - timbre)


class ClipReader:
    """Clips -> vectors and codes, each computed once while it stays among the ``keep`` last ones.

    HuBERT is taken from ``with_hubert`` for the length of a call, so that its owner may unload it afterwards.
    """

    def __init__(
        self,
        network: Sovits,
        speaker: SpeakerVector | None,
        with_hubert: Callable[[Callable[[Hubert], Tensor]], Tensor],
        keep: int = 256,
    ) -> None:
        self._network = network
        self._speaker = speaker
        self._with_hubert = with_hubert
        self._keep = keep
        self._lock = threading.Lock()
        self._vectors: OrderedDict[str, ClipVectors] = OrderedDict()
        self._codes: OrderedDict[str, Tensor] = OrderedDict()

    def vectors(self, samples: np.ndarray, sample_rate_hz: int) -> ClipVectors:
        """Style, speaker and voice vector of a clip (n,) or (channels, n)."""
        return self._kept(self._vectors, samples, sample_rate_hz, self._read_vectors)

    def codes(self, samples: np.ndarray, sample_rate_hz: int) -> Tensor:
        """Semantic codes (m,) of a clip of 3 to 10 seconds."""
        return self._kept(self._codes, samples, sample_rate_hz, self._read_codes)

    def timbre(self, clips: Sequence[tuple[np.ndarray, int]]) -> Tensor:
        """Mean voice vector (1, width, 1) of a voice's clips."""
        if not clips:
            raise AssentError("voice_clips_missing", "A voice needs at least one clip.")
        return torch.stack([self.vectors(samples, rate).voice for samples, rate in clips]).mean(0)

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
    def _read_vectors(self, samples: np.ndarray, rate: int) -> ClipVectors:
        network = self._network
        device = next(network.parameters()).device
        shape = network.spectrogram_shape
        signal = at_sovits_rate(torch.from_numpy(np.array(samples)).to(device), rate, shape)
        style = network.style_vector(spectrogram(signal, shape)[None])
        speaker = None
        if network.has_speaker_vector:
            if self._speaker is None:
                raise AssentError("weights_missing", "The speaker vector's weights are not installed.")
            at_16k = resample_sinc(signal, shape.sample_rate_hz, PROMPT_RATE_HZ)
            speaker = self._speaker(filter_bank(at_16k)[None])
        return ClipVectors(style, speaker, network.voice_vector(style, speaker))

    @torch.inference_mode()
    def _read_codes(self, samples: np.ndarray, rate: int) -> Tensor:
        signal = prompt_signal(samples, rate)
        features = self._with_hubert(lambda hubert: hubert.features(signal))
        return self._network.codes(features.to(next(self._network.parameters()).device))[0]
