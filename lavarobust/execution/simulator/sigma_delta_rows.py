"""One step of a row of sigma-delta neurons in 32-bit integers, for compiled loops.

The arithmetic is :mod:`lavarobust.dynamics.sigma_delta`'s.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lavarobust.execution.simulator.vectors import LANES, Memory, Row
from lavarobust.netx.limits import STATE_EXPONENT

_INT32 = ir.IntType(32)


@intrinsic
def sum_and_send_row(
    typingctx: Any,
    drive: Any,
    total: Any,
    activation: Any,
    residue: Any,
    at: Any,
    bias: Any,
    bias_at: Any,
    threshold: Any,
    valid: Any,
    messages: Any,
    peaks: Any,
) -> Any:
    """Advance the neurons ``at`` to ``at + 32`` by one step; of them the first ``valid`` belong to the line.

    ``drive`` holds 32 synaptic sums, ``total``, ``activation`` and ``residue`` states and ``bias`` state
    units, all int32; activations are not negative. ``messages[:32]`` become what is sent, zero beyond
    ``valid``, and ``peaks[:32]`` the larger of themselves and the messages' magnitudes. Returns two words
    of a bit for each neuron: which sent something, and in which a state wrapped.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        memory = {i: Memory(context, builder, signature.args[i], args[i]) for i in (0, 1, 2, 3, 5, 9, 10)}
        at, bias_at, threshold, valid = (args[i] for i in (4, 6, 7, 8))
        start = ir.Constant(at.type, 0)
        arriving, before, bias = memory[0].load(start), memory[1].load(at), memory[5].load(bias_at)
        after = before + arriving
        biased = after + bias
        zero = biased.of(0)
        active = biased.where(biased > zero, zero)
        difference, kept = active - memory[2].load(at), memory[3].load(at)
        change = difference + kept
        fired = builder.not_(_magnitude(change) < change.filled(threshold))
        message = change.where(fired, zero) >> change.of(STATE_EXPONENT)
        message = message.where(_lanes(message) < message.filled(valid), zero)
        memory[1].store(at, after)
        memory[2].store(at, active)
        memory[3].store(at, zero.where(fired, change))
        memory[9].store(start, message)
        peak, size = memory[10].load(start), _magnitude(message)
        memory[10].store(start, size.where(size > peak, peak))
        wrapped = builder.or_(_beyond(before, arriving, after), _beyond(after, bias, biased))
        wrapped = builder.or_(wrapped, _beyond(difference, kept, change))
        sent = builder.icmp_signed("!=", message.value, zero.value)
        return cgutils.pack_array(builder, [builder.bitcast(mask, _INT32) for mask in (sent, wrapped)])

    place = types.intp
    signature = types.UniTuple(types.uint32, 2)(
        drive, total, activation, residue, place, bias, place, types.int64, place, messages, peaks
    )
    return signature, codegen


@intrinsic
def sum_row(typingctx: Any, drive: Any, total: Any, at: Any) -> Any:
    """``total[at : at + 32] += drive[:32]``; returns a word whose bit i says whether sum i wrapped."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        drive = Memory(context, builder, signature.args[0], args[0])
        total = Memory(context, builder, signature.args[1], args[1])
        at = args[2]
        arriving, before = drive.load(ir.Constant(at.type, 0)), total.load(at)
        after = before + arriving
        total.store(at, after)
        return builder.bitcast(_beyond(before, arriving, after), _INT32)

    return types.uint32(drive, total, types.intp), codegen


def _magnitude(row: Row) -> Row:
    """Of the lowest integer, itself."""
    return (-row).where(row < row.of(0), row)


def _lanes(row: Row) -> Row:
    return Row(row.builder, ir.Constant(row.value.type, list(range(LANES))))


def _beyond(one: Row, other: Row, total: Row) -> Any:
    """Where a sum has a sign that neither summand has."""
    builder = one.builder
    changed = builder.and_(builder.xor(one.value, total.value), builder.xor(other.value, total.value))
    return builder.icmp_signed("<", changed, ir.Constant(changed.type, None))
