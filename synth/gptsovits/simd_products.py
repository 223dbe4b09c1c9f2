# mypy: ignore-errors
# numba infers the types of what it compiles.
"""Unsigned bytes by signed bytes, in whole numbers: the products of `kernels`.

Where the processor has AVX-512 VNNI, one instruction multiplies 64 pairs and adds them up by fours; elsewhere the same
sums are spelt out and the compiler makes of them what there is. Sums of whole numbers are exact: the bits do not
depend on the way.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core.extending import intrinsic

from synth.gptsovits.simd import (
    ADDRESS,
    BLOCK,
    DEPTH,
    F32,
    FLOATS,
    HAS_VNNI,
    I8,
    I32,
    NEAR,
    SIMD_WIDTH,
    SUMS,
    broadcast,
    loaded,
    loop,
    offset_by,
    prefetch,
    stored,
)


def _added(builder, total, inputs, weights):
    """total + the sum of each lane's four products; ``inputs`` unsigned, ``weights`` signed bytes."""
    if HAS_VNNI:
        kind = ir.FunctionType(SUMS, [SUMS] * 3)
        product = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", (), kind)
        return builder.call(product, [total, inputs, weights])
    narrow, wide = (ir.VectorType(kind, SIMD_WIDTH * DEPTH) for kind in (I8, I32))
    left = builder.zext(builder.bitcast(inputs, narrow), wide)
    right = builder.sext(builder.bitcast(weights, narrow), wide)
    sums = builder.mul(left, right)
    for count in (2 * SIMD_WIDTH, SIMD_WIDTH):  # neighbours are added: 64 products, 32 sums, 16 sums
        nothing = ir.Constant(sums.type, ir.Undefined)
        picks = [[2 * i + side for i in range(count)] for side in (0, 1)]
        even, odd = (ir.Constant(ir.VectorType(I32, count), pick) for pick in picks)
        sums = builder.add(
            builder.shuffle_vector(sums, nothing, even), builder.shuffle_vector(sums, nothing, odd)
        )
    return builder.add(total, sums)


def _tile_of(rows: int, lines: int = 0):
    """So many rows by one block of outputs: sums of products, made into floats and put where they belong.

    ``lines`` of 64 bytes are called for at a time from ``ahead`` on: of the next block, while this one is multiplied.
    """
    registers = range(BLOCK // SIMD_WIDTH)

    def generate(context, builder, signature, arguments):
        x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride, ahead = arguments
        starts = [offset_by(builder, x, x_stride, row) for row in range(rows)]

        def body(at, totals):
            base = offset_by(builder, weight, at, BLOCK * DEPTH)
            columns = [loaded(builder, offset_by(builder, base, 64 * r), SUMS) for r in registers]
            for line in range(lines):
                prefetch(
                    builder, offset_by(builder, offset_by(builder, ahead, 64 * line), at, 64 * lines), NEAR
                )
            fresh = []
            for row, start in enumerate(starts):
                four = broadcast(builder, loaded(builder, offset_by(builder, start, at, DEPTH), I32))
                held = totals[len(columns) * row :]
                fresh += [_added(builder, held[r], four, columns[r]) for r in registers]
            return fresh

        totals = loop(builder, groups, [ir.Constant(SUMS, None)] * (rows * len(registers)), body)
        least = broadcast(builder, floor)
        sizes = [
            broadcast(builder, loaded(builder, offset_by(builder, steps, 4 * row), F32))
            for row in range(rows)
        ]
        for r in registers:
            of_output = [loaded(builder, offset_by(builder, part, 64 * r), FLOATS) for part in (scale, bias)]
            offset = loaded(builder, offset_by(builder, shift, 64 * r), SUMS)
            for row in range(rows):
                whole = builder.sitofp(builder.sub(totals[len(registers) * row + r], offset), FLOATS)
                value = builder.fmul(whole, builder.fmul(of_output[0], sizes[row]))
                value = builder.fadd(value, of_output[1])
                value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
                place = offset_by(builder, offset_by(builder, out, out_stride, row), 64 * r)
                stored(builder, value, place)
        return context.get_dummy_value()

    @intrinsic
    def tile(
        typingctx, x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride, ahead
    ):
        return types.void(*[ADDRESS] * 8, types.float32, *[ADDRESS] * 3), generate

    return tile


_tile1, _tile2, _tile4, _tile6 = _tile_of(1), _tile_of(2), _tile_of(4, lines=2), _tile_of(6)


@njit(nogil=True, boundscheck=False, error_model="numpy", inline="always")
def products(x, x_stride, row, rows, weight, groups, steps, scale, shift, bias, floor, out, out_stride):
    """out[i, o] = max((x[i] . weight[:, o] - shift[o]) * scale[o] * steps[i] + bias[o], floor) of one block, for i from
    ``row`` on; returns the first that is left for the next call.

    x (rows, 4 groups) uint8, weight (groups, 64, 4) int8, shift (64,) int32, the others float32, strides in bytes.
    """
    left = rows - row
    x += row * x_stride
    steps += 4 * row
    if left >= 6 and rows != 8:
        _tile6(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride, 0)
        return row + 6
    if left >= 4:
        # From eight rows on multiplying takes longer than reading: two tiles call for half of the next block each.
        half = weight + groups * (256 if row == 0 else 384)
        _tile4(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride, half)
        return row + 4
    if left >= 2:
        _tile2(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride, 0)
        return row + 2
    _tile1(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride, 0)
    return row + 1
