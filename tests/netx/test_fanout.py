"""Fan-out against a brute-force walk over outputs and taps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.netx import READOUT, Conv, Dense, conv_output_shape, fan_out, recurrent_fan_out


def walked(layer: Conv, input_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Visit every output and every tap of its kernel, and mark the input that it reads."""
    _, height, width = input_shape
    nonzero, dense = np.zeros(input_shape, np.int64), np.zeros(input_shape, np.int64)
    outputs, per_group, kernel_height, kernel_width = layer.weight.shape
    for output, y, x in np.ndindex(*layer.shape):
        group = output // (outputs // layer.groups)
        for channel, i, j in np.ndindex(per_group, kernel_height, kernel_width):
            row = y * layer.stride[0] - layer.padding[0] + i * layer.dilation[0]
            column = x * layer.stride[1] - layer.padding[1] + j * layer.dilation[1]
            if 0 <= row < height and 0 <= column < width:
                place = (group * per_group + channel, row, column)
                dense[place] += 1
                nonzero[place] += layer.weight[output, channel, i, j] != 0
    return nonzero.ravel(), dense.ravel()


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Conv, tuple[int, int, int]]:
    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    groups = draw(st.integers(1, 2))
    shape = (groups * draw(st.integers(1, 2)), *pair(3, 7))
    kernel = pair(1, 3)
    weight_shape = (groups * draw(st.integers(1, 2)), shape[0] // groups, *kernel)
    size = int(np.prod(weight_shape))
    weight = np.array(draw(st.lists(st.sampled_from([0, 2, -4]), min_size=size, max_size=size)), np.int32)
    layer = Conv(
        weight.reshape(weight_shape),
        READOUT,
        (1, 1, 1),
        stride=pair(1, 3),
        padding=pair(0, 2),
        dilation=pair(1, 2),
        groups=groups,
    )
    made = conv_output_shape(layer, shape)
    layer = Conv(
        layer.weight,
        READOUT,
        made,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=groups,
    )
    return layer, shape


@settings(max_examples=100)
@given(convolutions())
def test_convolution_equals_the_walk(case: tuple[Conv, tuple[int, int, int]]) -> None:
    layer, shape = case
    if min(layer.shape) < 1:
        return
    for counted, expected in zip(fan_out(layer, shape), walked(layer, shape), strict=True):
        assert counted.dtype == np.int64
        np.testing.assert_array_equal(counted, expected)


def test_borders_by_hand() -> None:
    weight = np.full((1, 1, 3, 3), 2, dtype=np.int32)
    weight[0, 0, 1, 1] = 0
    layer = Conv(weight, READOUT, shape=(1, 3, 3), padding=(1, 1))
    nonzero, dense = fan_out(layer, (1, 3, 3))
    assert dense.tolist() == [4, 6, 4, 6, 9, 6, 4, 6, 4]
    assert nonzero.tolist() == [3, 5, 3, 5, 8, 5, 3, 5, 3]


def test_dense_counts_rows_and_recurrence_apart() -> None:
    weight = np.array([[2, 0, -4], [6, 0, 0]], dtype=np.int32)
    layer = Dense(weight, READOUT, recurrent_weight=np.array([[0, 2], [0, -2]], dtype=np.int32))
    nonzero, dense = fan_out(layer, (3,))
    assert nonzero.tolist() == [2, 0, 1]
    assert dense.tolist() == [2, 2, 2]
    nonzero, dense = recurrent_fan_out(layer)
    assert nonzero.tolist() == [0, 2]
    assert dense.tolist() == [2, 2]
    with pytest.raises(ValueError, match="no recurrent weight"):
        recurrent_fan_out(Dense(weight, READOUT))


def test_weights_that_the_loader_drops_do_not_count() -> None:
    layer = Dense(np.array([[256, 2]], dtype=np.int32), READOUT)  # shifted out by the stock loader
    assert fan_out(layer, (2,))[0].tolist() == [0, 0]
