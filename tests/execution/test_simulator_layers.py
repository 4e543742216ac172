"""Every kind of layer and input against the slow execution, figure by figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from extended_models import softened

from lavarobust.errors import BackendError
from lavarobust.execution.simulator import Simulator, compile_model, propagate
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input, Model, Neuron
from lavarobust.record import Stimulus


def everything(model, stimulus):
    """The record with all rasters, and each layer's final states."""
    record = Simulator().run(model, stimulus, "membrane", [index for index, _ in model.populations])
    values = torch.from_numpy(np.moveaxis(stimulus.frames, -1, 0).astype(np.float64))
    with torch.no_grad():
        states = {
            run.stage.index: np.stack([run.trajectory.end.current, run.trajectory.end.potential])
            for run in propagate(compile_model(model), values, stimulus.steps)
        }
    return record, states


def telling(expected, low=0.005, high=0.95) -> bool:
    return all(low <= want.spikes.mean() <= high for want in expected)


def even(rng, shape, low=-60, high=60):
    return (2 * rng.integers(low // 2, high // 2 + 1, shape)).astype(np.int32)


@pytest.mark.parametrize("kind", ["binary", "signed", "graded", "held", "late start"])
def test_every_kind_of_input(kind, conv_model, rng, agrees) -> None:
    steps = 7
    shape = (5, 2, 7, 7)
    values = {
        "binary": rng.integers(0, 2, (*shape, steps)),
        "signed": rng.integers(-1, 2, (*shape, steps)),
        "graded": rng.integers(-9, 17, (*shape, 3)),
        "held": rng.integers(0, 17, (*shape, 1)),
        "late start": np.where(np.arange(steps) < 4, 0, rng.integers(0, 9, (*shape, steps))),
    }[kind].astype(np.int32)
    first = conv_model.layers[1]
    threshold = 90 if kind in ("binary", "signed") else 300
    first = replace(first, neuron=Neuron(0 if kind == "held" else 4096, 200, threshold))
    model = replace(conv_model, layers=(conv_model.layers[0], first, *conv_model.layers[2:]))
    record, states = everything(model, Stimulus(values, steps))
    expected = agrees(model, Stimulus(values, steps), record, states)
    soft = softened(model)
    agrees(soft, Stimulus(values, steps), *everything(soft, Stimulus(values, steps)))
    assert telling(expected[:-1])
    assert [counts.graded_input for counts in record.layers] == [kind != "binary", False, False, False]
    assert [counts.biased for counts in record.layers] == [40, 0, 3, 2]
    np.testing.assert_array_equal(record.potential, expected[-1].potential)


def test_zeros_and_ones_can_be_payloads(conv_model, rng) -> None:
    values = rng.integers(0, 2, (2, 2, 7, 7, 1)).astype(np.int32)
    said = Simulator().run(conv_model, Stimulus(values, 3, graded=True))
    asked = Simulator().run(conv_model, Stimulus(values, 3))
    assert (said.layers[0].graded_input, asked.layers[0].graded_input) == (True, False)


def test_delayed_and_recurrent_layers(recurrent_model, rng, agrees) -> None:
    stimulus = Stimulus(rng.integers(0, 2, (4, 5, 12)).astype(np.int32), 12)
    assert telling(agrees(recurrent_model, stimulus, *everything(recurrent_model, stimulus)))


@pytest.mark.parametrize("extent", [(6,), (5,), (6, 5)])
def test_delays_per_output_input_and_synapse(extent, rng, agrees) -> None:
    weight = even(rng, (6, 5), -20)
    delay = rng.integers(0, 4, extent).astype(np.int32)
    layer = Dense(weight, Neuron(1024, 128, 60), delay=delay)
    model = Model((layer, Dense(even(rng, (3, 6)), READOUT)), (5,))
    stimulus = Stimulus(rng.integers(-1, 3, (4, 5, 6)).astype(np.int32), 10)
    record, states = everything(model, stimulus)
    if len(extent) == 1:
        assert agrees(model, stimulus, record, states)[0].spikes.any()
        spread = np.broadcast_to(delay[:, None] if extent == (6,) else delay[None], (6, 5))
        same = Model((replace(layer, delay=spread.copy()), model.layers[1]), (5,))
        other, other_states = everything(same, stimulus)
        np.testing.assert_array_equal(other.rasters[0], record.rasters[0])
        np.testing.assert_array_equal(other_states[0], states[0])
        return
    for source in range(5):  # one synapse at a time, shifted by its own delay
        alone = np.zeros_like(stimulus.frames)
        alone[:, source] = stimulus.frames[:, source]
        listening = Model((replace(layer, neuron=READOUT), model.layers[1]), (5,))
        _, got_states = everything(listening, Stimulus(alone, 10))
        arrived = np.where(np.arange(6) + delay[:, source, None] < 10, weight[:, source, None], 0)
        np.testing.assert_array_equal(got_states[0][1], (alone[:, source] @ arrived.T) << 6)


def test_a_delay_as_long_as_the_window_arrives_never() -> None:
    layer = Dense(np.full((2, 1), 40, dtype=np.int32), Neuron(4096, 0, 20), delay=np.array([2, 3]))
    stimulus = Stimulus(np.ones((1, 1, 1), dtype=np.int32), 3)
    record = Simulator().run(Model((layer,), (1,)), stimulus, keep=(0,))
    np.testing.assert_array_equal(record.rasters[0][0], [[0, 0, 1], [0, 0, 0]])


def test_a_recurrent_spike_returns_one_step_later() -> None:
    """A ring of three: neuron 0 is kicked once and the spike goes round."""
    ring = np.roll(np.eye(3, dtype=np.int32), 1, axis=0) * 40
    ring[0, 1] = -2  # keeps the matrix of mixed sign, as the loader wants it
    layer = Dense(np.array([[60], [0], [0]], dtype=np.int32), Neuron(4096, 0, 20), recurrent_weight=ring)
    record = Simulator().run(
        Model((layer,), (1,)), Stimulus(np.ones((1, 1, 1), dtype=np.int32), 5), keep=(0,)
    )
    np.testing.assert_array_equal(record.rasters[0][0], [[1, 0, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0]])
    # neuron 0 drives neuron 1, neuron 1 drives 2 and 0, neuron 2 drives 0
    np.testing.assert_array_equal(record.layers[0].synops, [[1 + 1, 2, 1, 1, 2]])


def test_decays_per_neuron(rng, agrees) -> None:
    decays = np.array([0, 4096, 100, 2000], dtype=np.int32)
    model = Model((Dense(even(rng, (4, 6), -40, 60), Neuron(decays, decays[::-1].copy(), 40)),), (6,))
    stimulus = Stimulus(rng.integers(0, 3, (3, 6, 8)).astype(np.int32), 8)
    assert telling(agrees(model, stimulus, *everything(model, stimulus)))


def test_decays_per_channel_of_a_convolution(rng) -> None:
    decays = np.array([0, 4096, 100, 2000], dtype=np.int32)
    weight = even(rng, (4, 1, 2, 2), -10)
    stimulus = Stimulus(rng.integers(0, 3, (3, 1, 3, 3, 8)).astype(np.int32), 8)
    whole = Conv(weight, Neuron(decays[::-1].copy(), decays, 60), (4, 2, 2))
    record, _ = everything(Model((whole,), (1, 3, 3)), stimulus)
    for channel in range(4):
        neuron = Neuron(int(decays[3 - channel]), int(decays[channel]), 60)
        alone = Conv(weight[channel : channel + 1], neuron, (1, 2, 2))
        expected, _ = everything(Model((alone,), (1, 3, 3)), stimulus)
        np.testing.assert_array_equal(record.rasters[0][:, channel], expected.rasters[0][:, 0])
        assert 0.005 < expected.rasters[0].mean() < 0.95


def test_dense_first_on_images(rng, agrees) -> None:
    """With and without a flatten layer: the pixels count in (C, H, W) order."""
    dense = Dense(even(rng, (5, 12)), Neuron(4096, 0, 60))
    stimulus = Stimulus(rng.integers(-1, 2, (3, 2, 3, 2, 4)).astype(np.int32), 4)
    bare = Model((Input((2, 3, 2)), dense), (2, 3, 2))
    flattened = Model((Input((2, 3, 2)), Flatten(), dense), (2, 3, 2))
    assert telling(agrees(bare, stimulus, *everything(bare, stimulus)))
    agrees(flattened, stimulus, *everything(flattened, stimulus))


def test_input_population(rng, agrees) -> None:
    first = Input((2, 3, 4), Neuron(1024, 300, 50), weight=3, bias=-5)
    second = Conv(even(rng, (3, 2, 2, 2), -20, 30), Neuron(4096, 100, 60), (3, 2, 3))
    model = Model((first, second), (2, 3, 4), name="input neurons")
    stimulus = Stimulus(rng.integers(0, 40, (3, 2, 3, 4, 1)).astype(np.int32), 6)
    record, states = everything(model, stimulus)
    assert telling(agrees(model, stimulus, record, states))
    assert record.layers[0].synops.sum() == 0 and record.layers[0].input_events.sum() == 0
    with pytest.raises(BackendError, match="one image for the whole window, not 2 frames"):
        Simulator().run(model, Stimulus(np.repeat(stimulus.frames, 2, axis=-1), 6))


@pytest.mark.parametrize("steps", [1, 2])
def test_windows_shorter_than_the_network(steps, rng, agrees) -> None:
    layers = tuple(Dense(even(rng, (6, 6), -20, 40), Neuron(2000, 50, 30)) for _ in range(4))
    model = Model(layers, (6,))
    stimulus = Stimulus(rng.integers(0, 2, (5, 6, steps)).astype(np.int32), steps)
    assert telling(agrees(model, stimulus, *everything(model, stimulus)))
