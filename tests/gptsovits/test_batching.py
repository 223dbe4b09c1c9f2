"""The scheduler: who goes first, who is left alone, who is freed."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from synth.errors import AssentError, Unavailable
from synth.gptsovits.batching import Scheduler
from synth.gptsovits.cache import CAPACITY_STEP, GrowingCache, StaticCache
from synth.gptsovits.decoding import DecodeBatch, Ended, Utterance, tokens_of
from synth.gptsovits.loading import load_text2semantic
from synth.gptsovits.residency import Residency
from synth.gptsovits.sampling import RowParams, SamplingParams, derived_seed, draw


@pytest.fixture(scope="module")
def model(s1):
    return load_text2semantic(s1)


def utterance(seed: int, *, length: int = 20, max_tokens: int = 30, params=None) -> Utterance:
    generator = torch.Generator().manual_seed(seed)
    phones = torch.randint(1, 700, (length,), generator=generator)
    prompt = torch.randint(0, 1000, (15 + seed % 7,), generator=generator)
    rows = torch.randn(1024, length, generator=generator)
    return Utterance(phones, rows, prompt, params or SamplingParams(), derived_seed(seed, "t"), max_tokens)


def finish(ticket, within_s: float = 60.0) -> list[int]:
    end = time.monotonic() + within_s
    while not ticket.wait():
        assert time.monotonic() < end
    return ticket.tokens()


def test_rows_are_their_solo_runs_whenever_they_join(model):
    wanted = {seed: list(tokens_of(model, utterance(seed, length=10 + 3 * seed))) for seed in range(6)}
    batch, rows = DecodeBatch(model, max_rows=4), {}
    waiting = list(wanted)
    while waiting or len(batch):
        if waiting and len(batch) < batch.max_rows:
            seed = waiting.pop(0)
            rows[seed] = batch.join(utterance(seed, length=10 + 3 * seed))
        batch.step()
    assert {seed: row.tokens for seed, row in rows.items()} == wanted


def test_row_parameters_are_kept_apart(model):
    kinds = [SamplingParams(top_k=1), SamplingParams(1.3, 40, 0.7, 1.0), SamplingParams(0.6, 50)]
    solo = [list(tokens_of(model, utterance(i, params=params))) for i, params in enumerate(kinds)]
    batch = DecodeBatch(model, max_rows=3)
    rows = [batch.join(utterance(i, params=params)) for i, params in enumerate(kinds)]
    while len(batch):
        batch.step()
    assert [row.tokens for row in rows] == solo


def test_room_grows_and_static_equals_growing(model):
    long = utterance(3, length=CAPACITY_STEP - 40, max_tokens=120)
    logits, kept = model.prefill(long.phones, long.bert_rows, long.prompt)
    static = StaticCache(
        layers=model.config.layers, heads=model.config.heads,
        head_width=model.config.width // model.config.heads, max_rows=2,
    )  # fmt: skip
    static.join(kept)
    growing = GrowingCache(kept)
    code = logits.argmax()[None]
    for place in range(60):
        positions = torch.tensor([len(long.prompt) + place])
        one, other = model.step(code, positions, static), model.step(code, positions, growing)
        assert torch.allclose(one, other, atol=1e-4)
        code = one.argmax(-1)
    assert static.store.shape[4] == 2 * CAPACITY_STEP


def test_a_row_is_cancelled_in_the_midst_of_others(model):
    wanted = {seed: list(tokens_of(model, utterance(seed))) for seed in (1, 2)}
    batch = DecodeBatch(model, max_rows=3)
    rows = {seed: batch.join(utterance(seed)) for seed in (0, 1, 2)}
    batch.step()
    batch.cancel(rows[0])  # the last row takes its place
    while len(batch):
        batch.step()
    assert rows[0].ended is Ended.CANCELLED
    assert {seed: rows[seed].tokens for seed in wanted} == wanted


def test_a_cancelled_row_is_freed_at_once(model):
    scheduler = Scheduler(lambda: DecodeBatch(model, max_rows=1))
    try:
        endless = scheduler.submit("a", utterance(1, max_tokens=1500))
        waiting = scheduler.submit("b", utterance(2, max_tokens=12))
        assert endless.wait(5, timeout_s=30)
        endless.cancel()
        finish(waiting)
        assert endless.ended is Ended.CANCELLED and len(endless.tokens()) < 1000
        forgotten = scheduler.submit("c", utterance(3, max_tokens=1500))
        forgotten.cancel()
        assert forgotten.done
    finally:
        scheduler.close()


def test_a_long_job_does_not_keep_a_short_one_waiting(model):
    scheduler = Scheduler(lambda: DecodeBatch(model, max_rows=2))
    try:
        long = [scheduler.submit("long", utterance(seed, max_tokens=40)) for seed in range(12)]
        assert long[0].wait(3, timeout_s=30)
        short = scheduler.submit("short", utterance(50, max_tokens=12))
        finish(short)
        assert sum(ticket.first_token_at is not None for ticket in long) < 6
        for ticket in long:
            finish(ticket)
    finally:
        scheduler.close()


def test_one_bad_utterance_is_its_own_affair(model):
    scheduler = Scheduler(lambda: DecodeBatch(model, max_rows=4))
    try:
        good = scheduler.submit("a", utterance(1))
        too_long = scheduler.submit("b", utterance(2, length=3000))
        unknown = Utterance(torch.tensor([99_999]), torch.zeros(1024, 1), torch.zeros(0, dtype=torch.int64))
        odd = scheduler.submit("c", unknown)
        assert len(finish(good)) > 0
        with pytest.raises(AssentError, match="too long"):
            finish(too_long)
        with pytest.raises(IndexError):
            finish(odd)
    finally:
        scheduler.close()


def test_a_failing_batch_is_replaced(model):
    made: list[DecodeBatch] = []

    def make_batch() -> DecodeBatch:
        batch = DecodeBatch(model, max_rows=2)
        if not made:
            batch.step = lambda: (_ for _ in ()).throw(MemoryError("no capacity"))  # type: ignore[method-assign]
        made.append(batch)
        return batch

    scheduler = Scheduler(make_batch)
    try:
        with pytest.raises(MemoryError):
            finish(scheduler.submit("a", utterance(1)))
        assert len(finish(scheduler.submit("b", utterance(1)))) > 0 and len(made) == 2
    finally:
        scheduler.close()


def test_closing_and_a_full_queue(model):
    scheduler = Scheduler(lambda: DecodeBatch(model, max_rows=1), max_waiting=2)
    first = scheduler.submit("a", utterance(1, max_tokens=1500))
    assert first.wait(1, timeout_s=30)
    held = [scheduler.submit("a", utterance(2)) for _ in range(2)]
    with pytest.raises(Unavailable) as caught:
        scheduler.submit("a", utterance(3))
    assert caught.value.code == "engine_busy"
    scheduler.close()
    for ticket in held:
        with pytest.raises(Unavailable):
            finish(ticket)
    with pytest.raises(Unavailable):
        scheduler.submit("a", utterance(4))


def test_the_thread_ends_when_idle_and_comes_back(model):
    scheduler = Scheduler(lambda: DecodeBatch(model), idle_s=0.05)
    finish(scheduler.submit("a", utterance(1)))
    thread = scheduler._thread
    if thread is not None:
        thread.join(10)
    assert scheduler._thread is None
    assert finish(scheduler.submit("a", utterance(1)))
    scheduler.close()


def test_draw_by_hand():
    logits = torch.tensor([[2.0, 1.0, -1.0, 0.5]])
    seen = torch.tensor([[True, False, True, False]])
    even = torch.ones(1, 4)
    # The penalty halves what was seen and positive, doubles what was negative: 1.0, 1.0, -2.0, 0.5.
    params = RowParams.of([SamplingParams(1.0, 4, 1.0, 2.0)])
    drawn, ends = draw(logits.clone(), seen, params, torch.tensor([[9.0, 1.0, 1.0, 1.0]]), end_token=3)
    assert drawn.tolist() == [1] and ends.tolist() == [False]
    # Noise cannot lift a code that top-k has cut, nor one that crosses top-p.
    wild = torch.tensor([[1.0, 1.0, 1e-9, 1e-9]])
    two = RowParams.of([SamplingParams(1.0, 2, 1.0, 1.0)])
    assert draw(logits.clone(), seen, two, wild, 3)[0].item() in (0, 1)
    nucleus = RowParams.of([SamplingParams(1.0, 4, 0.5, 1.0)])
    assert draw(logits.clone(), seen, nucleus, wild, 3)[0].item() == 0
    # The likeliest code ends the row even where the draw says otherwise.
    end_first = RowParams.of([SamplingParams(1.0, 4, 1.0, 1.0)])
    drawn, ends = draw(logits.clone(), seen, end_first, torch.tensor([[9.0, 0.1, 1.0, 1.0]]), end_token=0)
    assert drawn.tolist() == [1] and ends.tolist() == [True]
    assert draw(logits, seen, end_first, even, 1)[1].tolist() == [False]


def drawn_of(logits, params, noise=None, *, seen=None, end_token=9):
    """First row's token and whether it ends."""
    logits = torch.tensor(logits)
    seen = torch.zeros_like(logits, dtype=torch.bool) if seen is None else torch.tensor(seen)
    noise = torch.ones_like(logits) if noise is None else torch.tensor(noise)
    drawn, ends = draw(logits, seen, RowParams.of(params), noise, end_token)
    return drawn[0].item(), ends[0].item()


