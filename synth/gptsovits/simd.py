# mypy: ignore-errors
# numba infers the types of what it compiles.
"""The innermost loops of `kernels` in LLVM's own terms: what no ordinary loop is compiled to.

* `products`: unsigned bytes by signed bytes, in whole numbers. Where the processor has AVX-512 VNNI, one
  instruction multiplies 64 pairs and adds them up by fours; elsewhere the same sums are spelt out and the compiler
  makes of them what there is. Sums of whole numbers are exact: the bits do not depend on the way.
* `dots` and `mixture`: the two sums of attention, float32, one head at a time.
* `scores` and `weighted_values`: the same over bfloat16 for 16 heads at once, one in every lane of a register, so that
  nothing is added up across lanes, and keys and values of a row are read as one piece.

Every function takes addresses, as LLVM does; `kernels` sees to it that they are those of arrays large enough.
"""

from __future__ import annotations

from collections.abc import Callable

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.core.extending import intrinsic

SIMD_WIDTH = 16  # numbers of 32 bits in a register
DEPTH = 4  # bytes that one lane multiplies at a time
BLOCK = 64  # outputs of a tile: four registers
HEAD_WIDTH = 32  # of the official checkpoints; other widths go through ordinary loops
GROUP = 4  # positions whose sums of attention are made side by side
# Where what is called for is put: the second cache, which takes more calls at a time; the first.
NEAR, NEARER = 2, 3
HAS_VNNI = bool(llvmlite.binding.get_host_cpu_features().get("avx512vnni"))

_I8, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_SUMS, _FLOATS = ir.VectorType(_I32, SIMD_WIDTH), ir.VectorType(_F32, SIMD_WIDTH)
_ADDRESS = types.intp


def _loop(builder, count, starts: list, body: Callable) -> list:
    """``for at in range(count)`` with state in registers: body(at, state) -> the next state. Returns the last.

    ``count`` must be at least one.
    """
    before, loop = builder.block, builder.append_basic_block("loop")
    after = builder.append_basic_block("after")
    builder.branch(loop)
    builder.position_at_end(loop)
    at = builder.phi(_I64)
    state = [builder.phi(start.type) for start in starts]
    following = body(at, state)
    last = builder.block
    end = builder.add(at, _I64(1))
    for value, start, fresh in zip([at, *state], [_I64(0), *starts], [end, *following], strict=True):
        value.add_incoming(start, before)
        value.add_incoming(fresh, last)
    builder.cbranch(builder.icmp_signed("<", end, count), loop, after)
    builder.position_at_end(after)
    return following


def _at(builder, address, offset, scale: int = 1):
    offset = _I64(offset) if isinstance(offset, int) else offset
    return builder.add(address, builder.mul(offset, _I64(scale)))


def _loaded(builder, address, kind):
    load = builder.load(builder.inttoptr(address, kind.as_pointer()))
    load.align = 1
    return load


def _stored(builder, value, address) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 1


def _spread(builder, value):
    """One number in every lane."""
    kind = ir.VectorType(value.type, SIMD_WIDTH)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _I32(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(_SUMS, None))


def _fetch(builder, address, where: int) -> None:
    """Call for memory that is read soon: the processor does not foresee where the next piece begins."""
    pointer = _I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
    fetched = builder.module.declare_intrinsic("llvm.prefetch.p0", (), kind)
    builder.call(fetched, [builder.inttoptr(address, pointer), _I32(0), _I32(where), _I32(1)])


# --------------------------------------------------------------------------------------------- whole numbers


