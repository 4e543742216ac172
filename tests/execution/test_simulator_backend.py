"""Networks small enough to follow by hand, and what must not change a result."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from lavarobust.errors import BackendError
from lavarobust.execution.simulator import Simulator, compile_model
from lavarobust.netx.model import READOUT, UNSPECIFIED, Conv, Dense, Flatten, Input, Model, Neuron
from lavarobust.record import LayerCounts, Record, Stimulus


def frames(*samples: list[list[int]]) -> np.ndarray:
    """``(N, n, F)`` from one list of steps per sample, each step a list of inputs."""
    return np.moveaxis(np.array(samples, dtype=np.int32), 1, -1)


def assert_same(one: Record, other: Record) -> None:
    for left, right in zip(one.layers, other.layers, strict=True):
        for field in fields(LayerCounts):
            assert np.array_equal(getattr(left, field.name), getattr(right, field.name)), field.name
    for name in ("prediction", "tied", "output_counts", "potential"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.rasters.keys() == other.rasters.keys()
    for index, raster in one.rasters.items():
        assert np.array_equal(raster, other.rasters[index]), index


def test_two_neurons_by_hand() -> None:
    """v = 4, 8 > 7: spike and reset, 4, ...; the second layer's counter needs two of these spikes."""
    first = Dense(np.array([[4, 0], [0, -4]], dtype=np.int32), Neuron(4096, 0, 7))
    second = Dense(np.array([[6, 2]], dtype=np.int32), Neuron(4096, 0, 11))
    stimulus = Stimulus(frames([[1, 1]] * 6, [[0, 1]] * 6), 6)
    record = Simulator().run(Model((first, second), (2,)), stimulus, keep=(0, 1))
    np.testing.assert_array_equal(record.rasters[0][0], [[0, 1, 0, 1, 0, 1], [0] * 6])
    np.testing.assert_array_equal(record.rasters[1][0], [[0, 0, 0, 1, 0, 0]])
    assert not record.rasters[0][1].any() and not record.rasters[1][1].any()
    layer, output = record.layers
    np.testing.assert_array_equal(layer.input_events, [[2] * 6, [1] * 6])
    np.testing.assert_array_equal(layer.synops, [[2] * 6, [1] * 6])
    np.testing.assert_array_equal(layer.synops_dense, [[4] * 6, [2] * 6])
    np.testing.assert_array_equal(output.input_events, [[0, 1, 0, 1, 0, 1], [0] * 6])
    np.testing.assert_array_equal(record.output_counts, [[1], [0]])
    assert (record.backend, record.steps, record.potential) == ("simulator", 6, None)
    assert layer.neuron_updates == 12


def test_the_threshold_itself_does_not_spike() -> None:
    layer = Dense(np.array([[8], [10]], dtype=np.int32), Neuron(4096, 0, 8))
    record = Simulator().run(Model((layer,), (1,)), Stimulus(frames([[1]]), 1))
    np.testing.assert_array_equal(record.output_counts, [[0, 1]])


def test_leaks_truncate_toward_zero() -> None:
    """v = -64, then trunc(-64 * 4095 / 4096) = -63 where a floor would stay at -64; u = 64, 63 alike."""
    layer = Dense(np.array([[1], [-1]], dtype=np.int32) * 2, Neuron(4096, 1, 131072))
    held = Dense(np.array([[2], [-2]], dtype=np.int32), Neuron(1, 4096, 131072))
    for dense in (layer, held):
        record = Simulator().run(Model((dense,), (1,)), Stimulus(frames([[1]]), 3), "membrane")
        np.testing.assert_array_equal(record.potential, [[126, -126]])


def test_a_dense_layer_without_neuron_group_counts_its_bias_once() -> None:
    """Its current sums the input, its potential is the current plus one bias."""
    layer = Dense(np.array([[2], [4]], dtype=np.int32), UNSPECIFIED, bias=np.array([5, 0], dtype=np.int32))
    record = Simulator().run(Model((layer,), (1,)), Stimulus(frames([[3], [0], [1]]), 4), "membrane")
    np.testing.assert_array_equal(record.potential, [[64 * (2 * 4 + 5), 64 * 4 * 4]])
    np.testing.assert_array_equal(record.prediction, [1])


def test_the_lowest_class_wins_a_tie() -> None:
    layer = Dense(np.array([[2], [4], [4]], dtype=np.int32), READOUT)
    record = Simulator().run(Model((layer,), (1,)), Stimulus(frames([[1]], [[-1]]), 2), "membrane")
    np.testing.assert_array_equal(record.prediction, [1, 0])
    np.testing.assert_array_equal(record.tied, [True, False])


