# mypy: ignore-errors
# numba infers the types of what it compiles.
"""What the innermost loops of `kernels` are written in: LLVM's own terms, for what no ordinary loop is compiled to.

`simd_products` and `simd_attention` are made of it. Every function takes addresses, as LLVM does; `kernels` sees to
it that they are those of arrays large enough.
"""

from __future__ import annotations

from collections.abc import Callable

import llvmlite.binding
from llvmlite import ir
from numba import types

SIMD_WIDTH = 16  # numbers of 32 bits in a register
DEPTH = 4  # bytes that one lane multiplies at a time
BLOCK = 64  # outputs of a tile: four registers
HEAD_WIDTH = 32  # of the official checkpoints; other widths go through ordinary loops
GROUP = 4  # positions whose sums of attention are made side by side
# Where a prefetch goes: into the second cache, which takes more of them at a time, or into the first.
NEAR, NEARER = 2, 3
HAS_VNNI = bool(llvmlite.binding.get_host_cpu_features().get("avx512vnni"))

I8, I32, I64, F32 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.FloatType()
SUMS, FLOATS = ir.VectorType(I32, SIMD_WIDTH), ir.VectorType(F32, SIMD_WIDTH)
ADDRESS = types.intp


def loop(builder, count, starts: list, body: Callable) -> list:
    """``for at in range(count)`` with state in registers: body(at, state) -> the next state. Returns the last.

    ``count`` must be at least one.
    """
    before, again = builder.block, builder.append_basic_block("loop")
    after = builder.append_basic_block("after")
    builder.branch(again)
    builder.position_at_end(again)
    at = builder.phi(I64)
    state = [builder.phi(start.type) for start in starts]
    following = body(at, state)
    last = builder.block
    end = builder.add(at, I64(1))
    for value, start, fresh in zip([at, *state], [I64(0), *starts], [end, *following], strict=True):
        value.add_incoming(start, before)
        value.add_incoming(fresh, last)
    builder.cbranch(builder.icmp_signed("<", end, count), again, after)
    builder.position_at_end(after)
    return following


def offset_by(builder, address, offset, scale: int = 1):
    offset = I64(offset) if isinstance(offset, int) else offset
    return builder.add(address, builder.mul(offset, I64(scale)))


def loaded(builder, address, kind):
    load = builder.load(builder.inttoptr(address, kind.as_pointer()))
    load.align = 1
    return load


def stored(builder, value, address) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer())).align = 1


def broadcast(builder, value):
    """One number in every lane."""
    kind = ir.VectorType(value.type, SIMD_WIDTH)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), ir.Constant(SUMS, None))


def prefetch(builder, address, where: int) -> None:
    """Call for memory that is read soon: the processor does not foresee where the next piece begins."""
    pointer = I8.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
    fetched = builder.module.declare_intrinsic("llvm.prefetch.p0", (), kind)
    builder.call(fetched, [builder.inttoptr(address, pointer), I32(0), I32(where), I32(1)])