def _added(builder, total, inputs, weights):
    """total + the sum of each lane's four products; ``inputs`` unsigned, ``weights`` signed bytes."""
    if HAS_VNNI:
        kind = ir.FunctionType(_SUMS, [_SUMS] * 3)
        product = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", (), kind)
        return builder.call(product, [total, inputs, weights])
    narrow, wide = (ir.VectorType(kind, SIMD_WIDTH * DEPTH) for kind in (_I8, _I32))
    left = builder.zext(builder.bitcast(inputs, narrow), wide)
    right = builder.sext(builder.bitcast(weights, narrow), wide)
    sums = builder.mul(left, right)
    for count in (2 * SIMD_WIDTH, SIMD_WIDTH):  # neighbours are added: 64 products, 32 sums, 16 sums
        nothing = ir.Constant(sums.type, ir.Undefined)
        picks = [[2 * i + side for i in range(count)] for side in (0, 1)]
        even, odd = (ir.Constant(ir.VectorType(_I32, count), pick) for pick in picks)
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
        starts = [_at(builder, x, x_stride, row) for row in range(rows)]

        def body(at, totals):
            base = _at(builder, weight, at, BLOCK * DEPTH)
            columns = [_loaded(builder, _at(builder, base, 64 * r), _SUMS) for r in registers]
            for line in range(lines):
                _fetch(builder, _at(builder, _at(builder, ahead, 64 * line), at, 64 * lines), NEAR)
            fresh = []
            for row, start in enumerate(starts):
                four = _spread(builder, _loaded(builder, _at(builder, start, at, DEPTH), _I32))
                held = totals[len(columns) * row :]
                fresh += [_added(builder, held[r], four, columns[r]) for r in registers]
            return fresh

        totals = _loop(builder, groups, [ir.Constant(_SUMS, None)] * (rows * len(registers)), body)
        least = _spread(builder, floor)
        sizes = [
            _spread(builder, _loaded(builder, _at(builder, steps, 4 * row), _F32)) for row in range(rows)
        ]
        for r in registers:
            of_output = [_loaded(builder, _at(builder, part, 64 * r), _FLOATS) for part in (scale, bias)]
            offset = _loaded(builder, _at(builder, shift, 64 * r), _SUMS)
            for row in range(rows):
                whole = builder.sitofp(builder.sub(totals[len(registers) * row + r], offset), _FLOATS)
                value = builder.fmul(whole, builder.fmul(of_output[0], sizes[row]))
                value = builder.fadd(value, of_output[1])
                value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
                place = _at(builder, _at(builder, out, out_stride, row), 64 * r)
                _stored(builder, value, place)
        return context.get_dummy_value()

    @intrinsic
    def tile(
        typingctx, x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride, ahead
    ):
        return types.void(*[_ADDRESS] * 8, types.float32, *[_ADDRESS] * 3), generate

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


# ------------------------------------------------------------------------------------------------- attention


def _fused(builder, a, b, total):
    """a * b + total in every lane."""
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    return builder.call(builder.module.declare_intrinsic("llvm.fma.v16f32", (), kind), [a, b, total])


