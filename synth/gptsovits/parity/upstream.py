"""The original's behaviour where ours differs on purpose, kept to be compared with it. Nothing else uses
this.

* After an early stop its caller keeps one token too few (`early_stop_slice`), and its batch path drops the
last
  token of the rows that are still running.
* A batch at speed 1 is decoded as one long utterance, so that neighbours hear each other (`decode_joined`).
* Streaming decodes a growing utterance, keeps the newest frames and fades the overlap in before the latent
  (`decode_chunk`); its variable mode hands out the tokens behind the cut twice (`variable_chunks`); chunks are
  joined by searching for the best overlap (`join_chunks`), all but the last one, which follows unjoined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from synth.gptsovits.sovits import FRAMES_PER_TOKEN, Sovits, fold_overlap
from synth.gptsovits.text2semantic import Text2Semantic

SILENT_TOKEN = 486


def early_stop_slice(tokens: Sequence[int], *, ended_by_itself: bool) -> list[int]:
    """The tokens that the original's caller takes: all, or without the first after an early stop."""
    return list(tokens) if ended_by_itself else list(tokens[1:])


def decode_joined(
    sovits: Sovits,
    tokens: Sequence[Tensor],
    phones: Sequence[Tensor],
    conditioning: Tensor,
    *,
    noise_scale: float = 0.0,
) -> list[Tensor]:
    """Several utterances, each tokens (n,) and phones (m,), as one; cut apart by their token counts
    afterwards."""
    decoded = sovits(
        torch.cat(list(tokens))[None],
        torch.cat(list(phones))[None],
        conditioning,
        noise_scale=noise_scale,
    )
    lengths = [len(part) * sovits.samples_per_token for part in tokens]
    return list(decoded.audio[0, 0, : sum(lengths)].split(lengths))


def decode_chunk(
    sovits: Sovits,
    tokens: Tensor,
    phones: Tensor,
    conditioning: Tensor,
    *,
    noise: Tensor | None,
    keep_tokens: int | None = None,
    previous_hidden: Tensor | None = None,
    noise_scale: float = 0.5,
    speed: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Audio (batch, 1, samples) of the last ``keep_tokens`` of an utterance so far, and its hidden frames.

    ``previous_hidden`` are the last hidden frames of the chunk before; they fade out over the first of this
    one.
    """
    hidden = sovits.hidden(tokens, phones, conditioning)
    if keep_tokens is not None:
        hidden = hidden[:, :, -FRAMES_PER_TOKEN * keep_tokens :]
    if previous_hidden is not None:
        hidden = fold_overlap(hidden, previous_hidden)
    prior = sovits.enc_p.prior(hidden, speed)
    audio, _ = sovits.render(sovits.sample(prior, noise, noise_scale), conditioning)
    return audio, hidden


def fixed_chunks(tokens: Sequence[int], length: int) -> Iterator[list[int]]:
    """Every ``length`` tokens, the rest at the end."""
    for start in range(0, len(tokens), length):
        yield list(tokens[start : start + length])


def variable_chunks(
    model: Text2Semantic, tokens: Sequence[int], length: int, threshold: float = 0.0
) -> Iterator[list[int]]:
    """Cut where two tokens in a row are likest to silence, once ``length + 2`` tokens wait.

    All waiting tokens are handed out, but the pointer moves only to the cut: what lies behind it comes again.
    """
    table = model.token_embedding.weight
    likeness = F.cosine_similarity(table[SILENT_TOKEN][None], table, dim=-1) - threshold
    start = waiting = 0
    for count in range(1, len(tokens) + 1):
        waiting += 1
        if waiting < length + 2:
            continue
        score = likeness[torch.tensor(tokens[start:count])]
        score = torch.where(score < 0, -1.0, score)
        score[:-1] += score[1:].clone()
        cut = int(score.argmax())
        if score[cut] >= 0 and cut + 1 >= length:
            yield list(tokens[start:count])
            start += cut + 1
            waiting -= cut + 1
    yield list(tokens[start:])


def join_chunks(first: Tensor, second: Tensor, overlap: int, search: int = 320) -> Tensor:
    """Two chunks (n,) as one: the second begins where it is likest to the last ``overlap`` samples of the first."""
    tail, head = first[-overlap:], second[: overlap + search]
    likeness = F.conv1d(head[None, None], tail[None, None])[0, 0]
    energy = F.conv1d(head.square()[None, None], torch.ones(1, 1, overlap))[0, 0] + 1e-8
    shifted = second[int((likeness / energy.sqrt()).argmax()) :].clone()
    window = torch.hann_window(2 * overlap)
    shifted[:overlap] = window[:overlap] * shifted[:overlap] + window[overlap:] * tail
    return torch.cat([first[:-overlap], shifted])
