"""Vector instructions that a compiler does not find by itself, as portable LLVM code for compiled loops.

A row is 32 integers of 16 or 32 bits. LLVM splits rows into whatever registers the processor has, so the
same code runs everywhere; integer sums wrap, as two's complement does.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32
"""Integers in a row."""

WORD = 64
"""Spikes in a word."""

_CHAINS = 2
"""Sums kept apart and joined at the end, so that one addition need not wait for the one before."""


@intrinsic
def add_rows(
    typingctx: Any, sums: Any, at: Any, weights: Any, base: Any, rows: Any, first: Any, last: Any
) -> Any:
    """``sums[at : at + 32] += weights[base + rows[i] : ... + 32]`` for ``first <= i < last``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, at, weights, base, rows, first, last = args
        kinds = signature.args
        row, size = _row(context, kinds[0])
        target = _pointer(context, builder, kinds[0], sums, at, row)
        source = builder.gep(context.make_array(kinds[2])(context, builder, weights).data, [base])
        offsets = context.make_array(kinds[4])(context, builder, rows).data
        totals = [cgutils.alloca_once(builder, row) for _ in range(_CHAINS)]
        builder.store(builder.load(target, align=size), totals[0])
        for total in totals[1:]:
            builder.store(ir.Constant(row, None), total)

        def add(index: Any, total: Any) -> None:
            offset = builder.sext(builder.load(builder.gep(offsets, [index])), first.type)
            arrived = builder.bitcast(builder.gep(source, [offset]), row.as_pointer())
            builder.store(builder.add(builder.load(total), builder.load(arrived, align=size)), total)

        whole = builder.and_(builder.sub(last, first), ir.Constant(first.type, -_CHAINS))
        edge, stride = builder.add(first, whole), ir.Constant(first.type, _CHAINS)
        with cgutils.for_range_slice(builder, first, edge, stride, first.type, inc=True) as (index, _):
            for chain, total in enumerate(totals):
                add(builder.add(index, ir.Constant(first.type, chain)), total)
        one = ir.Constant(first.type, 1)
        with cgutils.for_range_slice(builder, edge, last, one, first.type, inc=True) as (index, _):
            add(index, totals[0])
        result = builder.load(totals[0])
        for total in totals[1:]:
            result = builder.add(result, builder.load(total))
        builder.store(result, target, align=size)
        return context.get_dummy_value()

    return types.void(sums, types.intp, weights, types.intp, rows, types.intp, types.intp), codegen


@intrinsic
def add_row_times(typingctx: Any, sums: Any, at: Any, weights: Any, base: Any, factor: Any) -> Any:
    """``sums[at : at + 32] += factor * weights[base : base + 32]`` in the arrays' own integers."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, at, weights, base, factor = args
        row, size = _row(context, signature.args[0])
        target = _pointer(context, builder, signature.args[0], sums, at, row)
        source = _pointer(context, builder, signature.args[2], weights, base, row)
        if row.element.width < factor.type.width:
            factor = builder.trunc(factor, row.element)
        empty = ir.Constant(row, ir.Undefined)
        first = builder.insert_element(empty, factor, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        product = builder.mul(builder.load(source, align=size), builder.shuffle_vector(first, empty, mask))
        builder.store(builder.add(builder.load(target, align=size), product), target, align=size)
        return context.get_dummy_value()

    return types.void(sums, types.intp, weights, types.intp, types.int32), codegen


@intrinsic
def nonzero_bits(typingctx: Any, values: Any, at: Any) -> Any:
    """A word whose bit i says whether ``values[at + i]`` is not zero, of 64 bytes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        row = ir.VectorType(ir.IntType(8), WORD)
        values, at = args
        loaded = builder.load(_pointer(context, builder, signature.args[0], values, at, row), align=1)
        return builder.bitcast(builder.icmp_unsigned("!=", loaded, ir.Constant(row, None)), ir.IntType(WORD))

    return types.uint64(values, types.intp), codegen


def _row(context: Any, kind: Any) -> tuple[Any, int]:
    """The vector type of a row of an array's elements, and the bytes that one is aligned to."""
    element = context.get_data_type(kind.dtype)
    return ir.VectorType(element, LANES), element.width // 8


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, row: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), row.as_pointer())
