"""Dense operations of the ANN of the same shape, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.energy import ann_operations
from lavarobust.errors import ModelFileError
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Model, Neuron

LIF = Neuron(current_decay=4096, voltage_decay=0, threshold=10)


def test_every_kind_of_layer() -> None:
    layers = (
        Input(shape=(2, 8, 8), neuron=LIF),
        # a 6x6 kernel at stride 2: a 3x3 kernel with an average pool folded in, counted as it stands
        Conv(np.ones((4, 2, 6, 6), np.int32), LIF, shape=(4, 4, 4), stride=(2, 2), padding=(2, 2)),
        Conv(np.ones((4, 2, 3, 1), np.int32), LIF, shape=(4, 4, 4), padding=(1, 0), groups=2),
        Flatten(),
        Dense(np.ones((5, 64), np.int32), LIF, recurrent_weight=np.ones((5, 5), np.int32)),
        Dense(np.zeros((3, 5), np.int32), LIF),
    )
    shapes = ann_operations(Model(layers, input_shape=(2, 8, 8)))
    assert [shape.layer for shape in shapes] == ["0 input", "1 conv", "2 conv", "4 dense", "5 dense"]
    # 4*4*4 outputs of 2*6*6; 4*4*4 outputs of 2*3*1; 5*64 + 5*5; weights of zero count: 3*5
    assert [shape.multiply_accumulates for shape in shapes] == [0, 64 * 72, 64 * 6, 320 + 25, 15]
    assert [shape.inputs for shape in shapes] == [128, 128, 64, 64, 5]
    assert [shape.neurons for shape in shapes] == [128, 64, 64, 5, 3]
    assert [shape.recurrent for shape in shapes] == [False, False, False, True, False]


def test_pools_in_weights_are_named() -> None:
    kernel = np.arange(2 * 9, dtype=np.int32).reshape(1, 2, 3, 3)
    dense = np.arange(4, dtype=np.int32).reshape(1, 1, 2, 2)
    layers = (
        Conv(kernel.repeat(2, axis=2).repeat(2, axis=3), LIF, (1, 4, 4), stride=(2, 2), padding=(2, 2)),
        Flatten(),
        Dense(dense.repeat(2, axis=2).repeat(2, axis=3).reshape(1, 16), LIF),
        Dense(np.ones((2, 1), np.int32), LIF),
    )
    shapes = ann_operations(Model(layers, input_shape=(2, 8, 8)))
    assert [shape.pool for shape in shapes] == [2, 2, 1]
    assert [shape.multiply_accumulates for shape in shapes] == [16 * 72, 16, 2]


def test_the_first_layers_of_vgg11() -> None:
    # 1.769 M for 3-64 at 32x32 and 18.874 M for 64-128 at 16x16, the usual figures for CIFAR-10
    layers = (
        Conv(np.zeros((64, 3, 3, 3), np.int32), LIF, shape=(64, 32, 32), padding=(1, 1)),
        Conv(np.zeros((128, 64, 3, 3), np.int32), LIF, shape=(128, 16, 16), stride=(2, 2), padding=(1, 1)),
    )
    shapes = ann_operations(Model(layers, input_shape=(3, 32, 32)))
    assert [shape.multiply_accumulates for shape in shapes] == [1_769_472, 18_874_368]


def test_layers_that_do_not_fit_are_refused() -> None:
    layer = Dense(np.ones((2, 5), np.int32), LIF)
    with pytest.raises(ModelFileError, match=r"mine\.net: layer/0"):
        ann_operations(Model((layer,), input_shape=(6,), name="mine.net"))
