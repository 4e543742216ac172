"""The quantised ANN with a spiking model's weights, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.errors import BackendError
from lavarobust.execution.simulator import Simulator, run_quantised
from lavarobust.execution.simulator.quantised import bits_of
from lavarobust.netx.model import READOUT, Dense, Model, Neuron
from lavarobust.record import Stimulus


def dense(*rows: list[int], neuron: Neuron, **more) -> Dense:
    return Dense(np.array(rows, dtype=np.int32), neuron, **more)


@pytest.mark.parametrize(
    ("steps", "bits"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (15, 4), (16, 5)]
)
def test_bits_tell_as_many_levels_apart_as_a_window_has_counts(steps: int, bits: int) -> None:
    assert bits_of(steps) == bits == int(np.ceil(np.log2(steps + 1)))


def test_activations_are_whole_spikes_of_a_window() -> None:
    """Held at (1, 3): drives of 2, 6 and -4 in each of four steps, in thresholds of 5: 1.6, 4.8 and none."""
    hidden = dense([2, 0], [0, 2], [-4, 0], neuron=Neuron(0, 0, 5))
    model = Model((hidden, dense([2, -2, 0], [0, 2, 2], neuron=READOUT)), (2,))
    images = [Stimulus(np.array([image], dtype=np.int32), 4) for image in ([[1], [3]], [[0], [3]])]
    run = run_quantised(model, images, "membrane")
    assert run.bits == 3
    first, last = run.layers
    assert first.events.tolist() == [2, 1]
    assert first.operations.tolist() == [3, 1] and first.operations_dense.tolist() == [6, 3]
    # one spike and four (at most one in each step); four
    assert first.sent.tolist() == [2, 1] and last.events.tolist() == [2, 1]
    assert last.operations.tolist() == [3, 2] and last.operations_dense.tolist() == [4, 2]
    # 2 * 1 - 2 * 4 against 2 * 4
    assert run.prediction.tolist() == [1, 1]


def test_it_decides_as_the_spiking_network_where_rates_are_whole() -> None:
    rng = np.random.default_rng(3)
    hidden = Dense(2 * rng.integers(0, 2, (6, 5)).astype(np.int32), Neuron(4096, 0, 7, reset="soft"))
    model = Model((hidden, dense(*(2 * rng.integers(-9, 9, (3, 6))).tolist(), neuron=READOUT)), (5,))
    frames = np.repeat(rng.integers(0, 2, (40, 5, 1)), 16, axis=2).astype(np.int32)
    spiking = Simulator().run(model, Stimulus(frames, 16), "membrane")
    quantised = run_quantised(model, [Stimulus(frames, 16)], "membrane")
    assert np.mean(spiking.prediction == quantised.prediction) > 0.8


def test_a_recurrent_network_has_none() -> None:
    recurrent = dense([2], neuron=Neuron(4096, 0, 7), recurrent_weight=np.array([[2]], dtype=np.int32))
    with pytest.raises(BackendError, match="is recurrent and has no analog twin"):
        one = Stimulus(np.ones((1, 1, 1), np.int32), 2)
        run_quantised(Model((recurrent,), (1,)), [one], "spike_count")
