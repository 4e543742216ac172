"""Sigma-delta networks run on the simulator as on Lava, message for message."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.parity.sigma_delta import random_model
from lavarobust.execution import backend
from lavarobust.execution.simulator.sigma_delta_prepared import prepare_sigma_delta
from lavarobust.execution.simulator.sigma_delta_stages import compile_sigma_delta
from lavarobust.netx import Model, read_model
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.record import Stimulus
from netx_models import shipped

FIELDS = ("name", "neurons", "graded_input", "input_events", "synops", "synops_dense", "spikes", "wraps",
          "clips", "biased")  # fmt: skip


def assert_runs_alike(model: Model, stimulus: Stimulus, readout: ReadoutKind) -> None:
    every = [index for index, _ in model.populations]
    ours = backend("simulator").run(model, stimulus, readout, every)
    theirs = backend("lava").run(model, stimulus, readout, every)
    for index, mine, lava in zip(every, ours.layers, theirs.layers, strict=True):
        assert ours.rasters[index].dtype == theirs.rasters[index].dtype == np.int32
        assert np.array_equal(ours.rasters[index], theirs.rasters[index]), mine.name
        for field in FIELDS:
            assert np.array_equal(getattr(mine, field), getattr(lava, field)), f"{mine.name}: {field}"
    for field in ("prediction", "tied", "output_counts", "scores"):
        assert np.array_equal(getattr(ours, field), getattr(theirs, field)), field


# delayed and recurrent layers, encoders and none, inputs and sums that wrap
@pytest.mark.parametrize("seed", [0, 12, 13, 24])
def test_random_networks(seed: int) -> None:
    assert_runs_alike(*random_model(np.random.default_rng(seed)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_more_random_networks(seed: int) -> None:
    assert_runs_alike(*random_model(np.random.default_rng(seed)))


def shipped_frame() -> np.ndarray:
    """``(3, 33, 100)`` int32."""
    frame: np.ndarray = np.load(shipped("gts/pilotnet_sdnn/input.npy"), allow_pickle=False)[..., 0].T
    return frame


def test_pilotnet_on_moving_frames() -> None:
    model = read_model(shipped("gts/pilotnet_sdnn/network.net"))
    frames = np.stack([np.roll(shipped_frame(), -7 * step, axis=-1) for step in range(3)], axis=-1)
    assert_runs_alike(model, Stimulus(frames[None], 3, graded=True), "membrane")


def test_pilotnet_gives_the_shipped_output() -> None:
    """A frame held for 9 steps: the output's first eight come before the frame can reach it."""
    model = read_model(shipped("gts/pilotnet_sdnn/network.net"))
    expected = np.load(shipped("gts/pilotnet_sdnn/output.npy"), allow_pickle=False)[0]
    lead = prepare_sigma_delta(compile_sigma_delta(model), model.input_shape)[-1].lead
    assert lead.messages.reshape(-1).tolist() == expected[:8].tolist()
    record = backend("simulator").run(model, Stimulus(shipped_frame()[None, ..., None], 1), "membrane")
    assert record.scores.tolist() == [[int(expected[8])]]
