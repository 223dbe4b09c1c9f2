# mypy: ignore-errors
# numba infers the types of what it compiles.
"""The two sums of attention.

* `dots` and `mixture`: float32, one head at a time.
* `scores` and `weighted_values`: the same over bfloat16 for 16 heads at once, one in every lane of a register, so that
  nothing is added up across lanes, and keys and values of a row are read as one piece.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core.extending import intrinsic

from synth.gptsovits.simd import (
    ADDRESS,
    F32,
    FLOATS,
    GROUP,
    HEAD_WIDTH,
    I64,
    NEAR,
    NEARER,
    SIMD_WIDTH,
    SUMS,
    broadcast,
    loaded,
    loop,
    offset_by,
    prefetch,
    stored,
)


def _fused(builder, a, b, total):
    """a * b + total in every lane."""
    kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
    return builder.call(builder.module.declare_intrinsic("llvm.fma.v16f32", (), kind), [a, b, total])


def _attention_of_one_head():
    registers = range(HEAD_WIDTH // SIMD_WIDTH)

    def row_of(builder, address, at):
        positions = [offset_by(builder, I64(SIMD_WIDTH * r), at, HEAD_WIDTH) for r in registers]
        return [loaded(builder, offset_by(builder, address, place, 4), FLOATS) for place in positions]

    def fetch(builder, ahead, at):
        for line in range(0, 4 * HEAD_WIDTH, 64):
            prefetch(builder, offset_by(builder, offset_by(builder, ahead, at, 4 * HEAD_WIDTH), line), NEARER)

    def generate_dots(context, builder, signature, arguments):
        query, keys, count, scores, ahead = arguments
        wanted = row_of(builder, query, I64(0))
        kind = ir.FunctionType(F32, [F32, FLOATS])
        added_up = builder.module.declare_intrinsic("llvm.vector.reduce.fadd.v16f32", (), kind)

        def body(at, _):
            fetch(builder, ahead, at)
            total = ir.Constant(FLOATS, None)
            for key, part in zip(row_of(builder, keys, at), wanted, strict=True):
                total = _fused(builder, key, part, total)
            score = builder.call(added_up, [ir.Constant(F32, 0.0), total], fastmath=("reassoc", "nsz"))
            stored(builder, score, offset_by(builder, scores, at, 4))
            return []

        loop(builder, count, [], body)
        return context.get_dummy_value()

    def generate_mixture(context, builder, signature, arguments):
        weights, values, count, out, ahead = arguments

        def body(at, totals):
            fetch(builder, ahead, at)
            weight = broadcast(builder, loaded(builder, offset_by(builder, weights, at, 4), F32))
            rows = row_of(builder, values, at)
            return [_fused(builder, row, weight, total) for row, total in zip(rows, totals, strict=True)]

        for r, total in enumerate(loop(builder, count, [ir.Constant(FLOATS, None)] * len(registers), body)):
            stored(builder, total, offset_by(builder, out, 4 * SIMD_WIDTH * r))
        return context.get_dummy_value()

    @intrinsic
    def dots(typingctx, query, keys, count, scores, ahead):
        return types.void(*[ADDRESS] * 5), generate_dots

    @intrinsic
    def mixture(typingctx, weights, values, count, out, ahead):
        return types.void(*[ADDRESS] * 5), generate_mixture

    return dots, mixture


#: scores[n] = query . keys[n] and out = the sum of weights[n] * values[n], for ``count`` positions, at least one, of
#: a head `HEAD_WIDTH` wide, float32. ``ahead``: what is read next.
dots, mixture = _attention_of_one_head()


def _everywhere(number: float):
    return ir.Constant(FLOATS, [number] * SIMD_WIDTH)


def _larger(builder, a, b):
    return builder.select(builder.fcmp_ordered("<", a, b), b, a)


def _power(builder, x):
    """e^x in every lane, x <= 0, to 2e-7 of itself; below 2^-126 what that is."""
    x = _larger(builder, builder.fmul(x, _everywhere(1.4426950408889634)), _everywhere(-126.0))
    kind = ir.FunctionType(FLOATS, [FLOATS])
    floor = builder.module.declare_intrinsic("llvm.floor.v16f32", (), kind)
    whole = builder.call(floor, [builder.fadd(x, _everywhere(0.5))])
    rest = builder.fmul(builder.fsub(x, whole), _everywhere(0.6931471805599453))
    grown = _everywhere(1 / 720)
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        grown = _fused(builder, grown, rest, _everywhere(factor))
    exponent = builder.add(builder.fptosi(whole, SUMS), ir.Constant(SUMS, [127] * SIMD_WIDTH))
    power_of_two = builder.bitcast(builder.shl(exponent, ir.Constant(SUMS, [23] * SIMD_WIDTH)), FLOATS)
    return builder.fmul(grown, power_of_two)


def _widened(builder, address, place):
    """16 numbers of bfloat16, which is the upper half of a float32."""
    half = loaded(
        builder, offset_by(builder, address, place, 2 * SIMD_WIDTH), ir.VectorType(ir.IntType(16), SIMD_WIDTH)
    )
    whole = builder.shl(builder.zext(half, SUMS), ir.Constant(SUMS, [16] * SIMD_WIDTH))
    return builder.bitcast(whole, FLOATS)


def _scores_of_all_heads(positions: int):
    """``scores`` for so many positions, one after the other in memory."""

    def generate_scores(context, builder, signature, arguments):
        query, keys, width, scores, largest, ahead = arguments
        size = builder.mul(width, I64(2 * SIMD_WIDTH))
        starts, coming = ([offset_by(builder, at, size, p) for p in range(positions)] for at in (keys, ahead))

        def body(at, totals):
            for start in coming:
                prefetch(builder, offset_by(builder, start, at, 64), NEAR)
            for place in (builder.mul(at, I64(2)), builder.add(builder.mul(at, I64(2)), I64(1))):
                wanted = loaded(builder, offset_by(builder, query, place, 4 * SIMD_WIDTH), FLOATS)
                totals = [
                    _fused(builder, _widened(builder, start, place), wanted, total)
                    for start, total in zip(starts, totals, strict=True)
                ]
            return totals

        top = loaded(builder, largest, FLOATS)
        for p, total in enumerate(
            loop(builder, builder.lshr(width, I64(1)), [_everywhere(0)] * positions, body)
        ):
            stored(builder, total, offset_by(builder, scores, 4 * SIMD_WIDTH * p))
            top = _larger(builder, top, total)
        stored(builder, top, largest)
        return context.get_dummy_value()

    @intrinsic
    def scores(typingctx, query, keys, width, scores, largest, ahead):
        return types.void(*[ADDRESS] * 6), generate_scores

    return scores


def _weighted_values_of_all_heads(positions: int):
    """``weighted_values`` for so many positions, one after the other in memory."""

    def generate_weighted_values(context, builder, signature, arguments):
        scores, largest, total, values, width, out, ahead = arguments
        size = builder.mul(width, I64(2 * SIMD_WIDTH))
        starts, coming = (
            [offset_by(builder, at, size, p) for p in range(positions)] for at in (values, ahead)
        )
        top, added, weights = loaded(builder, largest, FLOATS), loaded(builder, total, FLOATS), []
        for p in range(positions):
            score = loaded(builder, offset_by(builder, scores, 4 * SIMD_WIDTH * p), FLOATS)
            weights.append(_power(builder, builder.fsub(score, top)))
            added = builder.fadd(added, weights[-1])
        stored(builder, added, total)

        def body(at, _):
            for start in coming:
                prefetch(builder, offset_by(builder, start, at, 64), NEAR)
            for place in (builder.mul(at, I64(2)), builder.add(builder.mul(at, I64(2)), I64(1))):
                here = offset_by(builder, out, place, 4 * SIMD_WIDTH)
                attended = loaded(builder, here, FLOATS)
                for start, weight in zip(starts, weights, strict=True):
                    attended = _fused(builder, _widened(builder, start, place), weight, attended)
                stored(builder, attended, here)
            return []

        loop(builder, builder.lshr(width, I64(1)), [], body)
        return context.get_dummy_value()

    @intrinsic
    def weighted_values(typingctx, scores, largest, total, values, width, out, ahead):
        return types.void(*[ADDRESS] * 7), generate_weighted_values

    return weighted_values


#: Over some positions of a row of 16 heads, bfloat16 (positions, width, 16) with an even width; ``ahead``: as many
#: that are read soon. ``scores``: scores[n, head] = query . keys[n], and their largest; ``weighted_values``: weights
#: e^(scores - largest) onto their total, and weights times values onto out (width, 16).
scores, scores_of_one = _scores_of_all_heads(GROUP), _scores_of_all_heads(1)
weighted_values = _weighted_values_of_all_heads(GROUP)
weighted_values_of_one = _weighted_values_of_all_heads(1)
