"""The decoder against its recorded logits and tokens: greedy, sampled, in a batch, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synth.gptsovits.decoding import DecodeBatch, Ended, Row, Utterance, tokens_of
from synth.gptsovits.parity import upstream
from synth.gptsovits.parity.findings import Finding, Golden, differing, peak_error
from synth.gptsovits.sampling import SamplingParams
from synth.gptsovits.text2semantic import Text2Semantic

PROMPT_TOKENS = 60


class _Recorder:
    """Keeps the raw logits of each step, before the penalty and the missing end are applied."""

    def __init__(self, model: Text2Semantic) -> None:
        self.logits: list[Tensor] = []
        self._handle = model.head.register_forward_hook(self._keep)

    def _keep(self, _module: object, _inputs: object, output: Tensor) -> None:
        self.logits.append(output.reshape(-1).clone())

    def __enter__(self) -> _Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()


def _utterance(
    golden: Golden, *, text: str = "ph_text", rows: str = "bert_text", prompted: bool = True, **more: Any
) -> Utterance:
    phones = golden.ints(text)
    bert_rows = golden.floats(rows) if rows in golden else torch.zeros(1024, len(phones))
    prompt = torch.zeros(0, dtype=torch.int64)
    if prompted:
        phones = torch.cat([golden.ints("ph_prompt"), phones])
        bert_rows = torch.cat([golden.floats("bert_prompt"), bert_rows], dim=1)
        prompt = golden.ints("codes_A")[:PROMPT_TOKENS]
    return Utterance(phones, bert_rows, prompt, **more)


def _recorded(golden: Golden, name: str) -> Callable[[], Tensor]:
    steps = iter(golden.floats(name))
    return lambda: next(steps)


def decoder(version: str, golden: Golden, model: Text2Semantic) -> Iterator[Finding]:
    prompt = golden.raw("codes_A")[:PROMPT_TOKENS]

    # Early stop at n in the goldens means that n + 1 tokens have been drawn.
    greedy = SamplingParams(top_k=1)
    with _Recorder(model) as recorder:
        tokens = list(tokens_of(model, _utterance(golden, params=greedy, max_tokens=401)))
    expected = golden.raw("t2s_greedy_prompt_y")
    yield Finding("greedy tokens", f"{version} prompt", differing([*prompt, *tokens], expected))
    first = torch.stack(recorder.logits[:20])
    yield Finding("logits", f"{version} prefill", peak_error(first[0], golden.raw("t2s_prefill_logits")))
    yield Finding("logits", f"{version} first 20", peak_error(first, golden.raw("t2s_first20_logits_raw")))
    last = peak_error(recorder.logits[-1], golden.raw("t2s_last_step_logits_raw"))
    yield Finding("logits", f"{version} last", last)

    with _Recorder(model) as recorder:
        bare = list(tokens_of(model, _utterance(golden, prompted=False, params=greedy, max_tokens=91)))
    yield Finding(
        "greedy tokens", f"{version} no prompt", differing(bare, golden.raw("t2s_greedy_noprompt_y"))
    )
    first = torch.stack(recorder.logits[:5])
    error = peak_error(first, golden.raw("t2s_greedy_noprompt_first5_logits"))
    yield Finding("logits", f"{version} no prompt", error)

    drawn = {
        "t2s_sample": (SamplingParams(), 61),
        "t2s_sample2": (SamplingParams(0.6, 20, 0.6, 1.0), 51),
    }
    for name, (params, max_tokens) in drawn.items():
        if f"{name}_y" not in golden:
            continue
        noise = _recorded(golden, f"{name}_noise_q")
        found = list(tokens_of(model, _utterance(golden, params=params, max_tokens=max_tokens, noise=noise)))
        error = differing([*prompt, *found], golden.raw(f"{name}_y"))
        yield Finding("sampled tokens", f"{version} {name}", error)

    yield from _batch(version, golden, model, prompt)

    for mode, chunks in (
        ("fixed", upstream.fixed_chunks(tokens, 16)),
        ("var", upstream.variable_chunks(model, tokens, 16)),
    ):
        count = int(golden.raw(f"t2s_stream_{mode}_nchunks"))
        expected_chunks = [golden.raw(f"t2s_stream_{mode}_chunk{i}") for i in range(count)]
        found_chunks = list(chunks)
        error = sum(differing(a, b) for a, b in zip(found_chunks, expected_chunks, strict=False))
        error += abs(len(found_chunks) - count)
        yield Finding("stream chunks", f"{version} {mode}", error)


def _batch(version: str, golden: Golden, model: Text2Semantic, prompt: np.ndarray) -> Iterator[Finding]:
    """Three texts together. At the early stop the original drops the last token of what still runs."""
    texts = (("ph_text", "bert_text"), ("ph_text2", "none"), ("ph_text3", "bert_text3"))
    batch = DecodeBatch(model, max_rows=3)
    rows: list[Row] = []
    for i, (text, rows_name) in enumerate(texts):
        with _Recorder(model) as recorder:
            utterance = _utterance(
                golden, text=text, rows=rows_name, params=SamplingParams(top_k=1), max_tokens=71
            )
            rows.append(batch.join(utterance))
        expected = golden.raw("t2s_batch_prefill_logits")[i]
        yield Finding("logits", f"{version} batch {i}", peak_error(recorder.logits[0], expected))
    while len(batch):
        batch.step()
    for i, row in enumerate(rows):
        tokens = row.tokens if row.ended is Ended.BY_ITSELF else row.tokens[:-1]
        error = differing([*prompt, *tokens], golden.raw(f"t2s_batch_y{i}"))
        yield Finding("batch tokens", f"{version} {i}", error)
