"""From the tokens of a planned sentence to its sound, at once or while they are still being decoded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from synth.engines.base import Cancelled, ignore_progress
from synth.gptsovits.batching import Ticket
from synth.gptsovits.planning import Plan
from synth.gptsovits.sovits import NOISE_SCALE, Sovits
from synth.gptsovits.streaming import FIRST_CHUNK_TOKENS, ChunkedDecoder, LatentNoise, next_chunk_tokens

SAMPLE_LIMIT = 1.0
RENDERED_AT_ONCE = 2


class Renderer:
    """One for all requests of an engine: a few sentences are rendered at once, the others wait."""

    def __init__(self) -> None:
        self._slots = threading.Semaphore(RENDERED_AT_ONCE)

    @torch.inference_mode()
    def sentence(self, network: Sovits, plan: Plan, index: int, tokens: list[int]) -> Tensor:
        """One whole sentence (samples,), on the CPU, within full scale."""
        conditioning = plan.conditioning
        device = conditioning.speaker.device
        with self._slots:
            phones = plan.phones[index].to(device)[None]
            hidden = network.hidden(torch.tensor([tokens], device=device), phones, conditioning.style)
            prior = network.enc_p.prior(hidden, plan.request.speed)
            noise = _noise(plan, index, prior.mean.shape[1]).first(prior.mean.shape[2])
            latent = network.sample(prior, noise.to(device), NOISE_SCALE)
            audio = network.spoken(latent, conditioning.speaker).float().cpu()
        peak = float(audio.abs().max()) if len(audio) else 0.0
        return audio / peak if peak > SAMPLE_LIMIT else audio

    def chunks(
        self, network: Sovits, plan: Plan, index: int, ticket: Ticket, should_stop: Callable[[], bool]
    ) -> Iterator[np.ndarray]:
        """A sentence as its tokens come, float32 (n,) each; raises `Cancelled` when it should stop."""
        conditioning = plan.conditioning
        channels = network.enc_p.proj.out_channels // 2
        decoder = ChunkedDecoder(
            network,
            plan.phones[index].to(conditioning.speaker.device),
            conditioning.speaker,
            conditioning.style,
            _noise(plan, index, channels),
            plan.request.speed,
        )
        wanted = chunk = FIRST_CHUNK_TOKENS
        while True:
            wait_for(ticket, wanted, should_stop)
            last = ticket.done
            with self._slots:
                audio = decoder.push(ticket.tokens(), last=last).float().cpu()
            if len(audio):
                yield audio.clamp(-SAMPLE_LIMIT, SAMPLE_LIMIT).numpy()
            if last:
                return
            chunk = next_chunk_tokens(chunk)
            wanted += chunk

    def pause(self, network: Sovits, plan: Plan, index: int) -> Tensor:
        """The silence after a sentence (samples,)."""
        return torch.zeros(round(plan.sentences[index].pause_s * network.sample_rate_hz))


def wait_for(
    ticket: Ticket,
    count: int | None,
    should_stop: Callable[[], bool],
    on_part: Callable[[float], None] = ignore_progress,
) -> None:
    """Until ``count`` tokens are there (None: all of them); ``on_part`` is told a guess at the share that is done."""
    reached = False
    while not reached:
        if should_stop():
            raise Cancelled
        reached = ticket.wait(count)
        on_part(min(1.0, len(ticket.tokens()) / max(1, 2 * len(ticket.utterance.phones))))


def _noise(plan: Plan, index: int, channels: int) -> LatentNoise:
    return LatentNoise(plan.seed(index, "latent"), channels)
