"""SLAYER's quantised forward, the simulator and Lava agree in all layers of exported networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from exported_networks import NETWORKS, Case, exported_case

from lavarobust.execution import backend
from lavarobust.netx import read_model, write_model
from lavarobust.snn.scalars import NeuronOptions


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(
    ("name", "kind", "readout", "steps"),
    [
        ("dense", "rate", "membrane", 7),
        ("conv", "direct", "membrane", 4),
        ("conv", "repeat", "spike_count", 5),
        ("leaky", "direct", "spike_count", 8),
        ("pooled", "direct", "membrane", 6),
        ("pooled", "rate", "spike_count", 9),
        ("conv", "signed_rate", "membrane", 5),
        ("dense", "signed_rate", "spike_count", 8),
        ("pooled", "frames", "membrane", 6),
        ("leaky", "frames", "spike_count", 7),
        ("pool first", "repeat", "membrane", 3),
        ("without batch norm", "direct", "membrane", 5),
        ("basic blocks", "direct", "membrane", 5),
        ("basic blocks without batch norm", "rate", "spike_count", 6),
        ("wide blocks", "direct", "membrane", 6),
        ("wide blocks from the start", "repeat", "spike_count", 4),
    ],
)
def test_every_layer_of_exported_networks(name, kind, readout, steps, gated, tmp_path) -> None:
    case = exported_case(NETWORKS[name], kind, readout, steps, gated=gated)
    assert_the_same_everywhere(case, tmp_path / "model.net")


@pytest.mark.parametrize(
    ("name", "kind", "readout", "steps", "reset", "leak", "gated"),
    [
        ("conv", "direct", "membrane", 6, "soft", "fixed", False),
        ("pooled", "direct", "membrane", 8, "soft", "trained", False),
        ("dense", "rate", "spike_count", 7, "soft", "trained", True),
        ("without batch norm", "direct", "membrane", 5, "soft", "trained", False),
        ("conv", "repeat", "spike_count", 6, "hard", "trained", False),
        ("basic blocks without batch norm", "direct", "membrane", 5, "soft", "trained", False),
        ("wide blocks from the start", "repeat", "membrane", 5, "soft", "trained", True),
    ],
)
def test_trained_thresholds_and_leaks_with_either_reset(
    name, kind, readout, steps, reset, leak, gated, tmp_path
) -> None:
    options = NeuronOptions(reset, "trained", leak)
    case = exported_case(NETWORKS[name], kind, readout, steps, options, gated)
    assert ("soft reset" in case.model.extensions) == (reset == "soft")
    assert_the_same_everywhere(case, tmp_path / "model.net")


def assert_the_same_everywhere(case: Case, path: Path) -> None:
    """SLAYER, the simulator and Lava, all layers, no difference; the last two from a file."""
    readout = case.simulated.readout
    network, model, ours = case.network, case.model, case.simulated
    with torch.no_grad():
        activity = network.activity(torch.from_numpy(case.images), case.indices)
    for (index, _), trajectory in zip(model.populations, activity.trajectories, strict=True):
        slayer = trajectory.spikes.movedim(0, -1).numpy().astype(ours.rasters[index].dtype)
        assert np.array_equal(slayer, ours.rasters[index]), f"SLAYER and simulator differ in layer {index}"
    write_model(model, path)
    stored = read_model(path)
    theirs = backend("lava").run(stored, case.stimulus, readout, keep=list(ours.rasters))
    for index, raster in ours.rasters.items():
        assert np.array_equal(raster, theirs.rasters[index]), f"simulator and Lava differ in layer {index}"
    assert np.array_equal(ours.prediction, theirs.prediction)
    if readout == "membrane":
        potential = activity.trajectories[-1].end.potential.long().numpy()
        assert np.array_equal(potential, ours.potential) and np.array_equal(potential, theirs.potential)


@pytest.mark.parametrize("threshold", [4095, 4097, 131_071])
def test_wraps_clips_and_large_thresholds_train_as_lava_runs(threshold) -> None:
    """The training forward keeps Lava's integers where stock SLAYER's float comparison fails."""
    from lavarobust.netx.model import Dense, Input, Model, Neuron
    from lavarobust.record import Stimulus
    from lavarobust.snn.neuron import IntegerNeuron

    rng = np.random.default_rng(threshold)
    weight = (2 * rng.integers(-127, 128, (40, 30))).astype(np.int32)
    bias = rng.integers(-4096, 4096, 40).astype(np.int32)
    frames = rng.integers(-200, 201, (4, 30, 12)).astype(np.int32)
    neuron = IntegerNeuron(threshold, 4096, 0)
    sums = torch.einsum("oi,nit->tno", torch.tensor(weight).float(), torch.tensor(frames).float())
    trained = neuron.integrate(sums, 12, torch.tensor(bias).float() * 64)
    model = Model((Input((30,)), Dense(weight, Neuron(4096, 0, threshold), bias)), (30,))
    lava, states = backend("lava").run_with_states(model, Stimulus(frames, 12), keep=[1])
    assert np.array_equal(trained.spikes.movedim(0, -1).numpy().astype(np.uint8), lava.rasters[1])
    assert np.array_equal(trained.end.potential.numpy().astype(np.int64), states[1][1])
    assert np.array_equal(trained.wraps.T.numpy(), lava.layers[0].wraps)
    assert np.array_equal(trained.clips.T.numpy(), lava.layers[0].clips)
    assert lava.layers[0].wraps.sum() > 0 and lava.layers[0].clips.sum() > 0
    assert 0.005 < lava.rasters[1].mean() < 0.95
