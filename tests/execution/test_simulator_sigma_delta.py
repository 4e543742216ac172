"""Sigma-delta networks on the simulator: by hand, loops beside the reference, limits and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.parity.sigma_delta import random_model
from lavarobust.attacks import IntegerVictim
from lavarobust.errors import BackendError, ModelFileError, PrecisionError
from lavarobust.execution.simulator import Simulator, sigma_delta_chunk, sigma_delta_trust
from lavarobust.netx import Conv, Dense, Deployment, Encoding, Input, Model, Neuron, SigmaDelta
from lavarobust.record import Record, Stimulus

FIELDS = ("input_events", "synops", "synops_dense", "spikes", "wraps", "clips", "cut_sums")


def every(model: Model) -> list[int]:
    return [index for index, _ in model.populations]


def assert_equal(one: Record, other: Record) -> None:
    assert one.rasters.keys() == other.rasters.keys()
    for index, raster in one.rasters.items():
        assert np.array_equal(raster, other.rasters[index]), index
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        for field in FIELDS:
            assert np.array_equal(getattr(mine, field), getattr(theirs, field)), f"{mine.name} {field}"
    assert np.array_equal(one.output_counts, other.output_counts)
    assert np.array_equal(one.scores, other.scores)


def sequence(*frames: list[int]) -> Stimulus:
    """One sample."""
    return Stimulus(np.array(frames, dtype=np.int32).T[None], len(frames), graded=True)


def test_by_hand_with_a_bias_at_work_before_the_first_frame() -> None:
    model = Model(
        (
            Input((2,), SigmaDelta(2)),
            Dense(np.array([[2, -4], [6, 0]], np.int32), SigmaDelta(0), np.array([0, 1], np.int32)),
            Dense(np.array([[2, 64]], np.int32), SigmaDelta(0, sends_sum=True)),
        ),
        (2,),
    )
    record = Simulator().run(model, sequence([5, 1], [5, 3], [0, 3]), "membrane", keep=[0, 1, 3 - 1])
    # the 1 waits below the threshold of 2 until it is a 3
    assert record.rasters[0][0].tolist() == [[320, 0, -320], [0, 192, 0]]
    # sums 640, 640 - 768, -128 - 640 and 1920, 1920, 0; the bias of 4096 was sent before, as 64
    assert record.rasters[1][0].tolist() == [[10, -10, 0], [30, 0, -30]]
    # 64 * 64 of the bias, then 64 * 30 + 2 * 10 and back
    assert record.rasters[2][0].tolist() == [[4096 + 1940, 4096 + 1920, 4096]]
    assert record.rasters[2].dtype == np.int32
    assert record.potential is not None
    assert record.potential.tolist() == [[4096]]
    assert record.output_counts.tolist() == [[3]]
    first, second, third = record.layers
    assert [first.spikes.tolist(), first.input_events.tolist()] == [[[1, 1, 1]], [[0, 0, 0]]]
    assert second.graded_input
    assert second.input_events.tolist() == [[1, 1, 1]]
    # the second input's weight to the second neuron is zero
    assert [second.synops.tolist(), second.synops_dense.tolist()] == [[[2, 1, 2]], [[2, 2, 2]]]
    assert second.biased == 1
    assert third.synops.tolist() == [[2, 1, 1]]
    assert not any(getattr(layer, kind).any() for layer in record.layers for kind in ("wraps", "cut_sums"))


@pytest.mark.parametrize("seed", range(60))
def test_loops_equal_the_reference(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, stimulus, readout = random_model(np.random.default_rng(seed))
    record = Simulator().run(model, stimulus, readout, every(model))
    monkeypatch.setattr(sigma_delta_chunk, "sigma_delta_is_exact", lambda layer: False)
    assert_equal(record, Simulator().run(model, stimulus, readout, every(model)))


def test_random_networks_reach_every_limit_and_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    by_loop = by_reference = wraps = cuts = 0
    run_prepared, reference = sigma_delta_chunk.run_prepared, sigma_delta_chunk.run_sigma_delta_stage

    def counted(*arguments):  # type: ignore[no-untyped-def]
        nonlocal by_loop
        by_loop += 1
        return run_prepared(*arguments)

    def also_counted(*arguments):  # type: ignore[no-untyped-def]
        nonlocal by_reference
        by_reference += 1
        return reference(*arguments)

    monkeypatch.setattr(sigma_delta_chunk, "run_prepared", counted)
    monkeypatch.setattr(sigma_delta_chunk, "run_sigma_delta_stage", also_counted)
    for seed in range(60):
        model, stimulus, readout = random_model(np.random.default_rng(seed))
        layers = Simulator().run(model, stimulus, readout).layers
        wraps += any(layer.wraps.any() for layer in layers)
        cuts += any(layer.cut_sums.any() for layer in layers)  # type: ignore[union-attr]
    assert min(by_loop, by_reference, wraps, cuts) >= 5


@pytest.mark.parametrize("seed", [0, 6, 19, 23])
def test_chunks_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, stimulus, readout = random_model(rng)
    frames = rng.permutation(np.repeat(stimulus.frames, 12, axis=0), axis=0)
    many = Stimulus(frames, stimulus.steps, graded=True)
    record = Simulator().run(model, many, readout, every(model))
    assert_equal(record, Simulator(memory_limit=1).run(model, many, readout, every(model)))


def test_strict_names_the_neuron() -> None:
    encoder = Input((1, 2, 2), SigmaDelta(0))
    conv = Conv(np.full((2, 1, 2, 2), 1 << 10, np.int32), SigmaDelta(0), (2, 1, 1))
    model = Model((encoder, conv), (1, 2, 2))
    frames = np.zeros((2, 1, 2, 2, 3), dtype=np.int32)
    frames[1, 0, 1, 0, 2] = 1 << 19
    place = r"the first at step 2 of sample 1, neuron \(channel 0, row 1, column 0\)"
    with pytest.raises(PrecisionError, match=f"0 input: 1 synaptic sums or inputs lost bits; {place}"):
        Simulator(strict=True).run(model, Stimulus(frames, 3))
    frames[1, 0, 1, 0, 2] = 1 << 7
    with pytest.raises(
        PrecisionError, match=r"1 conv: 2 synaptic sums .* step 2 of sample 1, neuron \(channel 0"
    ):
        Simulator(strict=True).run(model, Stimulus(frames, 3))
    frames[1, 0, 1, 0, 2] = 1
    assert Simulator(strict=True).run(model, Stimulus(frames, 3)).output_counts.sum() == 2


def test_strict_names_a_state_that_wraps() -> None:
    model = Model((Dense(np.array([[254], [2]], np.int32), SigmaDelta(0)),), (1,))
    frames = np.full((1, 1, 4), 1 << 22, dtype=np.int32)
    with pytest.raises(
        PrecisionError, match=r"states wrapped around their 32 bits; the first at step 2 .*neuron 0"
    ):
        Simulator(strict=True).run(model, Stimulus(frames, 4))


def test_a_convolution_beyond_32_bits_is_refused() -> None:
    conv = Conv(np.full((1, 1, 1, 1), 1 << 12, np.int32), SigmaDelta(0), (1, 1, 1))
    with pytest.raises(BackendError, match=r"0 conv: .*32 bits"):
        Simulator().run(Model((conv,), (1, 1, 1)), Stimulus(np.full((1, 1, 1, 1, 1), 1 << 20, np.int32), 1))


def test_a_wrong_loop_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    sigma_delta_trust._is_exact.cache_clear()
    run_prepared = sigma_delta_trust.run_prepared

    def wrong(*arguments):  # type: ignore[no-untyped-def]
        sent = run_prepared(*arguments)
        sent.messages[-1, -1, -1] += 1
        return sent

    monkeypatch.setattr(sigma_delta_trust, "run_prepared", wrong)
    monkeypatch.setattr(sigma_delta_chunk, "run_prepared", wrong)
    model, stimulus, readout = random_model(np.random.default_rng(3))
    with pytest.warns(RuntimeWarning, match="computes wrong integers"):
        record = Simulator().run(model, stimulus, readout, every(model))
    sigma_delta_trust._is_exact.cache_clear()
    monkeypatch.undo()
    assert_equal(record, Simulator().run(model, stimulus, readout, every(model)))


def test_what_needs_spikes_refuses_by_name() -> None:
    deployment = Deployment(4, Encoding("repeat", 64), "membrane", (1,))
    model = Model((Dense(np.array([[2], [4]], np.int32), SigmaDelta(0)),), (1,), deployment)
    with pytest.raises(BackendError, match="0 dense has sigma-delta neurons"):
        IntegerVictim(model)


def test_neurons_of_two_kinds_are_refused() -> None:
    layers = (
        Dense(np.array([[2], [4]], np.int32), SigmaDelta(0)),
        Dense(np.array([[2, 4]], np.int32), Neuron(4096, 0, 1)),
    )
    with pytest.raises(ModelFileError, match="sigma-delta and LIF"):
        Simulator().run(Model(layers, (1,)), sequence([1]))
