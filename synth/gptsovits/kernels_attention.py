# mypy: ignore-errors
# numba infers the types of what it compiles.
"""Attention of one new position over a row's keys and values: float32 by heads, or bfloat16 over all heads at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from synth.gptsovits.kernels_options import COMPILED, NO_FLOOR
from synth.gptsovits.simd import GROUP, HEAD_WIDTH, SIMD_WIDTH
from synth.gptsovits.simd_attention import (
    dots,
    mixture,
    scores,
    scores_of_one,
    weighted_values,
    weighted_values_of_one,
)

AHEAD = 8  # positions


@njit(inline="never", **COMPILED)
def _softmax(scores, count, powers, powers_of_two):
    """scores[:count] -> weights that add up to one, in place. ``powers`` and ``powers_of_two`` are one memory."""
    largest = NO_FLOOR
    for n in range(count):
        largest = max(largest, scores[n])
    for n in range(count):
        # e^x = 2^whole * e^rest; the library's function would be called once for every position.
        x = max((scores[n] - largest) * np.float32(1.4426950408889634), np.float32(-126))
        whole = np.floor(x + np.float32(0.5))
        rest = (x - whole) * np.float32(0.6931471805599453)
        grown = rest * np.float32(1 / 720) + np.float32(1 / 120)
        grown = grown * rest + np.float32(1 / 24)
        grown = grown * rest + np.float32(1 / 6)
        grown = grown * rest + np.float32(1 / 2)
        grown = grown * rest + np.float32(1)
        scores[n] = grown * rest + np.float32(1)
        powers[n] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    total = np.float32(0)
    for n in range(count):
        scores[n] *= powers_of_two[n]
        total += scores[n]
    share = np.float32(1) / total
    for n in range(count):
        scores[n] *= share


@njit(inline="never", **COMPILED)
def attend_one_head(query, keys, values, count, scores, powers, powers_of_two, out):
    """One head of one row, float32: query (width,), keys and values (capacity, width), ``count`` of them filled."""
    width, ahead = query.shape[0], keys.ctypes.data + keys.nbytes  # there the next head begins
    if width == HEAD_WIDTH:
        dots(query.ctypes.data, keys.ctypes.data, count, scores.ctypes.data, values.ctypes.data)
    else:
        for n in range(count):
            total = np.float32(0)
            for d in range(width):
                total += query[d] * keys[n, d]
            scores[n] = total
    _softmax(scores, count, powers, powers_of_two)
    if width == HEAD_WIDTH:
        mixture(scores.ctypes.data, values.ctypes.data, count, out.ctypes.data, ahead)
    else:
        for d in range(width):
            out[d] = np.float32(0)
        for n in range(count):
            weight = scores[n]
            for d in range(width):
                out[d] += weight * values[n, d]


@njit(inline="never", **COMPILED)
def _soon(at, count, piece, following, size):
    """Where the position lies that is read ``AHEAD`` positions after ``at``, in this piece or in the following one."""
    return piece + (at + AHEAD) * size if at + AHEAD < count else following + (at + AHEAD - count) * size


@njit(inline="never", **COMPILED)
def attend_all_heads(query, keys, values, count, weights, largest, totals, out):
    """All heads of one row, query (width, heads) float32, keys and values (capacity, width, heads) bfloat16 as int16.

    ``weights`` (capacity, heads), ``largest`` and ``totals`` (heads,) are scratch memory; out (width, heads) float32.
    """
    width, heads = query.shape
    for head in range(heads):
        largest[head], totals[head] = NO_FLOOR, np.float32(0)
    for d in range(width):
        for head in range(heads):
            out[d, head] = np.float32(0)
    if heads == SIMD_WIDTH and width % 2 == 0:
        of_keys, of_values, size = keys.ctypes.data, values.ctypes.data, keys.strides[0]
        wanted, made, top = query.ctypes.data, weights.ctypes.data, largest.ctypes.data
        n = 0
        while n < count:
            ahead = _soon(n, count, of_keys, of_values, size)
            if n + GROUP <= count:
                scores(wanted, of_keys + n * size, width, made + 4 * SIMD_WIDTH * n, top, ahead)
                n += GROUP
            else:
                scores_of_one(wanted, of_keys + n * size, width, made + 4 * SIMD_WIDTH * n, top, ahead)
                n += 1
        n = 0
        while n < count:
            ahead = _soon(n, count, of_values, of_keys + keys.nbytes, size)  # there the next row begins
            here, attended = made + 4 * SIMD_WIDTH * n, out.ctypes.data
            if n + GROUP <= count:
                weighted_values(here, top, totals.ctypes.data, of_values + n * size, width, attended, ahead)
                n += GROUP
            else:
                weighted_values_of_one(
                    here, top, totals.ctypes.data, of_values + n * size, width, attended, ahead
                )
                n += 1
    else:
        _attend_plainly(query, keys, values, count, weights, largest, totals, out)
    for d in range(width):
        for head in range(heads):
            out[d, head] /= totals[head]


@njit(inline="never", **COMPILED)
def _widened(halves, wide):
    """bfloat16 (heads,) -> the same as the bits of float32."""
    for head in range(len(halves)):
        wide[head] = np.int32(halves[head]) << np.int32(16)


@njit(inline="never", **COMPILED)
def _attend_plainly(query, keys, values, count, weights, largest, totals, out):
    """What `attend_all_heads` does between its first and its last loop, for any number of heads."""
    width, heads = query.shape
    wide = np.empty(heads, np.int32)
    floats = wide.view(np.float32)
    for n in range(count):
        for head in range(heads):
            weights[n, head] = np.float32(0)
        for d in range(width):
            _widened(keys[n, d], wide)
            for head in range(heads):
                weights[n, head] += query[d, head] * floats[head]
        for head in range(heads):
            largest[head] = max(largest[head], weights[n, head])
    for n in range(count):
        for head in range(heads):
            weights[n, head] = np.exp(weights[n, head] - largest[head])
            totals[head] += weights[n, head]
        for d in range(width):
            _widened(values[n, d], wide)
            for head in range(heads):
                out[d, head] += weights[n, head] * floats[head]


@njit(inline="never", **COMPILED)
def narrowed(bits, halves):
    """float32 (heads, width), as int32 bits -> bfloat16 (width, heads), to the nearest, ties to even."""
    for d in range(halves.shape[0]):
        for head in range(halves.shape[1]):
            number = bits[head, d]
            odd = (number >> np.int32(16)) & np.int32(1)
            halves[d, head] = np.int16((number + np.int32(0x7FFF) + odd) >> np.int32(16))
