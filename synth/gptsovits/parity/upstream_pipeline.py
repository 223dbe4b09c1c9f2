"""The original's whole pipeline, from a text to 16-bit samples, in its own order of things. Only parity uses it.

Made of our networks and our text front-end; what differs from `engine` is said at each step. Where the original
decodes a text piece by piece, joins what it decoded in one batch, or streams overlapping chunks, so does this.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synth.gptsovits.bert import no_rows
from synth.gptsovits.decoding import DecodeBatch, Ended, Utterance, tokens_of
from synth.gptsovits.hubert import Hubert
from synth.gptsovits.parity import upstream
from synth.gptsovits.reference_audio import (
    PROMPT_RATE_HZ,
    at_sovits_rate,
    prompt_signal,
    resample_sinc,
    spectrogram,
)
from synth.gptsovits.sampling import SamplingParams
from synth.gptsovits.sovits import Sovits
from synth.gptsovits.text2semantic import Text2Semantic
from synth.text import frontend

TOKENS_PER_SECOND = 50  # the original's count of what are 25: its early stop comes after twice ``max_sec``
CHUNK_TOKENS = 16
OVERLAP_TOKENS = 2
FULL_SCALE = 32_768
Clip = tuple[np.ndarray, int]


@dataclass(frozen=True)
class Networks:
    """What one run needs, and ``early_stop``: at most so many tokens and one."""

    text2semantic: Text2Semantic
    sovits: Sovits
    hubert: Hubert
    early_stop: int


@torch.inference_mode()
def run(networks: Networks, clips: Mapping[str, Clip], params: Mapping[str, Any]) -> Iterator[np.ndarray]:
    """int16 arrays as the original yields them; ``clips`` by file name, ``params`` as for its ``TTS.run``.

    English only, ``top_k`` 1 and without latent noise: that is what has been recorded.
    """
    task = _Task(networks, clips, params)
    if params.get("streaming_mode"):
        for piece in task.pieces:
            yield from task.streamed(piece)
            yield np.zeros(task.pause, np.int16)
        return
    finished: dict[int, Tensor] = {}
    for batch in task.batches():
        finished |= zip(batch, task.decoded(batch), strict=True)
    yield np.concatenate([task.finished(finished[index]) for index in range(len(task.pieces))])


class _Task:
    def __init__(self, networks: Networks, clips: Mapping[str, Clip], params: Mapping[str, Any]) -> None:
        self.networks, self.params = networks, params
        sovits = networks.sovits
        self.speed = float(params.get("speed_factor", 1.0))
        self.pause = int(sovits.sample_rate_hz * params.get("fragment_interval", 0.3))
        names = [params["ref_audio_path"], *params.get("aux_ref_audio_paths", [])]
        signals = [
            at_sovits_rate(torch.from_numpy(clips[n][0]), clips[n][1], sovits.spectrogram_shape)
            for n in names
        ]
        speakers = [_stub_speaker(sovits, signal) for signal in signals]
        spectra = [spectrogram(signal, sovits.spectrogram_shape) for signal in signals]
        self.voice = sovits.mean_conditioning(spectra, speakers)
        self.pieces = frontend.process(
            params["text"], params["text_lang"], method=params["text_split_method"], original=True
        )
        self.prompt_phones, self.prompt = torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
        if said := params["prompt_text"]:
            said = said if said[-1] in ".!?。！？" else said + "."
            self.prompt_phones = _phones([frontend.speakable(said, params["prompt_lang"], original=True)])
            self.prompt = sovits.tokens(networks.hubert.features(prompt_signal(*clips[names[0]])))[0]

    # ------------------------------------------------------------------------------------------------- tokens

    def utterance(self, piece: frontend.Sentence) -> Utterance:
        phones = torch.cat([self.prompt_phones, _phones([piece])])
        sampling = SamplingParams(
            temperature=self.params["temperature"],
            top_k=self.params["top_k"],
            top_p=self.params["top_p"],
            repetition_penalty=self.params["repetition_penalty"],
        )
        return Utterance(
            phones, no_rows(len(phones)), self.prompt, sampling, max_tokens=self.networks.early_stop + 1
        )

    def batches(self) -> list[list[int]]:
        """Pieces of like length together, at most ``batch_size``."""
        size = self.params.get("batch_size", 1)
        lengths = {
            i: sum(len(part.norm_text) for part in piece.pieces) for i, piece in enumerate(self.pieces)
        }
        order = sorted(lengths, key=lambda index: lengths[index])
        batches = []
        while order:
            count = min(size, len(order))
            while count > 1:
                group = [lengths[index] for index in order[:count]]
                if group[count // 2] / (sum(group) / count + 1e-8) >= 0.75:
                    break
                count -= 1
            batches.append(order[:count])
            order = order[count:]
        return batches

    def decoded(self, batch: Sequence[int]) -> list[Tensor]:
        """Samples of some pieces, at speed 1 decoded as one utterance."""
        network, pieces = self.networks.sovits, [self.pieces[index] for index in batch]
        tokens = [torch.tensor(part) for part in self._tokens(pieces)]
        phones = [_phones([piece]) for piece in pieces]
        if self.speed == 1:
            return upstream.decode_joined(network, tokens, phones, self.voice)
        return [
            network(c[None], p[None], self.voice, noise_scale=0.0, speed=self.speed).audio[0, 0]
            for c, p in zip(tokens, phones, strict=True)
        ]

    def _tokens(self, pieces: Sequence[frontend.Sentence]) -> list[list[int]]:
        model = self.networks.text2semantic
        batch = DecodeBatch(model, max_rows=len(pieces))
        rows = [batch.join(self.utterance(piece)) for piece in pieces]
        while len(batch):
            batch.step()
        cut = []
        for row in rows:
            stopped = row.ended is not Ended.BY_ITSELF
            if stopped and self.params["parallel_infer"] and len(self.prompt):
                cut.append(row.tokens[:-1])
            else:  # without a prompt its count of tokens is nought, which takes all of them
                whole = not stopped or not len(self.prompt)
                cut.append(upstream.early_stop_slice(row.tokens, ended_by_itself=whole))
        return cut

    # ------------------------------------------------------------------------------------------------- sound

    def finished(self, audio: Tensor) -> np.ndarray:
        return _sixteen_bit(torch.cat([_within_full_scale(audio), torch.zeros(self.pause)]))

    def streamed(self, piece: frontend.Sentence) -> Iterator[np.ndarray]:
        """One piece in chunks: each is decoded with the tokens before it, shown from a little before its beginning,
        and laid over the end of the last where the two look most alike."""
        model, network = self.networks.text2semantic, self.networks.sovits
        tokens, phones = list(tokens_of(model, self.utterance(piece))), _phones([piece])[None]
        if self.params.get("fixed_length_chunk"):
            chunks = list(upstream.fixed_chunks(tokens, CHUNK_TOKENS))
            if len(chunks[-1]) == CHUNK_TOKENS:  # it was not known yet that nothing follows
                chunks.append([])
        else:
            chunks = list(upstream.variable_chunks(model, tokens, CHUNK_TOKENS))
        per_token = network.samples_per_token
        overlap = OVERLAP_TOKENS * per_token
        so_far: list[int] = []
        last: Tensor | None = None
        hidden: Tensor | None = None
        for at, chunk in enumerate(chunks):
            is_final = at == len(chunks) - 1
            if not chunk and last is not None:
                yield _sixteen_bit(_within_full_scale(last[-overlap:]))
                return
            so_far += chunk
            reach = OVERLAP_TOKENS + max(0, 10 - len(chunk))
            audio, hidden = upstream.decode_chunk(
                network,
                torch.tensor(so_far)[None],
                phones,
                self.voice,
                noise=None,
                keep_tokens=None if last is None else len(chunk) + reach,
                previous_hidden=None if hidden is None else hidden[:, :, -2 * reach :],
                speed=self.speed,
            )
            samples = audio[0, 0]
            if reach > OVERLAP_TOKENS:
                samples = samples[-(OVERLAP_TOKENS + len(chunk)) * per_token :]
            shown = samples
            if last is not None and not is_final:
                shown = upstream.join_chunks(last, samples, overlap)[len(last) - overlap :]
            yield _sixteen_bit(_within_full_scale(shown if is_final else shown[:-overlap]))
            last = samples


def _phones(sentences: Sequence[frontend.Sentence]) -> Tensor:
    return torch.tensor([phone for sentence in sentences for piece in sentence.pieces for phone in piece.ids])


def _stub_speaker(sovits: Sovits, signal: Tensor) -> Tensor | None:
    """The recorded runs of the Pro versions took this instead of a speaker embedding, seeded by the clip's length."""
    if not sovits.uses_speaker_embedding:
        return None
    length = len(resample_sinc(signal, sovits.sample_rate_hz, PROMPT_RATE_HZ))
    seed = zlib.crc32(f"20260001:sv_len{length}".encode())
    width = sovits.sv_emb.in_features
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(width).astype(np.float32))[None]


def _within_full_scale(audio: Tensor) -> Tensor:
    peak = float(audio.abs().max()) if len(audio) else 0.0
    return audio / peak if peak > 1 else audio


def _sixteen_bit(audio: Tensor) -> np.ndarray:
    return (audio * FULL_SCALE).numpy().astype(np.int16)
