"""Reduced precision stays near the exact mode, and keeps rows apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from synth.gptsovits import fast
from synth.gptsovits.decoding import DecodeBatch, tokens_of
from synth.gptsovits.loading import load_sovits, load_text2semantic
from tests.gptsovits.test_batching import utterance

EXACT = fast.Capabilities(bfloat16=False, compiled=False)


def kinds():
    yield replace(EXACT, compiled=False)
    if fast.capabilities().compiled:
        yield replace(EXACT, compiled=True)


@pytest.fixture(params=list(kinds()), ids=lambda can: can.describe())
def quick(request, s1):
    return fast.fast_text2semantic(load_text2semantic(s1), request.param)


def logits_of(model, ones) -> torch.Tensor:
    """Logits of one step after the prompts of ``ones``, together."""
    cache = model.new_cache(len(ones))
    for one in ones:
        cache.join(model.prefill(one.phones, one.bert_rows, one.prompt)[1])
    positions = torch.tensor([len(one.prompt) for one in ones])
    return model.step(torch.arange(len(ones)), positions, cache)


@torch.inference_mode()
def test_near_the_exact_logits(quick, s1):
    exact = load_text2semantic(s1)
    for count in (1, 3):
        ones = [utterance(seed, length=12 + 9 * seed) for seed in range(count)]
        found, expected = logits_of(quick, ones), logits_of(exact, ones)
        assert float((found - expected).abs().max() / expected.abs().max()) < 0.05


@torch.inference_mode()
def test_a_row_is_not_changed_by_the_rows_beside_it(quick):
    """However many they are; compiled, not by a bit."""
    ones = [utterance(seed, length=12 + 9 * seed) for seed in range(9)]
    many = logits_of(quick, ones)
    for count in range(1, 9):
        fewer = logits_of(quick, ones[:count])
        assert torch.allclose(many[:count], fewer, atol=1e-5)
        if quick.new_cache(1).store.dtype == torch.bfloat16:
            assert torch.equal(many[:count], fewer)


def test_it_decodes_to_the_end(quick):
    one = utterance(1, max_tokens=40)
    assert 11 <= len(list(tokens_of(quick, one))) <= 40
    batch = DecodeBatch(quick, max_rows=3)
    rows = [batch.join(utterance(seed, max_tokens=20)) for seed in range(3)]
    while len(batch):
        batch.step()
    assert all(11 <= len(row.tokens) <= 20 for row in rows)


@torch.inference_mode()
def test_the_generator_in_bfloat16(s2):
    exact, quick = load_sovits(s2), fast.fast_sovits(load_sovits(s2), replace(EXACT, bfloat16=True))
    channels = exact.enc_p.proj.out_channels // 2
    latent, voice = torch.randn(1, channels, 20), torch.randn(1, exact.ref_enc.to_style.out_features, 1)
    found, expected = quick.dec(latent, voice), exact.dec(latent, voice)
    assert found.dtype == torch.float32
    assert float((found - expected).abs().mean() / expected.abs().mean()) < 0.1


@torch.inference_mode()
def test_windows_of_the_generator_are_one_piece(s2, monkeypatch):
    network = load_sovits(s2)
    channels = network.enc_p.proj.out_channels // 2
    latent, voice = torch.randn(1, channels, 90), torch.randn(1, network.ref_enc.to_style.out_features, 1)
    whole = network.render(latent, voice)[0][0, 0]
    monkeypatch.setattr("synth.gptsovits.sovits.WINDOW_FRAMES", 40)
    assert torch.allclose(network.spoken(latent, voice), whole, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("frames", [1, 39, 100, 107, 161, 430])
def test_windows_with_channels_innermost_say_what_one_piece_does(frames, s2):
    """Shorter than a window, exactly one, and so long that several overlap."""
    network = load_sovits(s2)
    torch.manual_seed(frames)
    latent = torch.randn(1, network.dec.conv_pre.in_channels, frames)
    condition = torch.randn(1, network.dec.cond.in_channels, 1)
    expected = network.dec(latent, condition)
    found = fast.fast_sovits(network, EXACT).dec(latent, condition)
    assert found.shape == expected.shape and torch.allclose(found, expected, atol=2e-5)
    reduced = fast.fast_sovits(load_sovits(s2), replace(EXACT, bfloat16=True)).dec(latent, condition)
    assert float((reduced - expected).abs().max() / expected.abs().max()) < 0.05
