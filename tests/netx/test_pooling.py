"""Pools in weights: found where they were folded, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.netx.model import Conv, Dense, Neuron
from lavarobust.netx.pooling import folded_pool

LIF = Neuron(current_decay=4096, voltage_decay=0, threshold=10)
KERNEL = np.arange(9, dtype=np.int32).reshape(1, 1, 3, 3)


def conv(kernel: np.ndarray, stride: int, padding: int, dilation: int = 1) -> Conv:
    geometry = ((stride, stride), (padding, padding), (dilation, dilation))
    return Conv(kernel, LIF, (1, 1, 1), None, *geometry)


@pytest.mark.parametrize("pool", [1, 2, 3, 4])
def test_a_pool_in_front_of_a_convolution(pool: int) -> None:
    folded = KERNEL.repeat(pool, axis=2).repeat(pool, axis=3)
    assert folded_pool(conv(folded, pool, pool), (1, 8 * pool, 8 * pool)) == pool
    assert folded_pool(conv(folded, 2 * pool, 0), (1, 8 * pool, 8 * pool)) == pool


def test_what_no_pool_leaves() -> None:
    folded = KERNEL.repeat(2, axis=2).repeat(2, axis=3)
    odd = folded.copy()
    odd[0, 0, 5, 5] += 1
    assert folded_pool(conv(odd, 2, 2), (1, 8, 8)) == 1
    assert folded_pool(conv(folded, 1, 2), (1, 8, 8)) == 1, "a pool moves by its side"
    assert folded_pool(conv(folded, 2, 1), (1, 8, 8)) == 1
    assert folded_pool(conv(folded, 2, 2, dilation=2), (1, 8, 8)) == 1
    only_first = np.concatenate([folded, odd])
    assert folded_pool(conv(only_first, 2, 2), (1, 8, 8)) == 1


def test_a_pool_in_front_of_a_dense_layer() -> None:
    grid = np.arange(2 * 3 * 2 * 2, dtype=np.int32).reshape(2, 3, 2, 2)
    folded = Dense(grid.repeat(2, axis=2).repeat(2, axis=3).reshape(2, -1), LIF)
    assert folded_pool(folded, (3, 4, 4)) == 2
    assert folded_pool(folded, (48,)) == 1
    assert folded_pool(Dense(grid.reshape(2, -1), LIF), (3, 2, 2)) == 1