def _attention_of_one_head():
    registers = range(HEAD_WIDTH // SIMD_WIDTH)

    def row_of(builder, address, at):
        positions = [_at(builder, _I64(SIMD_WIDTH * r), at, HEAD_WIDTH) for r in registers]
        return [_loaded(builder, _at(builder, address, place, 4), _FLOATS) for place in positions]

    def fetch(builder, ahead, at):
        for line in range(0, 4 * HEAD_WIDTH, 64):
            _fetch(builder, _at(builder, _at(builder, ahead, at, 4 * HEAD_WIDTH), line), NEARER)

    def generate_dots(context, builder, signature, arguments):
        query, keys, count, scores, ahead = arguments
        wanted = row_of(builder, query, _I64(0))
        kind = ir.FunctionType(_F32, [_F32, _FLOATS])
        added_up = builder.module.declare_intrinsic("llvm.vector.reduce.fadd.v16f32", (), kind)

        def body(at, _):
            fetch(builder, ahead, at)
            total = ir.Constant(_FLOATS, None)
            for key, part in zip(row_of(builder, keys, at), wanted, strict=True):
                total = _fused(builder, key, part, total)
            score = builder.call(added_up, [ir.Constant(_F32, 0.0), total], fastmath=("reassoc", "nsz"))
            _stored(builder, score, _at(builder, scores, at, 4))
            return []

        _loop(builder, count, [], body)
        return context.get_dummy_value()

    def generate_mixture(context, builder, signature, arguments):
        weights, values, count, out, ahead = arguments

        def body(at, totals):
            fetch(builder, ahead, at)
            weight = _spread(builder, _loaded(builder, _at(builder, weights, at, 4), _F32))
            rows = row_of(builder, values, at)
            return [_fused(builder, row, weight, total) for row, total in zip(rows, totals, strict=True)]

        for r, total in enumerate(_loop(builder, count, [ir.Constant(_FLOATS, None)] * len(registers), body)):
            _stored(builder, total, _at(builder, out, 4 * SIMD_WIDTH * r))
        return context.get_dummy_value()

    @intrinsic
    def dots(typingctx, query, keys, count, scores, ahead):
        return types.void(*[_ADDRESS] * 5), generate_dots

    @intrinsic
    def mixture(typingctx, weights, values, count, out, ahead):
        return types.void(*[_ADDRESS] * 5), generate_mixture

    return dots, mixture


#: scores[n] = query . keys[n] and out = the sum of weights[n] * values[n], for ``count`` positions, at least one, of
#: a head `HEAD_WIDTH` wide, float32. ``ahead``: what is read next.
dots, mixture = _attention_of_one_head()


def _everywhere(number: float):
    return ir.Constant(_FLOATS, [number] * SIMD_WIDTH)


def _larger(builder, a, b):
    return builder.select(builder.fcmp_ordered("<", a, b), b, a)


def _power(builder, x):
    """e^x in every lane, x <= 0, to 2e-7 of itself; below 2^-126 what that is."""
    x = _larger(builder, builder.fmul(x, _everywhere(1.4426950408889634)), _everywhere(-126.0))
    kind = ir.FunctionType(_FLOATS, [_FLOATS])
    floor = builder.module.declare_intrinsic("llvm.floor.v16f32", (), kind)
    whole = builder.call(floor, [builder.fadd(x, _everywhere(0.5))])
    rest = builder.fmul(builder.fsub(x, whole), _everywhere(0.6931471805599453))
    grown = _everywhere(1 / 720)
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        grown = _fused(builder, grown, rest, _everywhere(factor))
    exponent = builder.add(builder.fptosi(whole, _SUMS), ir.Constant(_SUMS, [127] * SIMD_WIDTH))
    power_of_two = builder.bitcast(builder.shl(exponent, ir.Constant(_SUMS, [23] * SIMD_WIDTH)), _FLOATS)
    return builder.fmul(grown, power_of_two)


def _attention_of_all_heads(positions: int):
    """``scores`` and ``weighted_values`` for so many positions, one after the other in memory."""

    def halves(builder, address, place):
        """16 numbers of bfloat16, which is the upper half of a float32."""
        half = _loaded(
            builder, _at(builder, address, place, 2 * SIMD_WIDTH), ir.VectorType(ir.IntType(16), SIMD_WIDTH)
        )
        whole = builder.shl(builder.zext(half, _SUMS), ir.Constant(_SUMS, [16] * SIMD_WIDTH))
        return builder.bitcast(whole, _FLOATS)

    def generate_scores(context, builder, signature, arguments):
        query, keys, width, scores, largest, ahead = arguments
        size = builder.mul(width, _I64(2 * SIMD_WIDTH))
        starts, coming = ([_at(builder, at, size, p) for p in range(positions)] for at in (keys, ahead))

        def body(at, totals):
            for start in coming:
                _fetch(builder, _at(builder, start, at, 64), NEAR)
            for place in (builder.mul(at, _I64(2)), builder.add(builder.mul(at, _I64(2)), _I64(1))):
                wanted = _loaded(builder, _at(builder, query, place, 4 * SIMD_WIDTH), _FLOATS)
                totals = [
                    _fused(builder, halves(builder, start, place), wanted, total)
                    for start, total in zip(starts, totals, strict=True)
                ]
            return totals

        top = _loaded(builder, largest, _FLOATS)
        for p, total in enumerate(
            _loop(builder, builder.lshr(width, _I64(1)), [_everywhere(0)] * positions, body)
        ):
            _stored(builder, total, _at(builder, scores, 4 * SIMD_WIDTH * p))
            top = _larger(builder, top, total)
        _stored(builder, top, largest)
        return context.get_dummy_value()

    def generate_weighted_values(context, builder, signature, arguments):
        scores, largest, total, values, width, out, ahead = arguments
        size = builder.mul(width, _I64(2 * SIMD_WIDTH))
        starts, coming = ([_at(builder, at, size, p) for p in range(positions)] for at in (values, ahead))
        top, added, weights = _loaded(builder, largest, _FLOATS), _loaded(builder, total, _FLOATS), []
        for p in range(positions):
            score = _loaded(builder, _at(builder, scores, 4 * SIMD_WIDTH * p), _FLOATS)
            weights.append(_power(builder, builder.fsub(score, top)))
            added = builder.fadd(added, weights[-1])
        _stored(builder, added, total)

        def body(at, _):
            for start in coming:
                _fetch(builder, _at(builder, start, at, 64), NEAR)
            for place in (builder.mul(at, _I64(2)), builder.add(builder.mul(at, _I64(2)), _I64(1))):
                here = _at(builder, out, place, 4 * SIMD_WIDTH)
                attended = _loaded(builder, here, _FLOATS)
                for start, weight in zip(starts, weights, strict=True):
                    attended = _fused(builder, halves(builder, start, place), weight, attended)
                _stored(builder, attended, here)
            return []

        _loop(builder, builder.lshr(width, _I64(1)), [], body)
        return context.get_dummy_value()

    @intrinsic
    def scores(typingctx, query, keys, width, scores, largest, ahead):
        return types.void(*[_ADDRESS] * 6), generate_scores

    @intrinsic
    def weighted_values(typingctx, scores, largest, total, values, width, out, ahead):
        return types.void(*[_ADDRESS] * 7), generate_weighted_values

    return scores, weighted_values


#: Over some positions of a row of 16 heads, bfloat16 (positions, width, 16) with an even width; ``ahead``: as many
#: that are read soon. ``scores``: scores[n, head] = query . keys[n], and their largest; ``weighted_values``: weights
#: e^(scores - largest) onto their total, and weights times values onto out (width, 16).
scores, weighted_values = _attention_of_all_heads(GROUP)
scores_of_one, weighted_values_of_one = _attention_of_all_heads(1)
