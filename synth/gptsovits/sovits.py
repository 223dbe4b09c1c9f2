"""SoVITS: tokens, phones and a voice's conditioning -> waveform; and a reference -> tokens and conditioning.

Puts `quantizer`, `reference_encoder`, `text_encoder`, `flow` and `generator` together as one checkpoint has
them. The original conditions everything on one vector, ``ge``. Here there are two, which may come from different
clips: ``style`` conditions the text encoder (manner), ``speaker`` flow and generator (whose voice).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from synth.gptsovits.flow import Flow
from synth.gptsovits.generator import Generator
from synth.gptsovits.quantizer import Quantizer
from synth.gptsovits.reference_audio import SpectrogramShape
from synth.gptsovits.reference_encoder import ReferenceEncoder
from synth.gptsovits.text_encoder import LatentPrior, TextEncoder

NOISE_SCALE = 0.5  # how much of the predicted deviation is drawn; the original pipeline never changes it
FRAMES_PER_TOKEN = 2
WINDOW_FRAMES = 512  # about ten seconds
REACH_FRAMES = 16  # how far the generator sees to either side, rounded up (12 for the official sizes)


@dataclass(frozen=True)
class Decoded:
    """Waveform with the steps that led to it, all (batch, channels, time)."""

    audio: Tensor
    prior: LatentPrior
    latent: Tensor


class Sovits(nn.Module):
    """The s2 checkpoint of v2, v2Pro or v2ProPlus. Made by `synth.gptsovits.loading.load_sovits`."""

    def __init__(self, config: Mapping, shapes: Mapping[str, torch.Size], version: str) -> None:
        super().__init__()
        model, data = config["model"], config["data"]

        def under(prefix: str) -> dict[str, torch.Size]:
            start = prefix + "."
            return {name[len(start) :]: shape for name, shape in shapes.items() if name.startswith(start)}

        self.version = version
        self.spectrogram_shape = SpectrogramShape(
            data["sampling_rate"], data["filter_length"], data["hop_length"], data["win_length"]
        )
        codebook_size, feature_width = shapes["quantizer.codebook"]
        self.quantizer = Quantizer(feature_width, codebook_size)
        self.ref_enc = ReferenceEncoder.like(under("ref_enc"))
        self.enc_p = TextEncoder.like(model, under("enc_p"))
        self.flow = Flow.like(under("flow"))
        self.dec = Generator.like(model, under("dec"))
        self.uses_speaker_embedding = "sv_emb.weight" in shapes
        if self.uses_speaker_embedding:
            width, speaker_width = shapes["sv_emb.weight"]
            self.sv_emb = nn.Linear(speaker_width, width)
            self.prelu = nn.PReLU(shapes["prelu.weight"][0])
            self.ge_to512 = nn.Linear(width, shapes["ge_to512.weight"][0])

    @property
    def sample_rate_hz(self) -> int:
        return self.spectrogram_shape.sample_rate_hz

    @property
    def samples_per_token(self) -> int:
        """At speed 1."""
        return FRAMES_PER_TOKEN * self.spectrogram_shape.hop

    # ------------------------------------------------------------------------------------ the voice's side

    def tokens(self, features: Tensor) -> Tensor:
        """HuBERT features (batch, width, frames) -> semantic tokens (batch, frames // 2)."""
        return self.quantizer.tokens(features)

    def reference_embedding(self, spectrogram: Tensor) -> Tensor:
        """One reference (batch, bins, frames) -> (batch, width, 1), before any speaker embedding is added."""
        return self.ref_enc(spectrogram)

    def conditioning(self, reference: Tensor, speaker_embedding: Tensor | None = None) -> Tensor:
        """Reference embedding (batch, width, 1), for Pro with the speaker embedding (batch, n) -> (batch, width, 1)."""
        if not self.uses_speaker_embedding:
            return reference
        if speaker_embedding is None:
            raise ValueError(f"a {self.version} checkpoint needs the speaker embedding of each reference")
        return self.prelu(reference + self.sv_emb(speaker_embedding)[:, :, None])

    def mean_conditioning(self, spectrograms: Sequence[Tensor], speakers: Sequence[Tensor | None]) -> Tensor:
        """Mean conditioning (1, width, 1) over several references, each (bins, frames) of its own length."""
        each = [
            self.conditioning(self.reference_embedding(spectrogram[None]), speaker)
            for spectrogram, speaker in zip(spectrograms, speakers, strict=True)
        ]
        return torch.stack(each).mean(0)

    # ------------------------------------------------------------------------------------ the speech's side

    def hidden(self, tokens: Tensor, phones: Tensor, style: Tensor) -> Tensor:
        """codes (batch, n), phones (batch, m), style (batch, width, 1) -> (batch, channels, 2 n)."""
        if self.uses_speaker_embedding:
            style = self.ge_to512(style.transpose(1, 2)).transpose(1, 2)
        return self.enc_p.hidden(self.quantizer.features(tokens), phones, style)

    def sample(self, prior: LatentPrior, noise: Tensor | None, noise_scale: float = NOISE_SCALE) -> Tensor:
        """Latent from the prior and standard normal ``noise`` of its shape; None means the mean."""
        if noise is None or noise_scale == 0:
            return prior.mean
        return prior.mean + noise * prior.log_deviation.exp() * noise_scale

    def render(self, latent: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Latent of the prior -> (waveform (batch, 1, samples), latent after the flow)."""
        spoken = self.flow.reverse(latent, speaker)
        return self.dec(spoken, speaker), spoken

    def spoken(self, latent: Tensor, speaker: Tensor) -> Tensor:
        """As `render`, (samples,) of one utterance, but with bounded memory: the generator goes by windows.

        Each window sees more neighbours than the generator can reach, so the samples are those of one piece.
        """
        frames = self.flow.reverse(latent, speaker)
        hop, total = self.spectrogram_shape.hop, frames.shape[2]
        pieces = []
        for start in range(0, total, WINDOW_FRAMES):
            end = min(start + WINDOW_FRAMES, total)
            left, right = max(0, start - REACH_FRAMES), min(total, end + REACH_FRAMES)
            audio = self.dec(frames[:, :, left:right], speaker)[0, 0]
            pieces.append(audio[(start - left) * hop : (end - left) * hop])
        return torch.cat(pieces)

    def forward(
        self,
        tokens: Tensor,
        phones: Tensor,
        speaker: Tensor,
        style: Tensor | None = None,
        *,
        noise: Tensor | None = None,
        noise_scale: float = NOISE_SCALE,
        speed: float = 1.0,
    ) -> Decoded:
        """One utterance in full; see `hidden` for shapes. ``phones`` are those of the spoken text alone."""
        hidden = self.hidden(tokens, phones, speaker if style is None else style)
        prior = self.enc_p.prior(hidden, speed)
        audio, latent = self.render(self.sample(prior, noise, noise_scale), speaker)
        return Decoded(audio, prior, latent)


def fold_overlap(hidden: Tensor, previous: Tensor) -> Tensor:
    """Fade from ``previous`` (last frames of a chunk) into the first frames of ``hidden``, sine window."""
    count = previous.shape[2]
    window = torch.sin(torch.arange(2 * count, device=hidden.device) * torch.pi / (2 * count))
    joined = window[:count] * hidden[:, :, :count] + window[count:] * previous
    return torch.cat([joined, hidden[:, :, count:]], dim=2)
