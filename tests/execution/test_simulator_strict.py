"""A strict run names the layer, step and neuron of the first integer that did not fit."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.errors import PrecisionError
from lavarobust.execution.simulator import Simulator
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Model, Neuron
from lavarobust.record import Stimulus

SILENT = Neuron(4096, 0, 131_072)


def two_layers(layer, shape) -> Model:
    """The layer behind another that passes every spike on, one neuron for each input."""
    size = int(np.prod(shape))
    first = (
        Conv(np.eye(shape[0], dtype=np.int32)[:, :, None, None] * 100, Neuron(4096, 4096, 1), shape)
        if len(shape) == 3
        else Dense(
            np.eye(size, dtype=np.int32) * 100 - 2 * np.eye(size, k=1, dtype=np.int32), Neuron(4096, 4096, 1)
        )
    )
    return Model((first, layer), shape)


def refused(model: Model, frames: np.ndarray, steps: int) -> str:
    stimulus = Stimulus(frames.astype(np.int32), steps)
    record = Simulator().run(model, stimulus)  # not strict: counted
    assert sum(int((layer.cut_sums + layer.wraps + layer.clips).sum()) for layer in record.layers) > 0
    with pytest.raises(PrecisionError) as caught:
        Simulator(strict=True).run(model, stimulus)
    return str(caught.value)


def test_what_fits_passes() -> None:
    model = two_layers(Dense(np.array([[254, -254]], dtype=np.int32), SILENT), (2,))
    stimulus = Stimulus(np.ones((2, 2, 3), dtype=np.int32), 3)
    record = Simulator(strict=True).run(model, stimulus, "membrane")
    np.testing.assert_array_equal(record.potential, Simulator().run(model, stimulus, "membrane").potential)


def test_a_clipped_potential() -> None:
    """254 * 64 a step on neuron 1 passes 2**23 - 1 at the 517th step, 516 counted from 0."""
    layer = Dense(np.array([[-2, 2], [254, 254]], dtype=np.int32), SILENT)
    frames = np.zeros((3, 2, 600))
    frames[2, 0] = 1
    said = refused(two_layers(layer, (2,)), frames, 600)
    assert said.startswith("1 dense: 84 potentials were clipped at their 24 bits")
    assert "the first at step 516 of sample 2, neuron 1." in said


def test_a_wrapped_current() -> None:
    layer = Dense(np.array([[254, -2], [2, 2]], dtype=np.int32), Neuron(0, 4096, 131_072))
    frames = np.zeros((1, 2, 517))
    frames[0, 0] = 1
    assert "1 currents wrapped around their 24 bits; the first at step 516 of sample 0, neuron 0." in refused(
        Model((layer,), (2,)), frames, 517
    )


def test_a_convolutions_sum() -> None:
    kernel = np.full((2, 1, 1, 1), 254, dtype=np.int32)
    kernel[0] = 2
    frames = np.ones((2, 1, 3, 4, 2))
    frames[1, 0, 2, 3, 1] = 40_000
    said = refused(Model((Conv(kernel, SILENT, (2, 3, 4)),), (1, 3, 4)), frames, 2)
    assert "1 synaptic sums or inputs lost bits" in said
    assert "the first at step 1 of sample 1, neuron (channel 1, row 2, column 3)." in said


def test_bits_lost_to_a_shift() -> None:
    """Fitted with the recurrent 3, -4 executes as -224 >> 6."""
    layer = Dense(
        np.array([[-4, -4]], dtype=np.int32), SILENT, recurrent_weight=np.array([[3]], dtype=np.int32)
    )
    record = Simulator().run(Model((layer,), (2,)), Stimulus(np.array([[[0, 1], [0, 0]]], dtype=np.int32), 2))
    assert record.layers[0].cut_sums.tolist() == [[0, 1]]


def test_an_input_beyond_16_bits() -> None:
    model = Model(
        (
            Input((1, 1, 2), Neuron(4096, 4096, 131_071)),
            Flatten(),
            Dense(np.array([[2, -2]], dtype=np.int32), SILENT),
        ),
        (1, 1, 2),
    )
    said = refused(model, np.array([[[[[3], [40_000]]]]]), 4)
    assert "1 synaptic sums or inputs lost bits" in said
    assert "the first at step 0 of sample 0, neuron (channel 0, row 0, column 1)." in said


def test_weights_that_loading_changes() -> None:
    model = Model((Dense(np.array([[300, -300]], dtype=np.int32), SILENT),), (2,))
    with pytest.raises(PrecisionError, match=r"^0 dense: .*changes 2 of 2 weights"):
        Simulator(strict=True).run(model, Stimulus(np.zeros((1, 2, 1), dtype=np.int32), 1))
