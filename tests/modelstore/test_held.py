"""A model stays while it is used and goes when it is not."""

from __future__ import annotations

import threading

from synth.modelstore.held import Held


def wait_until_dropped(held: Held) -> None:
    for _ in range(2000):
        if not held.is_loaded:
            return
        threading.Event().wait(0.005)
    raise AssertionError("still there")


def test_it_is_made_once_while_used_and_again_after_it_went():
    made = []
    held = Held(lambda: made.append(1) or object(), idle_s=0.01)
    assert not held.is_loaded
    with held.use() as outer:
        with held.use() as inner:
            assert inner is outer
        threading.Event().wait(0.05)
        assert held.is_loaded, "somebody uses it"
        assert not held.drop()
    wait_until_dropped(held)
    with held.use() as again:
        assert again is not outer
    assert made == [1, 1]
    assert held.drop()
