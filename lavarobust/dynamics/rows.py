"""Rows of 16 numbers as portable LLVM code for compiled loops: products with float32, neurons in int32.

LLVM splits or joins rows into whatever registers the processor has, so the same code runs everywhere. A
product and its sum may become one instruction, which rounds once; integers are exact either way.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lavarobust.netx.limits import DECAY_UNITY, POTENTIAL_LIMIT, STATE_HALF_RANGE, STATE_SHIFT

LANES = 16
"""Numbers in a row."""

TILE = 8
"""Rows that are summed at once, each in a register of its own."""

_FLOAT, INT32, INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FLOATS, INTS = ir.VectorType(_FLOAT, LANES), ir.VectorType(INT32, LANES)
_FUSED = ("contract",)


@intrinsic
def sum_tile(
    typingctx: Any, target: Any, source: Any, at: Any, tile: Any, weights: Any, start: Any, offsets: Any,
    kind: Any, taps: Any, lanes: Any,
) -> Any:  # fmt: skip
    """Eight blocks of sums: ``target[b : b + lanes] = sum(source[a + offsets[kind, j]] * weights[j])``.

    ``at[tile]`` holds the eight ``(a, b)``, b ascending and at least ``lanes`` apart; ``weights[j]`` are 16
    from ``start + 16 j`` on, ``j < taps``. What lies behind the last block's 16 stays as it is.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data, offset_row = _operands(context, builder, signature, args, (0, 1, 2, 4, 6))
        tile, start, taps = args[3], args[5], args[8]
        own = builder.icmp_signed("<", _numbered(), _everywhere(builder, builder.trunc(args[9], INT32)))
        places = [_place(builder, data[2], tile, block) for block in range(TILE)]
        # read before any is written: what a block leaves of the next one's is then written over by that one
        before = [load_row(builder, data[0], to, FLOATS) for _, to in places]
        totals = [cgutils.alloca_once_value(builder, ir.Constant(FLOATS, None)) for _ in places]
        bases = [builder.gep(data[1], [first]) for first, _ in places]
        with cgutils.for_range(builder, taps) as loop:
            offset = builder.load(builder.gep(offset_row, [loop.index]))
            row_at = builder.add(start, builder.mul(loop.index, ir.Constant(INT64, LANES)))
            row = load_row(builder, data[3], row_at, FLOATS)
            for base, total in zip(bases, totals, strict=True):
                factor = spread(builder, builder.load(builder.gep(base, [offset])))
                builder.store(times_add(builder, row, factor, builder.load(total)), total)
        for (_, to), total, held in zip(places, totals, before, strict=True):
            store_row(builder, data[0], to, builder.select(own, builder.load(total), held))
        return context.get_dummy_value()

    size = types.intp
    arguments = (target, source, at, size, weights, size, offsets, size, size, size)
    return types.void(*arguments), codegen


