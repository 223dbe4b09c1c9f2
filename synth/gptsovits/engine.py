"""GPT-SoVITS behind the Engine protocol: requests in, speech out, one device shared by all of them.

A request is cut into sentences. Their codes are made by the `batching.Scheduler` of the weights in use, beside
those of other requests; the calling thread turns each sentence into sound while the next one is decoded.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synth.engines.base import (
    BLEND,
    OWN_WEIGHTS,
    PRONUNCIATIONS,
    Cancelled,
    ReferenceClip,
    SpeakRequest,
    Speech,
    ignore_progress,
    never_stop,
)
from synth.errors import AssentError, Unavailable
from synth.gptsovits import fast, manifest, store
from synth.gptsovits.batching import Scheduler, Ticket
from synth.gptsovits.bert import Bert
from synth.gptsovits.decoding import DecodeBatch, Ended, Utterance
from synth.gptsovits.graphs import GraphBatch
from synth.gptsovits.hubert import Hubert
from synth.gptsovits.presets import PARAMETERS, Delivery, delivery_of
from synth.gptsovits.reference_audio import PROMPT_MAX_S, PROMPT_MIN_S
from synth.gptsovits.residency import Residency, give_back_memory
from synth.gptsovits.sampling import MAX_CODES, derived_seed
from synth.gptsovits.sovits import NOISE_SCALE, Sovits
from synth.gptsovits.spoken_text import FrontEnd, Sentence, default_front_end, tensors_of
from synth.gptsovits.streaming import FIRST_CHUNK_CODES, NEXT_CHUNK_CODES, ChunkedDecoder, LatentNoise
from synth.gptsovits.text2semantic import Text2Semantic
from synth.gptsovits.voice import ClipReader, ClipVectors, Manner, Prompt, blended
from synth.gptsovits.weights import load_sovits, load_speaker_vector, load_text2semantic
from synth.text.dictionary import NO_WORDS, Dictionary

DEFAULT_MEMORY_BYTES = 3 << 30
HUBERT_IDLE_S = 60.0
CODES_PER_PHONE = 12  # half a second: more than anybody drawls; a runaway sentence ends here
CODES_MARGIN = 75
SAMPLE_LIMIT = 1.0


def load(
    models_dir: Path | str,
    device: str = "auto",
    *,
    mode: str = "fp32",
    version: str | None = None,
    max_rows: int = 8,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
) -> GptSovitsEngine:
    """The engine over the best installed version (or ``version``).

    ``mode`` is ``fp32`` or ``fast``; ``device`` is ``auto`` (a GPU where there is one) or what torch calls it.
    Raises `Unavailable` when weights are missing and `WeightsError` when a file is not what it should be.
    """
    weights = store.Store(models_dir)
    chosen = version or weights.best_version()
    if chosen is None or (missing := weights.missing(chosen)):
        names = ", ".join(missing) if chosen else "no version is complete"
        raise Unavailable("weights_missing", f"GPT-SoVITS weights are missing: {names}.")
    if mode not in manifest.MODES:
        raise AssentError("engine_mode", f"Modes are {', '.join(manifest.MODES)}.", measured=mode)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Unavailable("engine_device", f"There is no {device} device that torch could use.")
    return GptSovitsEngine(
        weights, chosen, device=device, mode=mode, max_rows=max_rows, memory_bytes=memory_bytes
    )


@dataclass(frozen=True, eq=False)
class Voice:
    """One pair of checkpoints at work: networks, the clips read with them, the decoder that all requests share."""

    text2semantic: Text2Semantic
    sovits: Sovits
    reader: ClipReader
    scheduler: Scheduler
    digests: dict[str, str]

    @property
    def networks(self) -> tuple[Text2Semantic, Sovits]:
        """For `residency.size_of`."""
        return self.text2semantic, self.sovits


class GptSovitsEngine:
    """See `synth.engines.base.Engine`. Threads may call `speak` and `stream` at the same time."""

    name = "gpt-sovits"
    is_preview = False
    supports = PARAMETERS | {BLEND, PRONUNCIATIONS, OWN_WEIGHTS}

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
        self._store, self._sovits_version = weights, version
        self._max_rows = max_rows
        self._front_end = front_end
        self._residency = Residency(memory_bytes)
        self._helpers = Residency(memory_bytes, idle_s=HUBERT_IDLE_S)
        self._words = lru_cache(maxsize=64)(self._read_words)
        self._render_slots = threading.Semaphore(2)
        self._speaker = None
        if manifest.SPEAKER not in weights.missing(version) and "Pro" in version:
            self._speaker = load_speaker_vector(weights.path(manifest.SPEAKER)).to(device)
        self._has_bert = not weights.missing(version, "zh")
        self.languages = frozenset({"en", "ja", "ko", "yue"} | ({"zh"} if self._has_bert else set()))
        self._base = self._load_pair(*self._official_pair())

    # ------------------------------------------------------------------------------------------- the protocol

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
        with self._voice(weights_of) as voice:
            plan = self._plan(voice, request)
            tickets = [self._submit(voice, plan, index) for index in range(len(plan.sentences))]
            pieces, ends = [], []
            try:
                for index, ticket in enumerate(tickets):

                    def on_part(part: float, done: int = index) -> None:
                        on_progress((done + 0.8 * part) / len(tickets))

                    self._wait(ticket, None, should_stop, on_part)
                    pieces.append(self._rendered(voice, plan, index, ticket.codes()))
                    pieces.append(self._pause(voice, plan.sentences[index]))
                    ends.append(ticket.ended)
                    on_progress((index + 1) / len(tickets))
            finally:
                for ticket in tickets:
                    ticket.cancel()
            samples = torch.cat(pieces).numpy()
            return Speech(
                samples=np.ascontiguousarray(samples, dtype=np.float32),
                sample_rate_hz=voice.sovits.sample_rate_hz,
                content_source=f"{self.name} {self._sovits_version}",
                warnings=[*plan.warnings, *_cut_short(ends)],
                details=self._details(voice, plan, tickets),
            )

    def stream(
        self,
        request: SpeakRequest,
        *,
        should_stop: Callable[[], bool] = never_stop,
        weights_of: str | None = None,
    ) -> Iterator[np.ndarray]:
        """The same codes as `speak`, as float32 chunks: the first after about one second of speech is decoded."""
        with self._voice(weights_of) as voice:
            plan = self._plan(voice, request)
            ahead = 2  # sentences decoded at once: more would delay the first sound
            tickets: list[Ticket] = []
            try:
                for index, sentence in enumerate(plan.sentences):
                    while len(tickets) < min(index + ahead, len(plan.sentences)):
                        tickets.append(self._submit(voice, plan, len(tickets)))
                    yield from self._chunks(voice, plan, index, tickets[index], should_stop)
                    yield self._pause(voice, sentence).numpy()
            finally:
                for ticket in tickets:
                    ticket.cancel()

    def forget(self, voice: str) -> None:
        """Let go of a voice's own weights, now or as soon as nothing speaks with them."""
        self._residency.drop_all(f"pair:{voice}:")

    def close(self) -> None:
        """End the decoder thread; waiting requests fail with `Unavailable`."""
        self._base.scheduler.close()

    # ---------------------------------------------------------------------------------------- first-class parts

    def vectors(self, clip: ReferenceClip) -> ClipVectors:
        """Style, speaker and voice vector of a clip under the official weights."""
        return self._base.reader.vectors(clip.samples, clip.sample_rate_hz)

    def manner(
        self,
        voice_clips: Sequence[ReferenceClip],
        styles: Sequence[tuple[ReferenceClip, float]],
        *,
        strength: float = 1.0,
        voice: Voice | None = None,
    ) -> tuple[Manner, list[str]]:
        """Timbre of the voice's clips, style vector blended from several clips by weight, prompt of the heaviest.

        Also returns what could not be taken from the clips, as sentences.
        """
        reader = (voice or self._base).reader
        timbre = reader.timbre([(clip.samples, clip.sample_rate_hz) for clip in voice_clips])
        vectors = [(reader.vectors(clip.samples, clip.sample_rate_hz), weight) for clip, weight in styles]
        style = blended(timbre, vectors, strength)
        heaviest = max(styles, key=lambda item: item[1])[0]
        prompt, warnings = self._prompt(reader, heaviest)
        return Manner(timbre, style, prompt), warnings

    # -------------------------------------------------------------------------------------------- preparation

    def _plan(self, voice: Voice, request: SpeakRequest) -> _Plan:
        delivery = delivery_of(request.params)
        language = request.language.split("-")[0].lower()
        if language == "zh" and not self._has_bert:
            raise Unavailable("weights_missing", "Chinese needs the BERT weights, which are not installed.")
        sentences = self._sentences(request.text, language, request.dictionary)
        sentences = [sentence for sentence in sentences if sentence.phone_count]
        if not sentences:
            raise AssentError("nothing_to_speak", "The text holds nothing that can be spoken.")
        styles = [(request.style_clip, request.style_weight), *request.blend]
        manner, warnings = self.manner(
            request.voice_clips, styles, strength=delivery.style_strength, voice=voice
        )
        return _Plan(request, delivery, manner, sentences, warnings)

    def _sentences(self, text: str, language: str, dictionary: Dictionary = NO_WORDS) -> Sequence[Sentence]:
        if self._front_end is None:
            self._front_end = default_front_end()
        return self._front_end(text, language, dictionary)

    def _prompt(self, reader: ClipReader, clip: ReferenceClip) -> tuple[Prompt | None, list[str]]:
        seconds = clip.samples.shape[-1] / clip.sample_rate_hz
        if not clip.transcript.strip():
            return None, [
                "The style clip has no transcript, so its rhythm could not be taken up, only its tone."
            ]
        if not PROMPT_MIN_S <= seconds <= PROMPT_MAX_S:
            return None, [
                f"The style clip has {seconds:.1f} seconds; its rhythm is taken up from clips of "
                f"{PROMPT_MIN_S:g} to {PROMPT_MAX_S:g} seconds, so only its tone was used."
            ]
        codes = reader.codes(clip.samples, clip.sample_rate_hz)
        words = self._words(clip.transcript, clip.language.split("-")[0].lower())
        if words is None:
            return None, ["The transcript of the style clip holds nothing that can be spoken."]
        return Prompt(codes, *words), []

    def _read_words(self, transcript: str, language: str) -> tuple[Tensor, Tensor] | None:
        """Phones and BERT rows of a style clip's words: the same for every request, as its codes are."""
        parts = [self._tensors(sentence) for sentence in self._sentences(transcript, language)]
        if not parts:
            return None
        return torch.cat([phones for phones, _ in parts]), torch.cat([rows for _, rows in parts], dim=1)

    def _tensors(self, sentence: Sentence) -> tuple[Tensor, Tensor]:
        return tensors_of(sentence, self._with_bert if self._has_bert else None)

    def _submit(self, voice: Voice, plan: _Plan, index: int) -> Ticket:
        phones, rows = self._tensors(plan.sentences[index])
        plan.phones[index] = phones
        prompt = plan.manner.prompt
        codes = torch.zeros(0, dtype=torch.int64)
        whole, whole_rows = phones, rows
        if prompt is not None:
            codes = prompt.codes.cpu()
            whole = torch.cat([prompt.phones, phones])
            whole_rows = torch.cat([prompt.bert_rows, rows], dim=1)
        utterance = Utterance(
            whole,
            whole_rows,
            codes,
            params=plan.delivery.sampling,
            seed=derived_seed(plan.request.seed, index, "codes"),
            max_codes=min(MAX_CODES, CODES_MARGIN + CODES_PER_PHONE * len(phones)),
        )
        return voice.scheduler.submit(plan.job, utterance)

    # ------------------------------------------------------------------------------------------------- sound

    def _wait(
        self,
        ticket: Ticket,
        count: int | None,
        should_stop: Callable[[], bool],
        on_part: Callable[[float], None] = ignore_progress,
    ) -> None:
        reached = False
        while not reached:
            if should_stop():
                raise Cancelled
            reached = ticket.wait(count)
            done = len(ticket.codes())
            on_part(min(1.0, done / max(1, 2 * len(ticket.utterance.phones))))

    @torch.inference_mode()
    def _rendered(self, voice: Voice, plan: _Plan, index: int, codes: list[int]) -> Tensor:
        """One whole sentence (samples,), on the CPU, within full scale."""
        network, manner = voice.sovits, plan.manner
        device = manner.timbre.device
        with self._render_slots:
            phones = plan.phones[index].to(device)[None]
            hidden = network.hidden(torch.tensor([codes], device=device), phones, manner.style)
            prior = network.enc_p.prior(hidden, plan.request.speed)
            noise = self._noise(plan, index, prior.mean.shape[1]).first(prior.mean.shape[2])
            latent = network.sample(prior, noise.to(device), NOISE_SCALE)
            audio = network.spoken(latent, manner.timbre).float().cpu()
        peak = float(audio.abs().max()) if len(audio) else 0.0
        return audio / peak if peak > SAMPLE_LIMIT else audio

    def _chunks(
        self, voice: Voice, plan: _Plan, index: int, ticket: Ticket, should_stop: Callable[[], bool]
    ) -> Iterator[np.ndarray]:
        network, manner = voice.sovits, plan.manner
        channels = network.enc_p.proj.out_channels // 2
        decoder = ChunkedDecoder(
            network,
            plan.phones[index].to(manner.timbre.device),
            manner.timbre,
            manner.style,
            self._noise(plan, index, channels),
            plan.request.speed,
        )
        wanted = FIRST_CHUNK_CODES
        while True:
            self._wait(ticket, wanted, should_stop)
            last = ticket.done
            with self._render_slots:
                audio = decoder.push(ticket.codes(), last=last).float().cpu()
            if len(audio):
                yield audio.clamp(-SAMPLE_LIMIT, SAMPLE_LIMIT).numpy()
            if last:
                return
            wanted += NEXT_CHUNK_CODES

    def _noise(self, plan: _Plan, index: int, channels: int) -> LatentNoise:
        return LatentNoise(derived_seed(plan.request.seed, index, "latent"), channels)

    def _pause(self, voice: Voice, sentence: Sentence) -> Tensor:
        return torch.zeros(round(sentence.pause_s * voice.sovits.sample_rate_hz))

    def _details(self, voice: Voice, plan: _Plan, tickets: Sequence[Ticket]) -> dict[str, Any]:
        sampling = plan.delivery.sampling
        return {
            "weights": voice.digests,
            "mode": self.mode,
            "seed": plan.request.seed,
            "sampling": {
                "temperature": sampling.temperature,
                "top_k": sampling.top_k,
                "top_p": sampling.top_p,
                "repetition_penalty": sampling.repetition_penalty,
            },
            "style_strength": plan.delivery.style_strength,
            "codes": [len(ticket.codes()) for ticket in tickets],
        }

    # ------------------------------------------------------------------------------------------------ weights

    def _official_pair(self) -> tuple[Path, Path]:
        paths = {
            file.kind: self._store.path(file.path)
            for file in manifest.MANIFEST
            if self._sovits_version in file.versions and file.kind in ("s1", "s2")
        }
        return paths["s1"], paths["s2"]

    def _voice(self, weights_of: str | None) -> AbstractContextManager[Voice]:
        """The official weights, or a voice's own."""
        self._helpers.sweep()
        self._residency.sweep()
        if weights_of is None:
            return nullcontext(self._base)
        pair = self._store.pair(weights_of)
        if pair is None:
            raise AssentError("weights_missing", "This voice has no weights of its own.", http_status=404)
        return self._residency.using(
            f"pair:{weights_of}:{self._store.digest(pair.s1)}:{self._store.digest(pair.s2)}",
            lambda: self._load_pair(pair.s1, pair.s2),
        )

    def _load_pair(self, s1: Path, s2: Path) -> Voice:
        quick, on_cpu = self.mode == "fast", self.device == "cpu"
        text2semantic = load_text2semantic(s1)
        if quick:
            text2semantic = fast.fast_text2semantic(text2semantic) if on_cpu else text2semantic.bfloat16()
        give_back_memory()
        sovits = load_sovits(s2)
        if quick:
            sovits = fast.fast_sovits(sovits, None if on_cpu else fast.Capabilities(True, False))
        give_back_memory()
        text2semantic.to(self.device)
        sovits.to(self.device)
        kind = GraphBatch if self.device.startswith("cuda") else DecodeBatch
        scheduler = Scheduler(lambda: kind(text2semantic, self._max_rows))
        reader = ClipReader(sovits, self._speaker, self._with_hubert)
        digests = {"s1": self._store.digest(s1), "s2": self._store.digest(s2)}
        return Voice(text2semantic, sovits, reader, scheduler, digests)

    def _with_hubert(self, use: Callable[[Hubert], Tensor]) -> Tensor:
        folder = self._store.folder / manifest.HUBERT
        with self._helpers.using(manifest.HUBERT, lambda: Hubert(folder, self.device)) as hubert:
            result = use(hubert)
            del hubert  # the last name it has here
        # Profiles are kept, so the next use is far off; 360 MB are better spent elsewhere.
        self._helpers.drop(manifest.HUBERT)
        give_back_memory()
        return result

    def _with_bert(self, use: Callable[[Bert], Tensor]) -> Tensor:
        folder = self._store.folder / manifest.BERT
        load = lambda: Bert(folder, self.device, reduced=self.mode == "fast")  # noqa: E731
        with self._helpers.using(manifest.BERT, load) as bert:
            return use(bert)


class _Plan:
    """Everything about a request that is known before the first code."""

    def __init__(
        self,
        request: SpeakRequest,
        delivery: Delivery,
        manner: Manner,
        sentences: Sequence[Sentence],
        warnings: list[str],
    ) -> None:
        self.job = uuid.uuid4()  # only for fairness; no randomness comes from it
        self.request = request
        self.delivery = delivery
        self.manner = manner
        self.sentences = sentences
        self.warnings = warnings
        self.phones: dict[int, Tensor] = {}


def _cut_short(ends: Sequence[Ended | None]) -> list[str]:
    cut = [index + 1 for index, ended in enumerate(ends) if ended is Ended.AT_LIMIT]
    if not cut:
        return []
    which = ", ".join(str(index) for index in cut)
    return [f"Sentence {which} did not come to an end by itself and was cut; another seed may do better."]