@pytest.mark.parametrize("build", ["conv_model", "recurrent_model"])
def test_chunks_and_company_change_nothing(build, rng, request) -> None:
    model = request.getfixturevalue(build)
    values = rng.integers(-9, 17, (7, *model.input_shape, 5)).astype(np.int32)
    keep = [index for index, _ in model.populations]
    whole = Simulator().run(model, Stimulus(values, 9), "membrane", keep)
    assert_same(whole, Simulator(memory_limit=1).run(model, Stimulus(values, 9), "membrane", keep))
    assert_same(whole, Simulator(memory_limit=40_000).run(model, Stimulus(values, 9), "membrane", keep))
    order = rng.permutation(7)[:5]
    some = Simulator().run(model, Stimulus(values[order], 9, graded=True), "membrane", keep)
    for index in keep:
        np.testing.assert_array_equal(some.rasters[index], whole.rasters[index][order])
    np.testing.assert_array_equal(some.potential, whole.potential[order])
    for left, right in zip(some.layers, whole.layers, strict=True):
        np.testing.assert_array_equal(left.synops, right.synops[order])


def test_the_memory_limit_cuts_into_chunks(conv_model, monkeypatch) -> None:
    from lavarobust.execution.simulator import backend as subject

    sizes = []
    run_chunk = subject.run_chunk

    def recording(layers, stimulus, *others):
        sizes.append(stimulus.samples)
        return run_chunk(layers, stimulus, *others)

    monkeypatch.setattr(subject, "run_chunk", recording)
    stimulus = Stimulus(np.ones((7, 2, 7, 7, 1), dtype=np.int32), 4)
    layers = subject.prepare(compile_model(conv_model), (2, 7, 7))
    each = subject.bytes_per_sample(layers, 1, 4)
    Simulator(memory_limit=3 * each).run(conv_model, stimulus)
    Simulator(memory_limit=0).run(conv_model, stimulus)
    Simulator().run(conv_model, stimulus)
    assert sizes == [3, 3, 1, *[1] * 7, 7]


def test_only_the_rasters_asked_for_are_kept(conv_model) -> None:
    stimulus = Stimulus(np.ones((2, 2, 7, 7, 1), dtype=np.int32), 3)
    assert Simulator().run(conv_model, stimulus).rasters == {}
    rasters = Simulator().run(conv_model, stimulus, keep={4, 1}).rasters
    assert rasters.keys() == {1, 4}
    assert rasters[1].shape == (2, 4, 4, 5, 3) and rasters[1].dtype == np.uint8
    assert rasters[4].shape == (2, 5, 3)


@pytest.mark.parametrize(
    ("values", "steps", "keep", "message"),
    [
        (np.zeros((0, 5, 1), dtype=np.int32), 4, (), "nothing to run"),
        (np.zeros((1, 4, 1), dtype=np.int32), 4, (), r"shape \(4,\), the model takes \(5,\)"),
        (np.zeros((1, 5, 5), dtype=np.int32), 4, (), "5 frames do not fit into 4 steps"),
        (np.zeros((1, 5, 1)), 4, (), "integers"),
        (np.zeros((1, 5, 1), dtype=np.int32), 4, (7,), r"\[7\] hold no neurons to keep; \[0, 1, 2\] do"),
    ],
)
def test_a_stimulus_that_does_not_fit_is_refused(recurrent_model, values, steps, keep, message) -> None:
    with pytest.raises(BackendError, match=message):
        Simulator().run(recurrent_model, Stimulus(values, steps), keep=keep)


def test_a_layer_without_neurons_has_no_raster() -> None:
    weight = np.full((1, 1, 1, 1), 2, dtype=np.int32)
    conv = Conv(weight, Neuron(4096, 0, 1), (1, 2, 2))
    model = Model((Input((1, 2, 2)), conv, Flatten()), (1, 2, 2), name="made")
    stimulus = Stimulus(np.ones((1, 1, 2, 2, 1), dtype=np.int32), 1)
    with pytest.raises(BackendError, match=r"made: layers \[0, 2\] hold no neurons to keep; \[1\] do"):
        Simulator().run(model, stimulus, keep=(0, 1, 2))


def test_sums_beyond_a_convolutions_32_bits_are_refused() -> None:
    conv = Conv(np.full((1, 1, 1, 1), 254, dtype=np.int32), Neuron(4096, 0, 1), (1, 1, 1))
    stimulus = Stimulus(np.full((1, 1, 1, 1, 1), 1 << 24, dtype=np.int32), 1)
    with pytest.raises(BackendError, match=r"0 conv: inputs .*32 bits.*fewer input levels"):
        Simulator().run(Model((conv,), (1, 1, 1)), stimulus)
