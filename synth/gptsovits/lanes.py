# mypy: ignore-errors
# numba infers the types of what it compiles.
"""The innermost loops of `kernels` in LLVM's own terms: what no ordinary loop is compiled to.

* `products`: unsigned bytes by signed bytes, in whole numbers. Where the processor has AVX-512 VNNI, one
  instruction multiplies 64 pairs and adds them up by fours; elsewhere the same sums are spelt out and the compiler
  makes of them what there is. Sums of whole numbers are exact: the bits do not depend on the way.
* `dots` and `mixture`: the two sums of attention, float32.

Every function takes addresses, as LLVM does; `kernels` sees to it that they are those of arrays large enough.
"""

from __future__ import annotations

from collections.abc import Callable

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.core.extending import intrinsic

LANES = 16  # numbers of 32 bits in a register
DEPTH = 4  # bytes that one lane multiplies at a time
BLOCK = 64  # outputs of a tile: four registers
HEAD_WIDTH = 32  # of the official checkpoints; other widths go through ordinary loops
HAS_VNNI = bool(llvmlite.binding.get_host_cpu_features().get("avx512vnni"))

_I8, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
_SUMS, _FLOATS = ir.VectorType(_I32, LANES), ir.VectorType(_F32, LANES)
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
    end = builder.add(at, _I64(1))
    for value, start, fresh in zip([at, *state], [_I64(0), *starts], [end, *following], strict=True):
        value.add_incoming(start, before)
        value.add_incoming(fresh, loop)
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
    kind = ir.VectorType(value.type, LANES)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _I32(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(_SUMS, None))


# --------------------------------------------------------------------------------------------- whole numbers


def _added(builder, total, inputs, weights):
    """total + the sum of each lane's four products; ``inputs`` unsigned, ``weights`` signed bytes."""
    if HAS_VNNI:
        kind = ir.FunctionType(_SUMS, [_SUMS] * 3)
        product = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", (), kind)
        return builder.call(product, [total, inputs, weights])
    narrow, wide = (ir.VectorType(kind, LANES * DEPTH) for kind in (_I8, _I32))
    left = builder.zext(builder.bitcast(inputs, narrow), wide)
    right = builder.sext(builder.bitcast(weights, narrow), wide)
    sums = builder.mul(left, right)
    for count in (2 * LANES, LANES):  # neighbours are added: 64 products, 32 sums, 16 sums
        nothing = ir.Constant(sums.type, ir.Undefined)
        picks = [[2 * i + side for i in range(count)] for side in (0, 1)]
        even, odd = (ir.Constant(ir.VectorType(_I32, count), pick) for pick in picks)
        sums = builder.add(
            builder.shuffle_vector(sums, nothing, even), builder.shuffle_vector(sums, nothing, odd)
        )
    return builder.add(total, sums)


