from __future__ import annotations

import numpy as np
import pytest

from lavarobust.errors import BackendError
from lavarobust.netx.model import UNSPECIFIED, Conv, Dense, Input, Model, Neuron
from lavarobust.record import Stimulus

pytest.importorskip("lava.magma")
from lavarobust.execution.lava import LavaBackend
from lavarobust.execution.lava.stimulus import message_bits

LAVA = LavaBackend(fast_convolution=False)


def everything(model, stimulus, backend=LAVA):
    return backend.run_with_states(model, stimulus, "membrane", [index for index, _ in model.populations])


@pytest.mark.parametrize("steps, frames", [(1, 1), (6, 6), (7, 3)])
def test_convolutions_with_bias_and_graded_input_stream_exactly(conv_model, rng, agrees, steps, frames):
    stimulus = Stimulus(rng.integers(-9, 17, (5, 2, 7, 7, frames)).astype(np.int32), steps)
    record, states = everything(conv_model, stimulus)
    expected = agrees(conv_model, stimulus, record, states)
    if steps > 1:
        rates = [want.spikes.mean() for want in expected[:-1]]
        assert all(0.005 < rate < 0.95 for rate in rates), rates
    assert [counts.graded_input for counts in record.layers] == [True, False, False, False]
    assert [counts.biased for counts in record.layers] == [40, 0, 3, 2]
    np.testing.assert_array_equal(record.potential, expected[-1].potential)
    np.testing.assert_array_equal(record.prediction, expected[-1].potential.argmax(1))


def test_held_input_wraps_and_clips(rng, agrees):
    """iDecay = 0 holds the image; sums beyond 24 bits wrap, potentials at the limit are clipped."""
    first = Dense(254 * np.sign(rng.standard_normal((9, 40))).astype(np.int32), Neuron(0, 0, 131072))
    second = Dense(2 * rng.integers(-9, 10, (4, 9)).astype(np.int32), UNSPECIFIED)
    model = Model((first, second), (40,), name="wraps")
    stimulus = Stimulus(rng.integers(-300, 301, (6, 40, 2)).astype(np.int32), 9)
    record, states = everything(model, stimulus)
    agrees(model, stimulus, record, states)
    assert record.layers[0].wraps.sum() > 0
    assert record.layers[0].clips.sum() > 0


def test_decay_per_channel(rng, agrees):
    decays = np.array([0, 4096, 100, 2000])
    neuron = Neuron(decays, decays[::-1].copy(), 40)
    model = Model((Dense(2 * rng.integers(-20, 30, (4, 6)).astype(np.int32), neuron),), (6,), name="decays")
    stimulus = Stimulus(rng.integers(0, 2, (3, 6, 8)).astype(np.int32), 8)
    record, states = everything(model, stimulus)
    agrees(model, stimulus, record, states)
    assert not record.layers[0].graded_input


def test_recurrent_and_delayed_layers_start_every_sample_from_rest(recurrent_model, rng, agrees):
    stimulus = Stimulus(rng.integers(0, 2, (4, 5, 12)).astype(np.int32), 12)
    record, states = everything(recurrent_model, stimulus)
    expected = agrees(recurrent_model, stimulus, record, states)
    assert all(0.005 < want.spikes.mean() < 0.95 for want in expected)


def test_a_network_that_never_falls_silent_runs_in_fresh_networks(agrees):
    recurrent = np.array([[0, 0, 40], [40, 0, 0], [-2, 40, 0]], dtype=np.int32)
    ring = Dense(np.array([[60], [0], [0]], dtype=np.int32), Neuron(4096, 0, 20), recurrent_weight=recurrent)
    model = Model((ring,), (1,), name="ring")
    stimulus = Stimulus(np.array([1, 0, 1, 1]).reshape(4, 1, 1).astype(np.int32), 5)
    record, states = everything(model, stimulus)
    agrees(model, stimulus, record, states)
    assert record.layers[0].spikes.sum(1).tolist() == [5, 0, 5, 5]


def test_bias_that_reaches_into_the_sample_is_refused():
    layer = Dense(
        np.array([[60], [-60]], dtype=np.int32),
        Neuron(4096, 0, 20),
        bias=np.array([21, 0], dtype=np.int32),
        recurrent_weight=np.array([[2, -2], [2, 2]], dtype=np.int32),
    )
    with pytest.raises(BackendError, match=r"before the input arrives.*simulator"):
        LAVA.run(Model((layer,), (1,), name="early"), Stimulus(np.ones((1, 1, 1), dtype=np.int32), 3))


def test_input_population_takes_the_image_as_bias(rng, agrees):
    first = Input((2, 3, 4), Neuron(1024, 300, 50), weight=3, bias=-5)
    weight = 2 * rng.integers(-20, 30, (3, 2, 2, 2)).astype(np.int32)
    second = Conv(weight=weight, neuron=Neuron(4096, 100, 60), shape=(3, 2, 3))
    model = Model((first, second), (2, 3, 4), name="input neurons")
    stimulus = Stimulus(rng.integers(0, 40, (3, 2, 3, 4, 1)).astype(np.int32), 6)
    record, states = everything(model, stimulus)
    expected = agrees(model, stimulus, record, states)
    assert all(0.005 < want.spikes.mean() < 0.95 for want in expected)
    with pytest.raises(BackendError, match="one image for the whole window, not 2 frames"):
        LAVA.run(model, Stimulus(np.repeat(stimulus.frames, 2, axis=-1), 6))


def test_slices_and_progress(monkeypatch, rng, agrees):
    monkeypatch.setattr("lavarobust.execution.lava.backend._SLICE_SAMPLES", 2)
    first = Dense(2 * rng.integers(-20, 30, (6, 4)).astype(np.int32), Neuron(2000, 50, 60))
    others = [Dense(2 * rng.integers(-20, 30, (6, 6)).astype(np.int32), first.neuron) for _ in range(4)]
    model = Model((first, *others), (4,), name="deeper than its window")
    stimulus = Stimulus(rng.integers(0, 2, (5, 4, 2)).astype(np.int32), 2)
    finished = []
    backend = LavaBackend(fast_convolution=False, progress=finished.append)
    record, states = everything(model, stimulus, backend)
    agrees(model, stimulus, record, states)
    assert finished == [2, 4, 5]


@pytest.mark.parametrize(
    "values, graded, bits", [([0, 1], None, 0), ([0, 1], True, 2), ([0, -1], False, 2), ([0, 255], None, 9)]
)
def test_only_spikes_of_0_and_1_travel_without_payload(values, graded, bits):
    frames = np.array(values, dtype=np.int32).reshape(1, 2, 1)
    assert message_bits(Stimulus(frames, 1, graded)) == bits


@pytest.mark.parametrize(
    "frames, steps, keep, message",
    [
        (np.zeros((0, 5, 1), dtype=np.int32), 4, (), "empty"),
        (np.zeros((1, 4, 1), dtype=np.int32), 4, (), r"shape \(4,\), the model takes \(5,\)"),
        (np.zeros((1, 5, 5), dtype=np.int32), 4, (), "5 frames do not fit into 4 steps"),
        (np.zeros((1, 5, 1)), 4, (), "integers"),
        (np.zeros((1, 5, 1), dtype=np.int32), 4, (7,), r"\[7\] hold no neurons to keep; \[0, 1, 2\] do"),
    ],
)
def test_a_stimulus_that_does_not_fit_is_refused(recurrent_model, frames, steps, keep, message):
    with pytest.raises(BackendError, match=message):
        LAVA.run(recurrent_model, Stimulus(frames, steps), keep=keep)
