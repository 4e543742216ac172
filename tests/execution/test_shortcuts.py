"""Shortcuts and graded sums: by hand, on random graphs against the slow execution, and in Lava."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.parity.residual import random_model
from lavarobust.errors import BackendError, PrecisionError
from lavarobust.execution.simulator import Simulator, compile_model, propagate
from lavarobust.netx.model import READOUT, Conv, Dense, GradedSum, Model, Neuron, Shortcut
from lavarobust.record import Stimulus


def dense(*rows: list[int], neuron=READOUT, shortcuts=()) -> Dense:
    return Dense(np.array(rows, dtype=np.int32), neuron, shortcuts=shortcuts)


def path(source: int, *rows: list[int]) -> Shortcut:
    return Shortcut(source, np.array(rows, dtype=np.int32))


def by_hand() -> tuple[Model, Stimulus]:
    """One input, sent as 3, -1, 2 into a sum of 2 x + 0; a spike where it exceeds 2; a join of both.

    Sums: 6, -2, 4; sent with shift 2: (6 + 2) >> 2 = 2, (-2 + 2) >> 2 = 0, (4 + 2) >> 2 = 1. The neuron takes
    -4 times that and leaks nothing: -8, -8, -12; no spike. The readout takes 10 times the spikes and -6
    times what was sent: -12, -12, -18 (times 64).
    """
    layers = (
        dense([2], [-2], neuron=GradedSum(2)),
        dense([-4, 2], neuron=Neuron(4096, 0, 2)),
        dense([10], shortcuts=(path(0, [-6, 2]),)),
    )
    return Model(layers, (1,), name="hand"), Stimulus(np.array([[[3, -1, 2]]], dtype=np.int32), 3)


def test_by_hand() -> None:
    model, stimulus = by_hand()
    record = Simulator().run(model, stimulus, "membrane", keep=[0, 1, 2])
    # the second sum is the first's negative: -6, 2, -4, sent as (-6 + 2) >> 2 = -1, 1, (-4 + 2) >> 2 = -1
    assert record.rasters[0].tolist() == [[[2, 0, 1], [-1, 1, -1]]]
    assert record.rasters[0].dtype == np.int32
    # drives -8 - 2, 0 + 2, -4 - 2: potentials -10, -8, -14
    assert record.rasters[1].tolist() == [[[0, 0, 0]]]
    # -12 - 2, + 0 + 2, -6 - 2
    assert record.potential.tolist() == [[(-14 + 2 - 8) * 64]]
    first, second, third = record.layers
    assert first.spikes.tolist() == [[2, 1, 2]] and first.graded_synops is None
    assert second.graded_input and second.input_events.tolist() == [[2, 1, 2]]
    assert not third.graded_input and third.input_events.tolist() == [[2, 1, 2]]
    assert third.synops.tolist() == third.graded_synops.tolist() == [[2, 1, 2]]


def test_a_join_of_spikes_and_values_counts_both() -> None:
    model, stimulus = by_hand()
    eager = replace(model.layers[1], neuron=Neuron(4096, 0, 1), weight=np.array([[4, 2]], dtype=np.int32))
    model = replace(model, layers=(model.layers[0], eager, model.layers[2]))
    record = Simulator().run(model, stimulus, "membrane")
    # drives 8 - 2 and 2 and 4 - 2, each above 1: a spike, from 0 again
    assert record.layers[1].spikes.tolist() == [[1, 1, 1]]
    assert record.layers[2].synops.tolist() == [[3, 2, 3]]
    assert record.layers[2].graded_synops.tolist() == [[2, 1, 2]]
    assert record.potential.tolist() == [[(30 - 14 + 2 - 8) * 64]]


@given(seed=st.integers(0, 1 << 30))
@settings(max_examples=6, suppress_health_check=list(HealthCheck))
def test_random_graphs_run_as_they_do_slowly(agrees, seed):
    model, stimulus, readout = random_model(np.random.default_rng(seed))
    keep = [index for index, _ in model.populations]
    try:
        record = Simulator().run(model, stimulus, readout, keep)
    except BackendError as error:
        assert "32 bits" in str(error)
        return
    if any(counts.cut_sums.any() for counts in record.layers):
        return  # the slow execution has no 24-bit sums
    frames = torch.from_numpy(np.moveaxis(stimulus.frames, -1, 0).astype(np.float64))
    runs = propagate(compile_model(model), frames, stimulus.steps)
    states = {
        run.stage.index: np.stack([run.trajectory.end.current, run.trajectory.end.potential]) for run in runs
    }
    agrees(model, stimulus, record, states)
    alone = Simulator(memory_limit=1).run(model, stimulus, readout, keep)
    for index in keep:
        assert np.array_equal(alone.rasters[index], record.rasters[index])
    for mine, theirs in zip(record.layers, alone.layers, strict=True):
        assert (mine.graded_synops is None) == (theirs.graded_synops is None)
        assert mine.graded_synops is None or np.array_equal(mine.graded_synops, theirs.graded_synops)


def test_strict_runs_say_which_joined_sum_was_cut() -> None:
    """762 * 254 * 60 through a 24-bit convolution is too much; what the path in front brings is not."""
    shape = (60, 1, 1)
    first = Conv(np.full((60, 1, 1, 1), 254, np.int32), GradedSum(0), shape)
    kernel = np.full((1, 60, 1, 1), 2, dtype=np.int32)
    beside = Shortcut(0, np.full((1, 60, 1, 1), 254, dtype=np.int32))
    join = Conv(kernel, Neuron(4096, 0, 1000), (1, 1, 1), shortcuts=(beside,))
    middle = Conv(np.eye(60, dtype=np.int32)[..., None, None] * 2, Neuron(4096, 0, 131_071), shape)
    model = Model((first, middle, join), (1, 1, 1), name="cut")
    stimulus = Stimulus(np.full((1, 1, 1, 1, 1), 3, dtype=np.int32), 2)
    record = Simulator().run(model, stimulus)
    assert record.layers[2].cut_sums.sum() == 1 and not record.layers[0].cut_sums.any()
    with pytest.raises(PrecisionError, match=r"2 conv: .*sums or inputs lost bits.*step 0"):
        Simulator(strict=True).run(model, stimulus)


def test_gradients_pass_both_paths() -> None:
    """The readout's drive is 2 x through one path and 6 x through the other: logits rise with the pixel."""
    layers = (
        dense([64], neuron=GradedSum(3)),
        dense([2], [-2], neuron=GradedSum(0)),
        dense([2, 0], [0, 2], shortcuts=(path(0, [6], [-6]),)),
    )
    model = Model(layers, (1,), name="paths")
    pixels = torch.full((1, 1, 1, 1), 0.5, dtype=torch.float64, requires_grad=True)
    frames = (pixels * 16).reshape(1, 1, 1).expand(4, 1, 1)
    *_, last = propagate(compile_model(model), frames, 4)
    last.trajectory.end.potential[0, 0].backward()
    # four steps of 64 * (2 * 2 + 6) * 64 / 8 * 16 per pixel unit
    assert float(pixels.grad) == 4 * 64 * (2 * 2 + 6) * 8 * 16
