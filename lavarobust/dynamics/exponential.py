"""e to numbers that are not positive, in plain arithmetic that becomes vector instructions.

A library's function goes number by number, which took longer than all else of a population's way back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lavarobust.dynamics.compiled import inlined

_PER_LN2 = np.float32(1 / np.log(2))
_LN2 = np.float32(355 / 512)
"""Of so few bits that whole multiples of it are exact."""

_LN2_REST = np.float32(np.log(2) - np.float64(_LN2))
_LEAST = np.float32(-87)
"""Below, e to it leaves float32's normal numbers and counts as nothing."""

_BIAS, _MANTISSA_BITS = 127, 23
"""Of float32's exponents."""


@intrinsic
def _of_bits(typingctx: Any, bits: Any) -> Any:
    """The float32 that these 32 bits are."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


@inlined
def exponentiate(numbers: Any) -> None:
    """Each of float32 ``(K,)``, 0 at most, becomes e to it, right to 1e-7 of itself; below -87, 0.

    With n the nearest integer to x / ln 2 it is 2**n, put together from its bits, times a series in the rest.
    """
    one, zero = np.float32(1), np.float32(0)
    for k in range(len(numbers)):
        number = max(numbers[k], _LEAST)
        doublings = np.rint(number * _PER_LN2)
        rest = (number - doublings * _LN2) - doublings * _LN2_REST
        series = one + rest * np.float32(1 / 7)
        series = one + rest * series * np.float32(1 / 6)
        series = one + rest * series * np.float32(1 / 5)
        series = one + rest * series * np.float32(1 / 4)
        series = one + rest * series * np.float32(1 / 3)
        series = one + rest * series * np.float32(1 / 2)
        series = one + rest * series
        power = _of_bits((np.int32(doublings) + np.int32(_BIAS)) << np.int32(_MANTISSA_BITS))
        numbers[k] = series * power if numbers[k] >= _LEAST else zero
