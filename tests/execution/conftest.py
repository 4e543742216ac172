"""Small networks, and how a record compares with their slow, obvious execution."""

from __future__ import annotations

import numpy as np
import pytest
from slow_execution import execute_slowly

from lavarobust.netx.model import Conv, Dense, Flatten, Input, Model, Neuron


def even(rng, shape, low=-60, high=60):
    """Even weights of both signs, as an export writes them."""
    return 2 * rng.integers(low // 2, high // 2 + 1, shape).astype(np.int32)


def conv(rng, weight_shape, shape, neuron, bias=None, **geometry) -> Conv:
    return Conv(weight=even(rng, weight_shape), neuron=neuron, shape=shape, bias=bias, **geometry)


def lif(threshold, current_decay=4096, voltage_decay=0) -> Neuron:
    return Neuron(current_decay=current_decay, voltage_decay=voltage_decay, threshold=threshold)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def agrees():
    """Compare a record (and final states) with the slow execution, figure by figure."""

    def compare(model, stimulus, record, states):
        expected = execute_slowly(model, stimulus)
        for (index, layer), counts, want in zip(model.populations, record.layers, expected, strict=True):
            place = f"layer {model.layer_name(index)}"
            raster = np.moveaxis(want.spikes, 1, -1).reshape(-1, *layer.shape, stimulus.steps)
            np.testing.assert_array_equal(record.rasters[index], raster, place)
            np.testing.assert_array_equal(counts.spikes, (want.spikes != 0).sum(-1), place)
            np.testing.assert_array_equal(counts.input_events, want.events, place)
            np.testing.assert_array_equal(counts.synops, want.synops, place)
            np.testing.assert_array_equal(counts.synops_dense, want.synops_dense, place)
            np.testing.assert_array_equal(counts.wraps, want.wraps, place)
            np.testing.assert_array_equal(counts.clips, want.clips, place)
            np.testing.assert_array_equal(counts.active_updates, want.active, place)
            samples = stimulus.samples
            np.testing.assert_array_equal(states[index][0].reshape(samples, -1), want.current, place)
            np.testing.assert_array_equal(states[index][1].reshape(samples, -1), want.potential, place)
        return expected

    return compare


@pytest.fixture
def conv_model(rng):
    """Strided, padded, grouped, dilated convolutions, flatten, dense; biases; a membrane readout."""
    first = conv(
        rng, (4, 2, 3, 3), (4, 4, 5), lif(900, voltage_decay=200), stride=(2, 1), padding=(1, 0),
        bias=np.array([0, 3, -2, 0], dtype=np.int32),
    )  # fmt: skip
    second = conv(
        rng, (4, 2, 3, 2), (4, 2, 3), lif(60, 2048, 64), groups=2, dilation=(1, 2), padding=(0, 0)
    )  # fmt: skip
    dense = Dense(even(rng, (5, 24)), lif(120), bias=np.array([1, 0, 0, 9, -4], dtype=np.int32))
    readout = Dense(even(rng, (3, 5)), lif(131072), bias=np.array([5, 0, -7], dtype=np.int32))
    layers = (Input((2, 7, 7)), first, second, Flatten(), dense, readout)
    return Model(layers, (2, 7, 7), name="conv net")


@pytest.fixture
def recurrent_model(rng):
    """A delayed dense layer and a recurrent one, both able to spike on after the input."""
    delayed = Dense(even(rng, (6, 5), -20), lif(60, 1024, 128), delay=np.array([0, 3, 1, 0, 2, 5]))
    recurrent = Dense(even(rng, (4, 6), -40), lif(50, 2048, 100), recurrent_weight=even(rng, (4, 4)))
    last = Dense(even(rng, (3, 4), -40), lif(50), delay=np.array([2, 0, 1, 1]))
    return Model((delayed, recurrent, last), (5,), name="recurrent net")