@intrinsic
def learn_tile(
    typingctx: Any, d_weights: Any, start: Any, source: Any, at: Any, first: Any, last: Any, d_target: Any,
    offsets: Any, kind: Any, tap: Any,
) -> Any:  # fmt: skip
    """The transpose of :func:`sum_tile` for eight taps from ``tap`` on, over tiles ``first`` to ``last``.

    ``d_weights[j] += sum(source[a + offsets[kind, j]] * d_target[b : b + 16])`` over all their blocks.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data, offset_row = _operands(context, builder, signature, args, (0, 2, 3, 6, 7))
        start, first, last, tap = args[1], args[4], args[5], args[9]
        numbers = [builder.add(tap, ir.Constant(INT64, j)) for j in range(TILE)]
        shifts = [builder.load(builder.gep(offset_row, [number])) for number in numbers]
        totals = [cgutils.alloca_once_value(builder, ir.Constant(FLOATS, None)) for _ in numbers]
        one = ir.Constant(INT64, 1)
        with cgutils.for_range_slice(builder, first, last, one, INT64, inc=True) as (tile, _):
            for block in range(TILE):
                base, to = _place(builder, data[2], tile, block)
                row, origin = load_row(builder, data[3], to, FLOATS), builder.gep(data[1], [base])
                for shift, total in zip(shifts, totals, strict=True):
                    factor = spread(builder, builder.load(builder.gep(origin, [shift])))
                    builder.store(times_add(builder, row, factor, builder.load(total)), total)
        for number, total in zip(numbers, totals, strict=True):
            to = builder.add(start, builder.mul(number, ir.Constant(INT64, LANES)))
            so_far = load_row(builder, data[0], to, FLOATS)
            store_row(builder, data[0], to, builder.fadd(so_far, builder.load(total)))
        return context.get_dummy_value()

    size = types.intp
    arguments = (d_weights, size, source, at, size, size, d_target, offsets, size, size)
    return types.void(*arguments), codegen


@intrinsic
def step_rows(
    typingctx: Any, sums: Any, bias: Any, u: Any, v: Any, before_reset: Any, spikes: Any, rows: Any,
    kept_u: Any, kept_v: Any, threshold: Any, left: Any, keep: Any, tops: Any,
) -> Any:  # fmt: skip
    """Advance rows of leaky integrate-and-fire neurons by one step, in 32-bit integers.

    Args:
        sums: float32 integers, 16 to a row as everything else.
        bias, u, v: int32 state units; ``u`` and ``v`` are advanced.
        before_reset: float32, written where ``keep``.
        spikes: float32, written.
        kept_u, kept_v: int32, shares of 4096 that a step leaves of current and potential.
        threshold: int32 state units.
        left: int32 mask of the part beyond the threshold that a spike leaves: all of a soft reset's, 0
            of a hard one's.
        tops: int32 of two rows, largest magnitudes of currents and potentials before they were cut.

    Returns:
        How many currents wrapped, potentials were clipped and updates were active, as int32 counts.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = (0, 1, 2, 3, 4, 5, 12)
        sums, bias, u, v, before, spikes, tops = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in arrays
        )
        rows, threshold, keep = args[6], _everywhere(builder, args[9]), args[11]
        mask = _everywhere(builder, args[10])
        shares = [_everywhere(builder, args[i]) for i in (7, 8)]
        zero, lanes = ir.Constant(INTS, None), ir.Constant(INT64, LANES)
        top_at = [ir.Constant(INT64, 0), lanes]
        top = [cgutils.alloca_once_value(builder, load_row(builder, tops, at, INTS)) for at in top_at]
        counted = [cgutils.alloca_once_value(builder, zero) for _ in range(3)]
        with cgutils.for_range(builder, rows) as loop:
            at = builder.mul(loop.index, lanes)
            drive = builder.fptosi(load_row(builder, sums, at, FLOATS), INTS)
            state = builder.add(
                _leave(builder, load_row(builder, u, at, INTS), shares[0]),
                builder.shl(drive, _constant(STATE_SHIFT)),
            )
            _raise(builder, top[0], state)
            above = builder.icmp_signed(">", state, _constant(STATE_HALF_RANGE))
            below = builder.icmp_signed("<=", state, _constant(-STATE_HALF_RANGE))
            turn = _constant(2 * STATE_HALF_RANGE)
            state = builder.select(above, builder.sub(state, turn), state)
            state = builder.select(below, builder.add(state, turn), state)
            _count(builder, counted[0], builder.or_(above, below))
            store_row(builder, u, at, state)
            held, biased = load_row(builder, v, at, INTS), load_row(builder, bias, at, INTS)
            moving = builder.or_(builder.or_(state, held), biased)
            _count(builder, counted[2], builder.icmp_signed("!=", moving, zero))
            state = builder.add(_leave(builder, held, shares[1]), builder.add(state, biased))
            _raise(builder, top[1], state)
            above = builder.icmp_signed(">", state, _constant(POTENTIAL_LIMIT))
            below = builder.icmp_signed("<", state, _constant(-POTENTIAL_LIMIT))
            state = builder.select(above, _constant(POTENTIAL_LIMIT), state)
            state = builder.select(below, _constant(-POTENTIAL_LIMIT), state)
            _count(builder, counted[1], builder.or_(above, below))
            with builder.if_then(builder.icmp_unsigned("!=", keep, ir.Constant(keep.type, 0))):
                store_row(builder, before, at, builder.sitofp(state, FLOATS))
            fired = builder.icmp_signed(">", state, threshold)
            store_row(builder, spikes, at, builder.uitofp(fired, FLOATS))
            left = builder.and_(builder.sub(state, threshold), mask)
            store_row(builder, v, at, builder.select(fired, left, state))
        for at, largest in zip(top_at, top, strict=True):
            store_row(builder, tops, at, builder.load(largest))
        totals = []
        for lanes_of in counted:
            row, total = builder.load(lanes_of), ir.Constant(INT32, 0)
            for lane in range(LANES):
                total = builder.add(total, builder.extract_element(row, ir.Constant(INT32, lane)))
            totals.append(total)
        return cgutils.pack_array(builder, totals)

    number = types.int32
    return types.UniTuple(number, 3)(
        sums,
        bias,
        u,
        v,
        before_reset,
        spikes,
        types.intp,
        number,
        number,
        number,
        number,
        types.boolean,
        tops,
    ), codegen