def _tile_of(rows: int):
    """So many rows by one block of outputs: sums of products, made into floats and put where they belong."""
    registers = range(BLOCK // LANES)

    def generate(context, builder, signature, arguments):
        x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride = arguments
        starts = [_at(builder, x, x_stride, row) for row in range(rows)]

        def body(at, totals):
            base = _at(builder, weight, at, BLOCK * DEPTH)
            columns = [_loaded(builder, _at(builder, base, 64 * r), _SUMS) for r in registers]
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
    def tile(typingctx, x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride):
        whole = [_ADDRESS] * 8
        return types.void(*whole, types.float32, _ADDRESS, _ADDRESS), generate

    return tile


_tile1, _tile2, _tile4, _tile6 = (_tile_of(rows) for rows in (1, 2, 4, 6))


@njit(nogil=True, boundscheck=False, error_model="numpy", inline="always")
def products(x, x_stride, rows, weight, groups, steps, scale, shift, bias, floor, out, out_stride):
    """out[row, i] = max((x[row] . weight[:, i] - shift[i]) * scale[i] * steps[row] + bias[i], floor) of one block.

    x (rows, 4 groups) uint8, weight (groups, 64, 4) int8, shift (64,) int32, the others float32, strides in bytes.
    Returns how many of the rows were done: up to six.
    """
    if rows >= 6:
        _tile6(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride)
        return 6
    if rows >= 4:
        _tile4(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride)
        return 4
    if rows >= 2:
        _tile2(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride)
        return 2
    _tile1(x, x_stride, weight, groups, steps, scale, shift, bias, floor, out, out_stride)
    return 1


# ------------------------------------------------------------------------------------------------- attention


def _fused(builder, a, b, total):
    """a * b + total in every lane."""
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    return builder.call(builder.module.declare_intrinsic("llvm.fma.v16f32", (), kind), [a, b, total])


def _floats(builder, address, place, is_half: bool):
    """16 numbers from the ``place``-th on: float32, or bfloat16, which is the upper half of a float32."""
    if not is_half:
        return _loaded(builder, _at(builder, address, place, 4), _FLOATS)
    half = _loaded(builder, _at(builder, address, place, 2), ir.VectorType(ir.IntType(16), LANES))
    whole = builder.shl(builder.zext(half, _SUMS), ir.Constant(_SUMS, [16] * LANES))
    return builder.bitcast(whole, _FLOATS)


def _attention_of(is_half: bool):
    """``dots`` and ``mixture`` over keys and values of float32, or of bfloat16."""
    registers = range(HEAD_WIDTH // LANES)
    size = HEAD_WIDTH * (2 if is_half else 4)

    def fetch(builder, ahead, at):
        """Call for a position that is read soon: the processor does not foresee where the next head begins."""
        address = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [address, _I32, _I32, _I32])
        fetched = builder.module.declare_intrinsic("llvm.prefetch.p0", (), kind)
        for line in range(0, size, 64):
            place = _at(builder, _at(builder, ahead, at, size), line)
            builder.call(fetched, [builder.inttoptr(place, address), _I32(0), _I32(3), _I32(1)])

    def generate_dots(context, builder, signature, arguments):
        query, keys, count, scores, ahead = arguments
        wanted = [_floats(builder, query, _I64(LANES * r), False) for r in registers]
        kind = ir.FunctionType(_F32, [_F32, _FLOATS])
        added_up = builder.module.declare_intrinsic("llvm.vector.reduce.fadd.v16f32", (), kind)

        def body(at, _):
            fetch(builder, ahead, at)
            total = ir.Constant(_FLOATS, None)
            for r in registers:
                key = _floats(builder, keys, _at(builder, _I64(LANES * r), at, HEAD_WIDTH), is_half)
                total = _fused(builder, key, wanted[r], total)
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
            places = [_at(builder, _I64(LANES * r), at, HEAD_WIDTH) for r in registers]
            rows = [_floats(builder, values, place, is_half) for place in places]
            return [_fused(builder, row, weight, total) for row, total in zip(rows, totals, strict=True)]

        for r, total in enumerate(_loop(builder, count, [ir.Constant(_FLOATS, None)] * len(registers), body)):
            _stored(builder, total, _at(builder, out, 4 * LANES * r))
        return context.get_dummy_value()

    @intrinsic
    def dots(typingctx, query, keys, count, scores, ahead):
        return types.void(*[_ADDRESS] * 5), generate_dots

    @intrinsic
    def mixture(typingctx, weights, values, count, out, ahead):
        return types.void(*[_ADDRESS] * 5), generate_mixture

    return dots, mixture


#: scores[n] = query . keys[n] and out = the sum of weights[n] * values[n], for ``count`` positions, at least one, of
#: a head `HEAD_WIDTH` wide; ``half_`` where keys and values are bfloat16. ``ahead``: what is read next.
dots, mixture = _attention_of(is_half=False)
half_dots, half_mixture = _attention_of(is_half=True)
