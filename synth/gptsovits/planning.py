"""From a request to what the networks take: sentences as phones, the voice's conditioning, utterances to decode."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from synth.engines import sound
from synth.engines.base import ReferenceClip, SpeakRequest
from synth.errors import AssentError, Unavailable
from synth.gptsovits.conditioning import ClipReader, Conditioning, Prompt, blended
from synth.gptsovits.decoding import Utterance
from synth.gptsovits.presets import DEFAULT_CUT, Delivery, delivery_of
from synth.gptsovits.reference_audio import PROMPT_MAX_S, PROMPT_MIN_S
from synth.gptsovits.sampling import MAX_TOKENS, derived_seed
from synth.gptsovits.spoken_text import FrontEnd, ReadText, Sentence, WithBert, default_front_end, tensors_of
from synth.text.dictionary import NO_WORDS, Dictionary

TOKENS_PER_PHONE = 12  # half a second: more than anybody drawls; a runaway sentence ends here
TOKENS_MARGIN = 75


@dataclass(eq=False)
class Plan:
    """Everything about a request that is known before the first token; phones are added sentence by sentence."""

    request: SpeakRequest
    delivery: Delivery
    conditioning: Conditioning
    sentences: Sequence[Sentence]
    warnings: list[str]
    phones: dict[int, Tensor] = field(default_factory=dict)
    #: Only for fairness between jobs; no randomness comes from it.
    job: uuid.UUID = field(default_factory=uuid.uuid4)

    def seed(self, index: int, purpose: str) -> int:
        """For one draw of one sentence."""
        again = (self.request.draw,) if self.request.draw else ()
        return derived_seed(self.request.seed, index, purpose, *again)


class Planner:
    """Reads texts and clips. ``with_bert`` is None where Chinese cannot be spoken."""

    def __init__(self, front_end: FrontEnd | None, with_bert: WithBert | None) -> None:
        self._front_end, self._with_bert = front_end, with_bert
        self._transcripts = lru_cache(maxsize=64)(self._read_transcript)

    def plan(self, reader: ClipReader, request: SpeakRequest) -> Plan:
        """Raises AssentError for parameters, texts and clips that cannot be spoken."""
        delivery = delivery_of(request.params)
        sound.check_clips([*request.voice_clips, request.style_clip, *(clip for clip, _ in request.blend)])
        language = request.language.split("-")[0].lower()
        if language == "zh" and self._with_bert is None:
            raise Unavailable("weights_missing", "Chinese needs the BERT weights, which are not installed.")
        text = self._read(request.text, language, request.dictionary, delivery.cut_method)
        sentences = [sentence for sentence in text.sentences if sentence.phone_count]
        if not sentences:
            raise AssentError("nothing_to_speak", "The text holds nothing that can be spoken.")
        styles = [(request.style_clip, request.style_weight), *request.blend]
        conditioning, warnings = self.conditioning(
            reader, request.voice_clips, styles, strength=delivery.style_strength
        )
        return Plan(request, delivery, conditioning, sentences, [*text.warnings, *warnings])

    def conditioning(
        self,
        reader: ClipReader,
        voice_clips: Sequence[ReferenceClip],
        styles: Sequence[tuple[ReferenceClip, float]],
        *,
        strength: float = 1.0,
    ) -> tuple[Conditioning, list[str]]:
        """Speaker conditioning of the voice's clips, style conditioning blended by weight, prompt of the heaviest.

        Also returns what could not be taken from the clips, as sentences.
        """
        speaker = reader.speaker_conditioning([(clip.samples, clip.sample_rate_hz) for clip in voice_clips])
        clips = [(reader.conditioning(clip.samples, clip.sample_rate_hz), weight) for clip, weight in styles]
        style = blended(speaker, clips, strength)
        heaviest = max(styles, key=lambda item: item[1])[0]
        prompt, warnings = self._prompt(reader, heaviest)
        return Conditioning(speaker, style, prompt), warnings

    def utterance(self, plan: Plan, index: int, redraw: int = 0) -> Utterance:
        """A sentence of the plan behind the style clip's prompt, ready to be decoded; ``redraw``: for another time."""
        phones, rows = tensors_of(plan.sentences[index], self._with_bert)
        plan.phones[index] = phones
        prompt = plan.conditioning.prompt
        tokens = torch.zeros(0, dtype=torch.int64)
        whole, whole_rows = phones, rows
        if prompt is not None:
            tokens = prompt.tokens.cpu()
            whole = torch.cat([prompt.phones, phones])
            whole_rows = torch.cat([prompt.bert_rows, rows], dim=1)
        return Utterance(
            whole,
            whole_rows,
            tokens,
            params=plan.delivery.sampling,
            seed=plan.seed(index, f"codes {redraw}" if redraw else "codes"),
            max_tokens=min(MAX_TOKENS, TOKENS_MARGIN + TOKENS_PER_PHONE * len(phones)),
        )

    def _read(
        self, text: str, language: str, dictionary: Dictionary = NO_WORDS, cut_method: str = DEFAULT_CUT
    ) -> ReadText:
        if self._front_end is None:
            self._front_end = default_front_end()
        return self._front_end(text, language, dictionary, cut_method)

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
        tokens = reader.tokens(clip.samples, clip.sample_rate_hz)
        transcript = self._transcripts(clip.transcript, clip.language.split("-")[0].lower())
        if transcript is None:
            return None, ["The transcript of the style clip holds nothing that can be spoken."]
        return Prompt(tokens, *transcript), []

    def _read_transcript(self, transcript: str, language: str) -> tuple[Tensor, Tensor] | None:
        """Phones and BERT rows of a style clip's words: the same for every request, as its tokens are."""
        parts = [
            tensors_of(sentence, self._with_bert) for sentence in self._read(transcript, language).sentences
        ]
        if not parts:
            return None
        return torch.cat([phones for phones, _ in parts]), torch.cat([rows for _, rows in parts], dim=1)
