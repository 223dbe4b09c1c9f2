"""GPT-SoVITS behind the Engine protocol: requests in, speech out, one device shared by all of them.

A request is cut into sentences. Their tokens are made by the `batching.Scheduler` of the weights in use, beside
those of other requests; the calling thread turns each sentence into sound while the next one is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from synth.engines import sound
from synth.engines.base import (
    BLEND,
    DRAWS,
    OWN_WEIGHTS,
    PRONUNCIATIONS,
    ReferenceClip,
    SpeakRequest,
    Speech,
    ignore_progress,
    never_stop,
)
from synth.errors import AssentError, Unavailable
from synth.gptsovits import modes, store
from synth.gptsovits.batching import Ticket
from synth.gptsovits.conditioning import ClipConditioning, Conditioning
from synth.gptsovits.decoding import Ended
from synth.gptsovits.guarding import Suspicion, suspicion
from synth.gptsovits.planning import Plan, Planner
from synth.gptsovits.presets import PARAMETERS
from synth.gptsovits.rendering import Renderer, wait_for
from synth.gptsovits.resident import LoadedPair, ResidentNetworks
from synth.gptsovits.spoken_text import FrontEnd

DEFAULT_MEMORY_BYTES = 3 << 30
REDRAWS = 2  # of a sentence whose tokens do not look like speech
SENTENCES_AHEAD = 2  # of a stream, decoded at once: more would delay the first sound


def load(
    models_dir: Path | str,
    device: str = "auto",
    *,
    mode: str = modes.AUTO,
    version: str | None = None,
    max_rows: int = 8,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
) -> GptSovitsEngine:
    """The engine over the best installed version (or ``version``).

    ``mode`` is ``fp32``, ``fast`` or ``auto`` (see `modes.resolved`); ``device`` is ``auto`` (a GPU where there is one)
    or what torch calls it.
    Raises `Unavailable` when weights are missing and `WeightsError` when a file is not what it should be.
    """
    weights = store.Store(models_dir)
    chosen = version or weights.best_version()
    if chosen is None or (missing := weights.missing(chosen)):
        names = ", ".join(missing) if chosen else "no version is complete"
        raise Unavailable("weights_missing", f"GPT-SoVITS weights are missing: {names}.")
    if mode not in modes.SETTINGS:
        raise AssentError("engine_mode", f"Modes are {', '.join(modes.SETTINGS)}.", measured=mode)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Unavailable("engine_device", f"There is no {device} device that torch could use.")
    mode = modes.resolved(mode, device)
    return GptSovitsEngine(
        weights, chosen, device=device, mode=mode, max_rows=max_rows, memory_bytes=memory_bytes
    )


class GptSovitsEngine:
    """See `synth.engines.base.Engine`. Threads may call `speak` and `stream` at the same time."""

    name = "gpt-sovits"
    is_preview = False
    supports = PARAMETERS | {BLEND, PRONUNCIATIONS, OWN_WEIGHTS, DRAWS}

    def __init__(
        self,
        weights: store.Store,
        version: str,
        *,
        device: str = "cpu",
        mode: str = "fp32",
        max_rows: int = 8,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        front_end: FrontEnd | None = None,
    ) -> None:
        self.version = f"{version}-{mode}"
        self.mode = mode
        self.device = device
        self.networks = ResidentNetworks(
            weights, version, device=device, mode=mode, max_rows=max_rows, memory_bytes=memory_bytes
        )
        has_bert = self.networks.has_bert
        self.languages = frozenset({"en", "ja", "ko", "yue"} | ({"zh"} if has_bert else set()))
        self._planner = Planner(front_end, self.networks.with_bert if has_bert else None)
        self._renderer = Renderer()

    def speak(
        self,
        request: SpeakRequest,
        *,
        on_progress: Callable[[float], None] = ignore_progress,
        should_stop: Callable[[], bool] = never_stop,
        weights_of: str | None = None,
    ) -> Speech:
        """See `synth.engines.base.Engine.speak`.

        ``weights_of`` names a voice whose own fine-tuned weights are to be used. It is not among the request's
        params on purpose: those come from users, and whose weights may be used is a question of consent.
        """
        with self.networks.pair(weights_of) as pair:
            plan = self._planner.plan(pair.reader, request)
            tickets = [self._submit(pair, plan, index) for index in range(len(plan.sentences))]
            pieces: list[torch.Tensor] = []
            try:
                for index, ticket in enumerate(tickets):

                    def on_part(part: float, done: int = index) -> None:
                        on_progress((done + 0.8 * part) / len(tickets))

                    wait_for(ticket, None, should_stop, on_part)
                    tickets[index] = ticket = self._well_drawn(pair, plan, index, ticket, should_stop)
                    pieces.append(self._renderer.sentence(pair.sovits, plan, index, ticket.tokens()))
                    pieces.append(self._renderer.pause(pair.sovits, plan, index))
                    on_progress((index + 1) / len(tickets))
            finally:
                for ticket in tickets:
                    ticket.cancel()
            samples = torch.cat(pieces).numpy()
            rate_hz = pair.sovits.sample_rate_hz
            lengths = [
                (len(spoken), len(pause)) for spoken, pause in zip(pieces[::2], pieces[1::2], strict=True)
            ]
            return Speech(
                samples=sound.sounding(np.ascontiguousarray(samples, dtype=np.float32)),
                sample_rate_hz=rate_hz,
                segments=sound.segments_of([s.text for s in plan.sentences], lengths, rate_hz),
                content_source=f"{self.name} {self.networks.version}",
                warnings=[*plan.warnings, *_cut_short(tickets)],
                details=self._details(pair, plan, tickets),
            )

    def stream(
        self,
        request: SpeakRequest,
        *,
        should_stop: Callable[[], bool] = never_stop,
        weights_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """`speak` as float32 chunks: the first after about one second of speech is decoded. The same tokens, save that
        a sentence that goes wrong cannot be drawn again, for its beginning has been heard."""
        with self.networks.pair(weights_of) as pair:
            plan = self._planner.plan(pair.reader, request)
            yield from self._chunks(pair, plan, [], should_stop)

    def _chunks(
        self, pair: LoadedPair, plan: Plan, tickets: list[Ticket], should_stop: Callable[[], bool]
    ) -> Iterator[np.ndarray]:
        """Chunks of a plan whose sentences are submitted one ahead, into ``tickets``."""
        try:
            for index in range(len(plan.sentences)):
                while len(tickets) < min(index + SENTENCES_AHEAD, len(plan.sentences)):
                    tickets.append(self._submit(pair, plan, len(tickets)))
                yield from self._renderer.chunks(pair.sovits, plan, index, tickets[index], should_stop)
                yield self._renderer.pause(pair.sovits, plan, index).numpy()
        finally:
            for ticket in tickets:
                ticket.cancel()

    def pieces(
        self,
        request: SpeakRequest,
        *,
        should_stop: Callable[[], bool] = never_stop,
        weights_of: str | None = None,
    ) -> Generator[Speech, None, None]:
        """See `synth.engines.base.SpeaksInPieces`: the chunks of `stream`, with what `speak` says beside them."""
        with self.networks.pair(weights_of) as pair:
            plan = self._planner.plan(pair.reader, request)
            tickets: list[Ticket] = []
            for chunk in self._chunks(pair, plan, tickets, should_stop):
                yield Speech(
                    np.ascontiguousarray(chunk, dtype=np.float32),
                    pair.sovits.sample_rate_hz,
                    f"{self.name} {self.networks.version}",
                    warnings=[*plan.warnings, *_cut_short(tickets)],
                    details=self._details(pair, plan, tickets),
                )

    def forget(self, voice: str) -> None:
        """Let go of a voice's own weights, now or as soon as nothing speaks with them."""
        self.networks.forget(voice)

    def close(self) -> None:
        """End the decoder thread; waiting requests fail with `Unavailable`."""
        self.networks.official.scheduler.close()

    def clip_conditioning(self, clip: ReferenceClip) -> ClipConditioning:
        """Embeddings and conditioning of a clip under the official weights."""
        return self.networks.official.reader.conditioning(clip.samples, clip.sample_rate_hz)

    def conditioning(
        self,
        voice_clips: Sequence[ReferenceClip],
        styles: Sequence[tuple[ReferenceClip, float]],
        *,
        strength: float = 1.0,
    ) -> tuple[Conditioning, list[str]]:
        """See `Planner.conditioning`, under the official weights."""
        return self._planner.conditioning(
            self.networks.official.reader, voice_clips, styles, strength=strength
        )

    def _submit(self, pair: LoadedPair, plan: Plan, index: int, redraw: int = 0) -> Ticket:
        return pair.scheduler.submit(plan.job, self._planner.utterance(plan, index, redraw))

    def _well_drawn(
        self, pair: LoadedPair, plan: Plan, index: int, ticket: Ticket, should_stop: Callable[[], bool]
    ) -> Ticket:
        """``ticket``, or of up to REDRAWS further draws of its sentence the one whose tokens look most like speech."""
        best, doubt = ticket, _doubt(plan, index, ticket)
        for redraw in range(1, REDRAWS + 1):
            if not doubt:
                break
            other = self._submit(pair, plan, index, redraw)
            try:
                wait_for(other, None, should_stop)
            finally:
                other.cancel()
            if (lesser := _doubt(plan, index, other)) < doubt:
                best, doubt = other, lesser
        return best

    def _details(self, pair: LoadedPair, plan: Plan, tickets: Sequence[Ticket]) -> dict[str, Any]:
        sampling = plan.delivery.sampling
        return {
            "weights": pair.digests,
            "mode": self.mode,
            "seed": plan.request.seed,
            "sampling": {
                "temperature": sampling.temperature,
                "top_k": sampling.top_k,
                "top_p": sampling.top_p,
                "repetition_penalty": sampling.repetition_penalty,
            },
            "style_strength": plan.delivery.style_strength,
            "semantic_tokens": [len(ticket.tokens()) for ticket in tickets],
        }


def _doubt(plan: Plan, index: int, ticket: Ticket) -> Suspicion:
    at_limit = ticket.ended is Ended.AT_LIMIT
    return suspicion(ticket.tokens(), len(plan.phones[index]), at_limit=at_limit)


def _cut_short(tickets: Sequence[Ticket]) -> list[str]:
    cut = [index + 1 for index, ticket in enumerate(tickets) if ticket.ended is Ended.AT_LIMIT]
    if not cut:
        return []
    which = ", ".join(str(index) for index in cut)
    return [f"Sentence {which} did not come to an end by itself and was cut; another seed may do better."]
