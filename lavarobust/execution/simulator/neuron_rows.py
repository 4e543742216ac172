"""One step of a row of leaky integrate-and-fire neurons in 32-bit integers, for compiled loops.

The arithmetic is :mod:`lavarobust.dynamics.lif`'s, in the integers that Lava itself computes it in. A
state s keeps ``trunc(s * k / 4096)`` of itself; with ``s = 4096 h + l`` that is ``h k + (l k >> 12)``,
rounded up where s is negative, which never leaves 32 bits.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lavarobust.execution.simulator.vectors import Memory, Row
from lavarobust.netx.limits import (
    CONV_SUM_BITS,
    DECAY_UNITY,
    POTENTIAL_LIMIT,
    STATE_HALF_RANGE,
    STATE_SHIFT,
)

_INT32 = ir.IntType(32)
_DECAY_BITS = DECAY_UNITY.bit_length() - 1


@intrinsic
def read_row(
    typingctx: Any, sums: Any, at: Any, negated: Any, left: Any, right: Any, wrapped: Any, drive: Any
) -> Any:
    """``drive[:32] = sums[at : at + 32] << left >> right``, as Lava's synapses would send them.

    Where ``negated``, the sums' signs are turned first; where ``wrapped``, the result is cut to a
    convolution's 24 bits, sign and all. Returns a word whose bit i says whether sum i lost bits to either.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds, (sums, at, negated, left, right, wrapped, drive) = signature.args, args
        row = Memory(context, builder, kinds[0], sums).load(at, _INT32)
        row = (-row).where(_everywhere(builder, negated), row)
        exact, right = row << row.filled(left), row.filled(right)
        shifted, spare = exact >> right, row.of(32 - CONV_SUM_BITS)
        cut = (shifted << spare >> spare).where(_everywhere(builder, wrapped), shifted)
        Memory(context, builder, kinds[6], drive).store(ir.Constant(at.type, 0), cut)
        changed = builder.icmp_signed("!=", (cut << right).value, exact.value)
        return builder.bitcast(changed, _INT32)

    flags = (types.boolean, types.intp, types.intp, types.boolean)
    return types.uint32(sums, types.intp, *flags, drive), codegen


@intrinsic
def start_row(typingctx: Any, sums: Any, full: Any, low: Any, negated: Any) -> Any:
    """``sums[:32] = -full[low : low + 32]`` where ``negated``, else zeros."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds, (sums, full, low, negated) = signature.args, args
        row = Memory(context, builder, kinds[1], full).load(low)
        row = (-row).where(_everywhere(builder, negated), row.of(0))
        Memory(context, builder, kinds[0], sums).store(ir.Constant(low.type, 0), row)
        return context.get_dummy_value()

    return types.void(sums, full, types.intp, types.boolean), codegen


@intrinsic
def add_row(typingctx: Any, drive: Any, more: Any) -> Any:
    """``drive[:32] += more[:32]``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        drive, more = (
            Memory(context, builder, kind, array) for kind, array in zip(signature.args, args, strict=True)
        )
        start = ir.Constant(ir.IntType(64), 0)
        drive.store(start, drive.load(start) + more.load(start))
        return context.get_dummy_value()

    return types.void(drive, more), codegen


@intrinsic
def step_row(
    typingctx: Any,
    drive: Any,
    u: Any,
    v: Any,
    at: Any,
    bias: Any,
    bias_at: Any,
    kept_u: Any,
    kept_u_at: Any,
    kept_v: Any,
    kept_v_at: Any,
    threshold: Any,
    left: Any,
) -> Any:
    """Advance the neurons ``at`` to ``at + 32`` by one step.

    ``drive`` holds 32 synaptic sums, ``u`` and ``v`` states, ``bias`` state units and ``kept_*`` shares of
    4096 that a step leaves, all int32, from their own places on. ``left`` is a mask of the part beyond the
    threshold that a spike leaves: -1 for a soft reset, 0 for a hard one. Returns four words of a bit for
    each neuron: which spiked, which currents wrapped, which potentials were clipped, and which updates were
    active: those with any of current, potential before them and bias not zero.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        memory = {i: Memory(context, builder, signature.args[i], args[i]) for i in (0, 1, 2, 4, 6, 8)}
        at, bias_at, kept_u_at, kept_v_at, threshold, left = (args[i] for i in (3, 5, 7, 9, 10, 11))
        drive = memory[0].load(ir.Constant(at.type, 0))
        u = _left(memory[1].load(at), memory[6].load(kept_u_at)) + (drive << drive.of(STATE_SHIFT))
        above, below = u > u.of(STATE_HALF_RANGE), u < u.of(1 - STATE_HALF_RANGE)
        turn = u.of(2 * STATE_HALF_RANGE)
        u = (u - turn).where(above, (u + turn).where(below, u))
        before, bias = memory[2].load(at), memory[4].load(bias_at)
        active = builder.icmp_unsigned("!=", (u | before | bias).value, u.of(0).value)
        v = _left(before, memory[8].load(kept_v_at)) + u + bias
        high, low = v.of(POTENTIAL_LIMIT), v.of(-POTENTIAL_LIMIT)
        clipped = builder.or_(v > high, v < low)
        v = high.where(v > high, low.where(v < low, v))
        fired = v > v.filled(threshold)
        memory[1].store(at, u)
        beyond = (v - v.filled(threshold)) & v.filled(left)
        memory[2].store(at, beyond.where(fired, v))
        masks = (fired, builder.or_(above, below), clipped, active)
        words = [builder.bitcast(mask, _INT32) for mask in masks]
        return cgutils.pack_array(builder, words)

    place = types.intp
    signature = types.UniTuple(types.uint32, 4)(
        drive, u, v, place, bias, place, kept_u, place, kept_v, place, types.int64, types.int64
    )
    return signature, codegen


def _left(state: Row, kept: Row) -> Row:
    """What a step leaves of a row of states."""
    bits, below = state.of(_DECAY_BITS), state.of(DECAY_UNITY - 1)
    # rounds up where the state is negative: towards zero
    spare = (state >> state.of(_INT32.width - 1)) & below
    return (state >> bits) * kept + (((state & below) * kept + spare) >> bits)


def _everywhere(builder: Any, flag: Any) -> Any:
    """A scalar flag, as a select of whole rows takes it."""
    return builder.icmp_unsigned("!=", flag, ir.Constant(flag.type, 0))
