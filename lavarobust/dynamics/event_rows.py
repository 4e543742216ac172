"""Rows of 16 outputs added up by the events of many inputs, as portable LLVM code for compiled loops."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lavarobust.dynamics.rows import FLOATS, INT32, INT64, LANES, load_row, spread, store_row, times_add

_MASK = ir.IntType(LANES)


@intrinsic
def find_events(typingctx: Any, values: Any, blocks: Any, places: Any) -> Any:
    """Write the int32 places of what is not zero in ``values[0 : 16 blocks]``; return how many there are."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values, places = _data(context, builder, signature, args, (0, 2))
        one = ir.Constant(INT64, 1)
        found = cgutils.alloca_once_value(builder, ir.Constant(INT64, 0))
        left = cgutils.alloca_once_value(builder, ir.Constant(_MASK, 0))
        with cgutils.for_range(builder, args[1]) as loop:
            low = builder.mul(loop.index, ir.Constant(INT64, LANES))
            row = load_row(builder, values, low, FLOATS)
            # unordered: what is not a number is no zero
            active = builder.fcmp_unordered("!=", row, ir.Constant(FLOATS, None))
            builder.store(builder.bitcast(active, _MASK), left)
            head, body, end = (builder.append_basic_block(name) for name in ("any", "event", "none"))
            builder.branch(head)
            builder.position_at_end(head)
            mask = builder.load(left)
            builder.cbranch(builder.icmp_unsigned("!=", mask, ir.Constant(_MASK, 0)), body, end)
            builder.position_at_end(body)
            count = builder.load(found)
            lane = builder.zext(builder.cttz(mask, ir.Constant(ir.IntType(1), 1)), INT64)
            builder.store(builder.trunc(builder.add(low, lane), INT32), builder.gep(places, [count]))
            builder.store(builder.add(count, one), found)
            builder.store(builder.and_(mask, builder.sub(mask, ir.Constant(_MASK, 1))), left)
            builder.branch(head)
            builder.position_at_end(end)
        return builder.load(found)

    return types.intp(values, types.intp, places), codegen


@intrinsic
def sum_events(typingctx: Any, total: Any, weights: Any, places: Any, values: Any, count: Any) -> Any:
    """``total[0:16] = sum(values[j] * weights[16 p : 16 p + 16])`` over the first ``count`` places p."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, weights, places, values = _data(context, builder, signature, args, (0, 1, 2, 3))
        sums = cgutils.alloca_once_value(builder, ir.Constant(FLOATS, None))
        with cgutils.for_range(builder, args[4]) as loop:
            row = load_row(builder, weights, _row_of(builder, places, loop.index), FLOATS)
            factor = spread(builder, builder.load(builder.gep(values, [loop.index])))
            builder.store(times_add(builder, row, factor, builder.load(sums)), sums)
        store_row(builder, total, ir.Constant(INT64, 0), builder.load(sums))
        return context.get_dummy_value()

    return types.void(total, weights, places, values, types.intp), codegen


@intrinsic
def learn_events(typingctx: Any, d_weights: Any, d_total: Any, places: Any, values: Any, count: Any) -> Any:
    """The transpose of :func:`sum_events`: ``d_weights[16 p : 16 p + 16] += values[j] * d_total[0:16]``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        d_weights, d_total, places, values = _data(context, builder, signature, args, (0, 1, 2, 3))
        row = load_row(builder, d_total, ir.Constant(INT64, 0), FLOATS)
        with cgutils.for_range(builder, args[4]) as loop:
            at = _row_of(builder, places, loop.index)
            factor = spread(builder, builder.load(builder.gep(values, [loop.index])))
            so_far = load_row(builder, d_weights, at, FLOATS)
            store_row(builder, d_weights, at, times_add(builder, row, factor, so_far))
        return context.get_dummy_value()

    return types.void(d_weights, d_total, places, values, types.intp), codegen


def _data(context: Any, builder: Any, signature: Any, args: Any, which: tuple[int, ...]) -> list[Any]:
    return [context.make_array(signature.args[i])(context, builder, args[i]).data for i in which]


def _row_of(builder: Any, places: Any, number: Any) -> Any:
    """Where the row of an event's input begins."""
    place = builder.sext(builder.load(builder.gep(places, [number])), INT64)
    return builder.mul(place, ir.Constant(INT64, LANES))