def test_the_penalty_makes_what_was_said_less_likely_on_either_side_of_zero():
    for logits in ([[-1.0, -1.5]], [[2.0, 1.5]]):
        assert drawn_of(logits, [SamplingParams(1.0, 2, 1.0, 2.0)], seen=[[True, False]])[0] == 1
        assert drawn_of(logits, [SamplingParams(1.0, 2, 1.0, 1.0)], seen=[[True, False]])[0] == 0


def test_each_row_is_cut_at_its_own_top_k():
    logits, wild = [[2.0, 1.0, 0.5]] * 2, [[1.0, 1.0, 1e-9]] * 2
    params = [SamplingParams(1.0, 2, 1.0, 1.0), SamplingParams(1.0, 3, 1.0, 1.0)]
    assert drawn_of(logits, params, wild)[0] != 2
    assert drawn_of(logits, params[::-1], wild)[0] == 2


def test_a_row_ends_where_the_end_is_drawn_though_it_is_not_the_likeliest():
    for end, ends in ((1, True), (2, False)):
        params = [SamplingParams(1.0, 3, 1.0, 1.0)]
        assert drawn_of([[2.0, 1.0, 0.5]], params, [[9.0, 0.1, 1.0]], end_token=end) == (1, ends)


def test_the_likeliest_token_stays_however_small_top_p_is():
    assert drawn_of([[0.1, 0.3, 0.2]], [SamplingParams(1.0, 3, 0.01, 1.0)])[0] == 1


