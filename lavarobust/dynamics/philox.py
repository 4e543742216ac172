"""Philox 4x64-10 as a compiled loop: the bits of :func:`lavarobust.draws.random_words` for many samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from lavarobust.dynamics.compiled import compiled, inlined

WORDS_PER_BLOCK = 4
_ROUNDS = 10
_FIRST, _SECOND = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_STEP_0, _STEP_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)


@intrinsic
def _high_product(typingctx: Any, one: Any, other: Any) -> Any:
    """The upper 64 of the 128 bits of a product."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(each, wide) for each in args))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


@compiled
def fill_words(
    seed: np.uint64,
    stream: np.uint64,
    draw: np.uint64,
    indices: np.ndarray,
    words: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Fill ``words[start:stop]``, ``(N, W)`` uint64 with W a multiple of 4, with each sample's words.

    Args:
        seed, stream, draw: as ``random_words`` has them.
        indices: ``(N,)`` uint64 of the samples.
    """
    for n in range(start, stop):
        for first in range(0, words.shape[1], WORDS_PER_BLOCK):
            # numpy counts up before it draws
            block = np.uint64(first // WORDS_PER_BLOCK + 1)
            one, two, three, four = _block(seed, indices[n], block, stream, draw)
            words[n, first] = one
            words[n, first + 1] = two
            words[n, first + 2] = three
            words[n, first + 3] = four


@inlined
def _block(k0: Any, k1: Any, c0: Any, c2: Any, c3: Any) -> Any:
    """Four words of key ``(k0, k1)`` and counter ``(c0, 0, c2, c3)``."""
    c1 = np.uint64(0)
    for _ in range(_ROUNDS):
        high_0, high_2 = _high_product(_FIRST, c0), _high_product(_SECOND, c2)
        c0, c1, c2, c3 = high_2 ^ c1 ^ k0, _SECOND * c2, high_0 ^ c3 ^ k1, _FIRST * c0
        k0 += _STEP_0
        k1 += _STEP_1
    return c0, c1, c2, c3
