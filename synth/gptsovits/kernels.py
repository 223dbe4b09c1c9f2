# mypy: ignore-errors
# numba infers the types of what it compiles.
"""One decoder step over int8 weights as machine code, compiled by numba when first used.

At one row a step is bound by reading the weights and by the cost of calling a few hundred small operators;
int8 quarters the first, one compiled function removes the second. Weights are int8 per output channel, inputs
int8 per row and layer, so a row's result does not depend, not by a bit, on the rows beside it. Attention,
norms and residuals stay float32.

Optional: without numba `synth.gptsovits.fast` uses torch's own int8 operators.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numba
import numpy as np
from numba import njit

int32 = np.int32
_compiled = {
    "nogil": True,
    "fastmath": True,
    "boundscheck": False,
    "error_model": "numpy",
    "cache": os.access(Path(__file__).parent, os.W_OK),
}


@njit(inline="never", **_compiled)
def _quantised(x, width, quantised):
    """x[:width] -> whole steps, -128 to 127; returns the size of a step."""
    largest = np.float32(0)
    for i in range(width):
        largest = max(largest, abs(x[i]))
    # 2/255 of the largest value a step, -128 to 127 of them: what torch's operator does with [-1, 1].
    step = max(largest * np.float32(2 / 255), np.float32(1e-12))
    scale = np.float32(1) / step
    for i in range(width):
        quantised[i] = np.int16(min(np.rint(x[i] * scale), np.float32(127)))
    return step


@njit(inline="never", **_compiled)
def _linear(weight, scale, bias, x, width, quantised, out):
    """out[row, :n] = weight (n, width) @ x[row, :width] + bias, for all rows, each weight read once."""
    rows = x.shape[0]
    steps = np.empty(rows, np.float32)
    for row in range(rows):
        steps[row] = _quantised(x[row], width, quantised[row])
    for i in range(weight.shape[0]):
        for row in range(rows):
            total = int32(0)
            # The casts keep the sum in 32 bits, which lets the compiler use 16-bit multiply-add.
            for j in range(width):
                total = int32(total + int32(int32(weight[i, j]) * int32(quantised[row, j])))
            out[row, i] = total * (scale[i] * steps[row]) + bias[i]


@njit(inline="never", **_compiled)
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


@njit(inline="never", **_compiled)
def _attend(query, keys, values, count, scores, out):
    """One head of one row: query (width,), keys and values (room, width) of which ``count`` are filled."""
    width = query.shape[0]
    largest = np.float32(-np.inf)
    for n in range(count):
        total = np.float32(0)
        for d in range(width):
            total += query[d] * keys[n, d]
        scores[n] = total
        largest = max(largest, total)
    whole = np.float32(0)
    for n in range(count):
        scores[n] = np.exp(scores[n] - largest)
        whole += scores[n]
    for d in range(width):
        out[d] = np.float32(0)
    for n in range(count):
        weight = scores[n]
        for d in range(width):
            out[d] += weight * values[n, d]
    for d in range(width):
        out[d] /= whole


@njit(**_compiled)
def attend(layer, new, lengths, store, heard):
    """One layer's attention for one new position of several rows.

    new (rows, heads, 3, head width): query, key, value. lengths (rows,) int64: positions already in store.
    store (2, layers, rows, heads, room, head width): the new key and value are written into it. heard (rows,
    heads, 1, head width): the result. All float32, C order: with unknown strides nothing is vectorised.
    """
    rows, heads, _, head_width = new.shape
    shrink = np.float32(1 / math.sqrt(head_width))
    scores = np.empty(store.shape[4], np.float32)
    for row in range(rows):
        place = lengths[row]
        for head in range(heads):
            keys, values = store[0, layer, row, head], store[1, layer, row, head]
            for d in range(head_width):
                new[row, head, 0, d] *= shrink
                keys[place, d] = new[row, head, 1, d]
                values[place, d] = new[row, head, 2, d]
            _attend(new[row, head, 0], keys, values, place + 1, scores, heard[row, head, 0])


@njit(**_compiled)
def step(x, lengths, store, qkv, qkv_scale, out, out_scale, up, up_scale, down, down_scale, biases, norms):
    """All layers for one new position of every row, in place.

    x (rows, width) float32: embedding in, hidden state out. lengths (rows,) int64: positions already in store.
    store (2, layers, rows, heads, room, head width) float32. Weights (layers, outputs, inputs) int8, scales
    (layers, outputs) float32. biases (layers, 5 width + feed) and norms (layers, 4, width) float32.
    """
    rows, width = x.shape
    layers, feed = up.shape[0], up.shape[1]
    heads, head_width = store.shape[3], store.shape[5]
    shrink = np.float32(1 / math.sqrt(head_width))
    projected = np.empty((rows, 3 * width), np.float32)
    heard = np.empty((rows, width), np.float32)
    wide = np.empty((rows, feed), np.float32)
    narrow = np.empty((rows, width), np.float32)
    quantised = np.empty((rows, max(width, feed)), np.int16)
    scores = np.empty(store.shape[4], np.float32)
    for layer in range(layers):
        bias = biases[layer]
        _linear(qkv[layer], qkv_scale[layer], bias[: 3 * width], x, width, quantised, projected)
        for row in range(rows):
            place = lengths[row]
            for head in range(heads):
                first = head * head_width
                for d in range(head_width):
                    projected[row, first + d] *= shrink
                    store[0, layer, row, head, place, d] = projected[row, width + first + d]
                    store[1, layer, row, head, place, d] = projected[row, 2 * width + first + d]
                _attend(
                    projected[row, first : first + head_width],
                    store[0, layer, row, head],
                    store[1, layer, row, head],
                    place + 1,
                    scores,
                    heard[row, first : first + head_width],
                )
        _linear(out[layer], out_scale[layer], bias[3 * width : 4 * width], heard, width, quantised, narrow)
        for row in range(rows):
            _normed(x[row], narrow[row], norms[layer, 0], norms[layer, 1])
        _linear(up[layer], up_scale[layer], bias[5 * width :], x, width, quantised, wide)
        for row in range(rows):
            for i in range(feed):
                wide[row, i] = max(wide[row, i], np.float32(0))
        _linear(down[layer], down_scale[layer], bias[4 * width : 5 * width], wide, feed, quantised, narrow)
        for row in range(rows):
            _normed(x[row], narrow[row], norms[layer, 2], norms[layer, 3])


NUMBA_VERSION = numba.__version__
