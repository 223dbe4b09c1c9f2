"""The loop that a GPU records, run operator by operator: the tokens are those of the plain loop."""

from __future__ import annotations

import pytest

from synth.gptsovits.decoding import Ended, tokens_of
from synth.gptsovits.graphs import FIRST_CAPACITY, STEPS_PER_SYNC, GraphBatch
from synth.gptsovits.loading import load_text2semantic
from synth.gptsovits.sampling import SamplingParams
from tests.gptsovits.test_batching import utterance


@pytest.fixture(scope="module")
def model(s1):
    return load_text2semantic(s1)


def some(seed: int):
    params = [SamplingParams(), SamplingParams(1.3, 40, 0.7, 1.0), SamplingParams(top_k=1)][seed % 3]
    return utterance(seed, length=10 + 7 * seed, max_tokens=20 + 13 * seed, params=params)


def test_codes_of_the_plain_loop(model):
    wanted = {seed: list(tokens_of(model, some(seed))) for seed in range(6)}
    batch, rows, waiting = GraphBatch(model, max_rows=4), {}, list(range(6))
    while waiting or len(batch):
        if waiting and len(batch) < batch.max_rows:
            seed = waiting.pop(0)
            rows[seed] = batch.join(some(seed))
        batch.step()
    assert {seed: row.tokens for seed, row in rows.items()} == wanted


def test_room_grows(model):
    long = utterance(1, length=FIRST_CAPACITY - 60, max_tokens=120)
    batch = GraphBatch(model)
    row = batch.join(long)
    while len(batch):
        batch.step()
    assert row.tokens == list(tokens_of(model, long))
    assert batch._store.shape[4] == 2 * FIRST_CAPACITY


def test_a_cancelled_row_leaves_the_others_alone(model):
    wanted = list(tokens_of(model, some(2)))
    batch = GraphBatch(model, max_rows=3)
    first, second = batch.join(utterance(9, max_tokens=1500)), batch.join(some(2))
    batch.step()
    assert len(first.tokens) == 1 + STEPS_PER_SYNC
    batch.cancel(first)
    assert first.ended is Ended.CANCELLED and len(batch) == 1
    while len(batch):
        batch.step()
    assert second.tokens == wanted


@pytest.mark.gpu
def test_recorded_steps_give_the_same_codes(s1):
    model = load_text2semantic(s1).to("cuda")
    wanted = list(tokens_of(model, some(3)))
    batch = GraphBatch(model, max_rows=2)
    row = batch.join(some(3))
    while len(batch):
        batch.step()
    assert row.tokens == wanted
