"""Every synapse of small layers against loops over taps, and against the fan-out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.energy.synapse_list import matrix_synapses, synapse_list
from lavarobust.netx.fanout import fan_out
from lavarobust.netx.model import READOUT, Conv, Dense
from lavarobust.netx.shapes import conv_output_shape


def test_a_matrix_by_hand() -> None:
    found = matrix_synapses(np.array([[2, 0, -4], [6, 8, 0]]), 1)
    assert found.source.tolist() == [0, 0, 1, 2]
    assert found.target.tolist() == [0, 1, 1, 0]
    assert found.weight.tolist() == [1, 3, 4, -2]
    assert found.whole and not matrix_synapses(np.array([[3]]), 1).whole


def test_a_dense_layer_is_its_loaded_matrix() -> None:
    layer = Dense(np.array([[2, -4], [0, 6]], dtype=np.int32), READOUT)
    found = synapse_list(layer, (2,))
    assert found.weight.sum() == 4 and len(found.source) == 3
    np.testing.assert_array_equal(np.bincount(found.source, minlength=2), fan_out(layer, (2,))[0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_convolution_is_walked_tap_by_tap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(1, 3))
    shape = (groups * int(rng.integers(1, 3)), int(rng.integers(3, 7)), int(rng.integers(3, 7)))
    weight = rng.integers(-1, 2, (groups * int(rng.integers(1, 3)), shape[0] // groups, 2, 3))
    geometry = [(int(rng.integers(1, 3)), 1), (int(rng.integers(0, 2)), 1), (1, int(rng.integers(1, 2)))]
    layer = Conv(weight.astype(np.int32), READOUT, (1, 1, 1), None, *geometry, groups)
    layer = Conv(weight.astype(np.int32), READOUT, conv_output_shape(layer, shape), None, *geometry, groups)
    expected = []
    for o, y, x in itertools.product(*map(range, layer.shape)):
        for c, i, j in itertools.product(*map(range, weight.shape[1:])):
            channel = o // (len(weight) // groups) * weight.shape[1] + c
            row = y * layer.stride[0] - layer.padding[0] + i * layer.dilation[0]
            column = x * layer.stride[1] - layer.padding[1] + j * layer.dilation[1]
            if weight[o, c, i, j] and 0 <= row < shape[1] and 0 <= column < shape[2]:
                source = np.ravel_multi_index((channel, row, column), shape)
                target = np.ravel_multi_index((o, y, x), layer.shape)
                expected.append((source, target, weight[o, c, i, j]))
    found = synapse_list(layer, shape)
    assert list(zip(found.source, found.target, found.weight, strict=True)) == sorted(expected)


@pytest.mark.parametrize("shape", [(1, 3, 3), (2, 4, 3)])
def test_a_kernel_without_weights_has_no_synapses(shape: tuple[int, ...]) -> None:
    layer = Conv(np.zeros((2, shape[0], 1, 1), dtype=np.int32), READOUT, (2, *shape[1:]))
    assert len(synapse_list(layer, shape).source) == 0
