"""e to numbers that are not positive, sixteen at a time.

A library's function goes number by number, which took longer than all else of a population's way back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from lavarobust.dynamics.rows import FLOATS, INT64, INTS, LANES, load_row, store_row, times_add

_PER_LN2 = 1 / math.log(2)
_LN2 = 355 / 512
"""Of so few bits that whole multiples of it are exact."""

_LN2_REST = math.log(2) - _LN2
_LEAST = -87.0
"""Below, e to it leaves float32's normal numbers and counts as nothing."""

_TERMS = 7
_BIAS, _MANTISSA_BITS = 127, 23
"""Of float32's exponents."""

_ROUNDER = 1.5 * 2**_MANTISSA_BITS
"""A sum with it is whole, and its last bits are that integer's."""


@intrinsic
def exponentiate(typingctx: Any, numbers: Any) -> Any:
    """Each of float32 ``(K,)``, 0 at most, becomes e to it, right to 1e-7 of itself; below -87, 0.

    With n the nearest integer to x / ln 2 it is 2**n, put together from its bits, times a series in the rest.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        lanes, one = ir.Constant(INT64, LANES), ir.Constant(INT64, 1)
        size = cgutils.unpack_tuple(builder, array.shape, 1)[0]
        whole = builder.sub(size, builder.urem(size, lanes))
        with cgutils.for_range_slice(builder, ir.Constant(INT64, 0), whole, lanes, INT64) as (at, _):
            store_row(builder, array.data, at, _powers(builder, load_row(builder, array.data, at, FLOATS)))
        # the rest as a row too, so that a number has the same power in any place
        room = cgutils.alloca_once(builder, FLOATS.element, LANES)
        store_row(builder, room, ir.Constant(INT64, 0), ir.Constant(FLOATS, None))
        with cgutils.for_range_slice(builder, whole, size, one, INT64) as (at, _):
            value = builder.load(builder.gep(array.data, [at]))
            builder.store(value, builder.gep(room, [builder.sub(at, whole)]))
        row = _powers(builder, load_row(builder, room, ir.Constant(INT64, 0), FLOATS))
        store_row(builder, room, ir.Constant(INT64, 0), row)
        with cgutils.for_range_slice(builder, whole, size, one, INT64) as (at, _):
            value = builder.load(builder.gep(room, [builder.sub(at, whole)]))
            builder.store(value, builder.gep(array.data, [at]))
        return context.get_dummy_value()

    return types.void(numbers), codegen


def _powers(builder: Any, row: Any) -> Any:
    within = builder.fcmp_ordered(">=", row, _constant(_LEAST))
    number = builder.select(within, row, _constant(_LEAST))
    rounded = times_add(builder, number, _constant(_PER_LN2), _constant(_ROUNDER))
    doublings = builder.fsub(rounded, _constant(_ROUNDER))
    rest = times_add(builder, doublings, _constant(-_LN2), number)
    rest = times_add(builder, doublings, _constant(-_LN2_REST), rest)
    series = _constant(1 / math.factorial(_TERMS))
    for term in reversed(range(_TERMS)):
        series = times_add(builder, series, rest, _constant(1 / math.factorial(term)))
    bits = builder.add(builder.bitcast(rounded, INTS), ir.Constant(INTS, [_BIAS] * LANES))
    power = builder.bitcast(builder.shl(bits, ir.Constant(INTS, [_MANTISSA_BITS] * LANES)), FLOATS)
    return builder.select(within, builder.fmul(series, power), ir.Constant(FLOATS, None))


def _constant(number: float) -> Any:
    return ir.Constant(FLOATS, [float(np.float32(number))] * LANES)