def test_seeds_are_independent():
    seeds = {derived_seed(s, i, p) for s in range(20) for i in range(20) for p in ("codes", "latent")}
    assert len(seeds) == 800 and all(0 <= seed < 1 << 63 for seed in seeds)


class Weighty(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(250))  # 1000 bytes


def test_residency_is_bounded_shared_and_forgetful():
    now = [0.0]
    residency, loads = Residency(2500, idle_s=100, clock=lambda: now[0]), []

    def load(key):
        def make():
            loads.append(key)
            return Weighty()

        return make

    with residency.using("a", load("a")) as a, residency.using("a", load("a")) as again:
        assert a is again
    for key in "bc":
        with residency.using(key, load(key)):
            pass
    assert residency.nbytes == 2000 and loads == ["a", "b", "c"]
    with residency.using("a", load("a")):  # the longest unused had gone
        assert residency.nbytes <= 3000
    now[0] = 101.0
    residency.sweep()
    assert residency.nbytes == 0
    with pytest.raises(ZeroDivisionError), residency.using("d", lambda: 1 / 0):
        pass
    with residency.using("d", load("d")) as d:
        residency.drop("d")
        assert isinstance(d, Weighty)
    assert residency.nbytes == 0


def test_what_is_in_use_stays_however_full_it_is():
    residency, loads = Residency(2500), []

    def load():
        loads.append(1)
        return Weighty()

    with residency.using("a", load) as a:
        for key in "bc":
            with residency.using(key, Weighty):
                pass
        with residency.using("a", load) as again:
            assert a is again and loads == [1]


def test_what_nobody_asks_for_again_goes_by_itself():
    residency = Residency(1 << 20, idle_s=0.01)
    with residency.using("a", Weighty):
        assert residency.nbytes == 1000
    deadline = time.monotonic() + 30
    while residency.nbytes and time.monotonic() < deadline:
        time.sleep(0.02)
    assert residency.nbytes == 0


def test_a_value_is_loaded_once_for_many_threads():
    residency, loads = Residency(1 << 20), []

    def load():
        time.sleep(0.05)
        loads.append(1)
        return Weighty()

    def use():
        with residency.using("a", load):
            pass

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [1]
