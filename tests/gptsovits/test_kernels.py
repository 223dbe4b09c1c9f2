"""The compiled kernels against plain arithmetic: whole numbers exactly, attention within rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numba import njit

from synth.gptsovits import simd, simd_products
from synth.gptsovits.compiled import kernels


def packed(weight: np.ndarray) -> np.ndarray:
    """(outputs, inputs) int8 -> (blocks, groups, 64, 4), filled up with zeros."""
    blocks, groups = -(-weight.shape[0] // 64), -(-weight.shape[1] // 4)
    filled = np.zeros((64 * blocks, 4 * groups), np.int8)
    filled[: weight.shape[0], : weight.shape[1]] = weight
    return np.ascontiguousarray(filled.reshape(blocks, 64, groups, 4).transpose(0, 2, 1, 3))


@pytest.mark.parametrize(("outputs", "inputs"), [(64, 64), (70, 37), (130, 512)])
def test_products_are_exact_for_any_number_of_rows(outputs, inputs):
    """Inputs and weights that are whole steps already come out as the whole numbers that they add up to."""
    generator = np.random.default_rng(outputs)
    weight = generator.integers(-127, 128, (outputs, inputs), dtype=np.int8)
    width = 64 * -(-outputs // 64)
    scale, shift, bias = np.zeros(width, np.float32), np.zeros(width, np.int32), np.zeros(width, np.float32)
    scale[:outputs] = 1
    shift[:outputs] = 128 * weight.sum(1, dtype=np.int32)
    bias[:outputs] = generator.integers(-50, 50, outputs)
    for rows in (1, 2, 3, 5, 6, 7, 8, 13):
        x = generator.integers(-126, 127, (rows, inputs)).astype(np.float32)
        x[:, 0] = 127  # the largest value sets the step: here one
        out = np.empty((rows, outputs), np.float32)
        kernels().linear(packed(weight), scale, shift, bias, x, out)
        assert np.array_equal(out, x @ weight.T.astype(np.float32) + bias[:outputs])


def test_without_vnni_the_sums_are_the_same(monkeypatch):
    generator = np.random.default_rng(0)
    weight = generator.integers(-127, 128, (64, 100), dtype=np.int8)
    x = generator.integers(0, 256, (2, 100), dtype=np.uint8)
    ones, zeros = np.ones(64, np.float32), np.zeros(64, np.int32)

    def run(tile) -> np.ndarray:
        @njit
        def call(x, weight, groups, ones, zeros, out):
            tile(
                x.ctypes.data, x.strides[0], weight.ctypes.data, groups, ones.ctypes.data, ones.ctypes.data,
                zeros.ctypes.data, out.ctypes.data, np.float32(-3e38), out.ctypes.data, out.strides[0],
                weight.ctypes.data,
            )  # fmt: skip

        out = np.zeros((2, 64), np.float32)
        call(x, packed(weight)[0], 25, ones, zeros, out)
        return out

    wanted = (x.astype(np.int32) @ weight.T.astype(np.int32)).astype(np.float32)
    assert np.array_equal(run(simd_products._tile_of(2)), wanted)
    monkeypatch.setattr(simd_products, "HAS_VNNI", False)
    assert np.array_equal(run(simd_products._tile_of(2)), wanted)


@pytest.mark.parametrize("head_width", [simd.HEAD_WIDTH, 24])
def test_attention(head_width):
    """float32, several rows of unequal length, the new position among what is attended to."""
    torch.manual_seed(0)
    rows, heads, capacity = 3, 2, 40
    store = torch.randn(2, 1, rows, heads, capacity, head_width)
    new = torch.randn(rows, heads, 3, head_width)
    lengths, attended = np.array([5, 39, 0]), torch.empty(rows, heads, 1, head_width)
    queries = new[:, :, 0].clone()
    kernels().attend(0, new.numpy(), lengths, store.numpy(), attended.numpy())
    for row, length in enumerate(lengths):
        keys, values = store[:, 0, row, :, : length + 1]
        assert torch.equal(keys[:, -1], new[row, :, 1]) and torch.equal(values[:, -1], new[row, :, 2])
        expected = torch.nn.functional.scaled_dot_product_attention(queries[row][:, None], keys, values)
        assert torch.allclose(attended[row], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("heads", "head_width"), [(simd.SIMD_WIDTH, 32), (simd.SIMD_WIDTH, 24), (4, 16), (16, 3)]
)
@pytest.mark.parametrize("count", [1, 4, 6, 40])
def test_attention_over_bfloat16(heads, head_width, count):
    """Heads innermost. What lies behind the filled positions has no effect, were it not even a number."""
    torch.manual_seed(0)
    capacity, query = 40, torch.randn(head_width, heads)
    store = 3 * torch.randn(2, capacity, head_width, heads).bfloat16()
    store[:, count:] = torch.nan
    weights, largest, totals = torch.empty(capacity, heads), torch.empty(heads), torch.empty(heads)
    out = torch.empty(head_width, heads)
    keys, values = store.view(torch.int16).numpy()
    kernels().attend_all_heads(
        query.numpy(), keys, values, count, weights.numpy(), largest.numpy(), totals.numpy(), out.numpy()
    )
    keys, values = store[:, :count].float().permute(0, 3, 1, 2)
    expected = torch.nn.functional.scaled_dot_product_attention(query.T[:, None], keys, values, scale=1.0)
    assert torch.allclose(out.T, expected[:, 0], atol=1e-5)
