# mypy: ignore-errors
# numba infers the types of what it compiles.
"""The decoder over int8 weights as machine code, compiled by numba when first used.

At one row a step is bound by reading the weights and by the cost of calling a few hundred small operators; int8
quarters the first, one compiled function removes the second. Weights are int8 per output channel, inputs int8 per
row and layer, sums whole numbers (see `simd_products`). Everything is done row by row with the same instructions, so
a row's result does not depend, not by a bit, on the rows beside it. Attention, norms and residuals are computed in
float32; keys and values are kept in bfloat16, a position's heads side by side, one in every lane of a register.

Weights come packed by `fast.Packed`: blocks of 64 outputs, (blocks, inputs / 4, 64, 4) int8. Optional: without
numba `synth.gptsovits.fast` uses torch's own operators.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from synth.gptsovits.kernels_attention import attend_all_heads, attend_one_head, narrowed
from synth.gptsovits.kernels_options import COMPILED, NO_FLOOR
from synth.gptsovits.simd import BLOCK
from synth.gptsovits.simd_products import products

ROWS_OF_A_TILE = 6
SIGNED, UNSIGNED = np.int32(128), np.int32(0)  # where inputs are counted from


@njit(inline="never", **COMPILED)
def _quantised(x, width, centre, quantised):
    """x[:width] -> whole steps, counted from ``centre``: 128, or 0 where nothing is negative. Returns the step."""
    # Without their sign the bits are in the order of the numbers; the largest of floats would not be vectorised.
    bits, top = x.view(np.int32), np.int32(0)
    for i in range(width):
        top = max(top, bits[i] & np.int32(0x7FFFFFFF))
    largest = np.int32(top).view(np.float32)
    step = max(largest / np.float32(255 - centre), np.float32(1e-12))
    scale, half = np.float32(1) / step, np.float32(centre) + np.float32(0.5)
    for i in range(width):
        quantised[i] = np.uint8(min(np.int32(x[i] * scale + half), np.int32(255)))
    return step


@njit(inline="never", **COMPILED)
def _linear(weight, scale, shift, bias, centre, floor, x, out):
    """out[row, :n] = max(weight @ x[row] + bias, floor) for all rows; each block of weights is read once.

    weight (blocks, groups, 64, 4) int8; scale, bias float32 and shift int32 (64 blocks,): shift is ``centre`` times
    the sum of an output's weights, because the inputs are counted from there. x (rows, width), out (rows, n).
    """
    rows = x.shape[0]
    blocks, groups = weight.shape[:2]
    count, width = out.shape[1], min(x.shape[1], 4 * groups)
    quantised = np.zeros((rows, 4 * groups), np.uint8)
    steps = np.empty(rows, np.float32)
    for row in range(rows):
        steps[row] = _quantised(x[row], width, centre, quantised[row])
    spare = np.empty((ROWS_OF_A_TILE, BLOCK), np.float32)
    for block in range(blocks):
        first = block * BLOCK
        whole = first + BLOCK <= count  # otherwise the tile is wider than what is left of a row
        row = 0
        while row < rows:
            after = products(
                quantised.ctypes.data,
                quantised.strides[0],
                row,
                rows,
                weight.ctypes.data + block * weight.strides[0],
                groups,
                steps.ctypes.data,
                scale.ctypes.data + 4 * first,
                shift.ctypes.data + 4 * first,
                bias.ctypes.data + 4 * first,
                floor,
                out.ctypes.data + row * out.strides[0] + 4 * first if whole else spare.ctypes.data,
                out.strides[0] if whole else spare.strides[0],
            )
            if not whole:
                for done in range(row, after):
                    for i in range(count - first):
                        out[done, first + i] = spare[done - row, i]
            row = after


@njit(inline="never", **COMPILED)
def _normed(x, y, weight, bias):
    """x = layer norm of (x + y), in place."""
    width = len(weight)
    total = np.float32(0)
    for i in range(width):
        x[i] += y[i]
        total += x[i]
    mean = total / np.float32(width)
    spread = np.float32(0)
    for i in range(width):
        spread += (x[i] - mean) * (x[i] - mean)
    scale = np.float32(1) / np.sqrt(spread / np.float32(width) + np.float32(1e-5))
    for i in range(width):
        x[i] = (x[i] - mean) * scale * weight[i] + bias[i]


@njit(**COMPILED)
def attend(layer, new, lengths, store, attended):
    """One layer's attention for one new position of several rows, float32 (the exact mode).

    new (rows, heads, 3, head width): query, key, value. lengths (rows,) int64: positions already in store.
    store (2, layers, rows, heads, capacity, head width): the new key and value are written into it. attended (rows,
    heads, 1, head width): the result. All in C order: with unknown strides nothing is vectorised.
    """
    rows, heads, _, head_width = new.shape
    shrink = np.float32(1 / math.sqrt(head_width))
    scores = np.empty(store.shape[4], np.float32)
    powers = np.empty(store.shape[4], np.int32)
    for row in range(rows):
        place = lengths[row]
        for head in range(heads):
            keys, values = store[0, layer, row, head], store[1, layer, row, head]
            for d in range(head_width):
                new[row, head, 0, d] *= shrink
                keys[place, d] = new[row, head, 1, d]
                values[place, d] = new[row, head, 2, d]
            out = attended[row, head, 0]
            attend_one_head(
                new[row, head, 0], keys, values, place + 1, scores, powers, powers.view(np.float32), out
            )


@njit(**COMPILED)
def linear(weight, scale, shift, bias, x, out):
    """See `_linear`."""
    _linear(weight, scale, shift, bias, SIGNED, NO_FLOOR, x, out)


@njit(**COMPILED)
def finish(x, attended, out, up, down, norms):
    """Residual, norm, feed-forward, residual, norm of one layer, x (rows, width) in place.

    ``out``, ``up`` and ``down`` are (weight, scale, shift, bias) of `_linear`; norms (4, width).
    """
    rows = x.shape[0]
    narrow = np.empty_like(x)
    wide = np.empty((rows, len(up[1])), np.float32)  # outputs beyond the last are zeros
    _linear(out[0], out[1], out[2], out[3], SIGNED, NO_FLOOR, attended, narrow)
    for row in range(rows):
        _normed(x[row], narrow[row], norms[0], norms[1])
    _linear(up[0], up[1], up[2], up[3], SIGNED, np.float32(0), x, wide)
    _linear(down[0], down[1], down[2], down[3], UNSIGNED, NO_FLOOR, wide, narrow)
    for row in range(rows):
        _normed(x[row], narrow[row], norms[2], norms[3])


@njit(**COMPILED)
def step(x, lengths, store, qkv, out, up, down, norms, head, logits):
    """All layers and the head for one new position of every row.

    x (rows, width) float32: embedding in, hidden state out. lengths (rows,) int64: positions already in store.
    store (2, layers, rows, capacity, head width, heads): bfloat16 as int16; the new keys and values are written into
    it. ``qkv`` to ``down`` as in `finish`, with all layers in front; norms (layers, 4, width). head (tokens, width)
    float32 and logits (rows, tokens): the result.
    """
    rows, width = x.shape
    capacity, head_width, heads = store.shape[3:]
    shrink = np.float32(1 / math.sqrt(head_width))
    projected = np.empty((rows, 3, heads, head_width), np.float32)
    parts, bits = projected.reshape(rows, 3 * width), projected.view(np.int32)
    attended = np.empty((rows, heads, head_width), np.float32)
    query, out_of = np.empty((head_width, heads), np.float32), np.empty((head_width, heads), np.float32)
    weights = np.empty((capacity, heads), np.float32)
    largest, totals = np.empty(heads, np.float32), np.empty(heads, np.float32)
    for layer in range(norms.shape[0]):
        _linear(qkv[0][layer], qkv[1][layer], qkv[2][layer], qkv[3][layer], SIGNED, NO_FLOOR, x, parts)
        for row in range(rows):
            place, keys, values = lengths[row], store[0, layer, row], store[1, layer, row]
            narrowed(bits[row, 1], keys[place])
            narrowed(bits[row, 2], values[place])
            for d in range(head_width):
                for head_ in range(heads):
                    query[d, head_] = projected[row, 0, head_, d] * shrink
            attend_all_heads(query, keys, values, place + 1, weights, largest, totals, out_of)
            for head_ in range(heads):
                for d in range(head_width):
                    attended[row, head_, d] = out_of[d, head_]
        finish(
            x,
            attended.reshape(rows, width),
            (out[0][layer], out[1][layer], out[2][layer], out[3][layer]),
            (up[0][layer], up[1][layer], up[2][layer], up[3][layer]),
            (down[0][layer], down[1][layer], down[2][layer], down[3][layer]),
            norms[layer],
        )
    for token in range(head.shape[0]):
        for row in range(rows):
            total = np.float32(0)
            for i in range(width):
                total += x[row, i] * head[token, i]
            logits[row, token] = total