def _operands(
    context: Any, builder: Any, signature: Any, args: Any, which: tuple[int, ...]
) -> tuple[list[Any], Any]:
    """Data of arrays, the last of which is ``(classes, taps)`` with its class behind it: that row's data."""
    arrays = [context.make_array(signature.args[i])(context, builder, args[i]) for i in which]
    taps = cgutils.unpack_tuple(builder, arrays[-1].shape, 2)[1]
    row = builder.gep(arrays[-1].data, [builder.mul(args[which[-1] + 1], taps)])
    return [array.data for array in arrays[:-1]], row


def _place(builder: Any, at: Any, tile: Any, block: int) -> tuple[Any, Any]:
    """First source and target of a block."""
    start = builder.mul(tile, ir.Constant(INT64, 2 * TILE))
    first, second = (
        builder.load(builder.gep(at, [builder.add(start, ir.Constant(INT64, 2 * block + i))])) for i in (0, 1)
    )
    return first, second


def load_row(builder: Any, data: Any, at: Any, kind: Any) -> Any:
    """The row of type ``kind`` that begins at an item of an array of 32-bit numbers."""
    return builder.load(builder.bitcast(builder.gep(data, [at]), kind.as_pointer()), align=4)


def store_row(builder: Any, data: Any, at: Any, row: Any) -> None:
    """Write a row from an item of an array of 32-bit numbers on."""
    builder.store(row, builder.bitcast(builder.gep(data, [at]), row.type.as_pointer()), align=4)


def times_add(builder: Any, row: Any, factor: Any, total: Any) -> Any:
    """``row * factor + total`` in float32, rounded once or twice as the processor likes."""
    return builder.fadd(total, builder.fmul(row, factor, flags=_FUSED), flags=_FUSED)


def spread(builder: Any, number: Any) -> Any:
    """A row of one float32."""
    return _fill(builder, number, FLOATS)


def _everywhere(builder: Any, number: Any) -> Any:
    """A row of one int32."""
    return _fill(builder, number, INTS)


def _fill(builder: Any, number: Any, kind: Any) -> Any:
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(INT32, 0))
    return builder.shuffle_vector(first, first, ir.Constant(INTS, None))


def _numbered() -> Any:
    return ir.Constant(INTS, list(range(LANES)))


def _constant(number: int) -> Any:
    return ir.Constant(INTS, [number] * LANES)


def _leave(builder: Any, state: Any, kept: Any) -> Any:
    """What a step leaves of states: with ``|s| = 4096 h + l`` it is ``h k + (l k >> 12)``, exactly."""
    size = _magnitude(builder, state)
    bits = _constant(DECAY_UNITY.bit_length() - 1)
    high = builder.mul(builder.lshr(size, bits), kept)
    low = builder.mul(builder.and_(size, _constant(DECAY_UNITY - 1)), kept)
    left = builder.add(high, builder.lshr(low, bits))
    negative = builder.icmp_signed("<", state, ir.Constant(INTS, None))
    return builder.select(negative, builder.neg(left), left)


def _magnitude(builder: Any, state: Any) -> Any:
    negative = builder.icmp_signed("<", state, ir.Constant(INTS, None))
    return builder.select(negative, builder.neg(state), state)


def _raise(builder: Any, top: Any, state: Any) -> None:
    so_far, size = builder.load(top), _magnitude(builder, state)
    builder.store(builder.select(builder.icmp_signed(">", size, so_far), size, so_far), top)


def _count(builder: Any, total: Any, happened: Any) -> None:
    builder.store(builder.sub(builder.load(total), builder.sext(happened, INTS)), total)
