"""A slim one of each of the papers' families, trained a little: SLAYER, simulator and Lava are the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lavarobust.dynamics import Surrogate
from lavarobust.encoding import encode
from lavarobust.execution import backend
from lavarobust.execution.simulator import Simulator
from lavarobust.netx import read_model, write_model
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.families import Architecture
from lavarobust.snn.gate import GateOptions
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.scalars import NeuronOptions

SOFT = NeuronOptions(reset="soft", threshold="trained", leak="trained", initial_leak=0.9)
COUNTS = ("input_events", "synops", "synops_dense", "spikes", "wraps", "clips", "graded_synops")


@pytest.mark.parametrize(
    ("architecture", "side", "neuron", "gate"),
    [
        (Architecture("vgg5", 0.0625, "small"), 8, SOFT, None),
        (Architecture("vgg11", 0.02, "small"), 16, NeuronOptions(), None),
        (Architecture("vgg16", 0.02, "small"), 32, NeuronOptions(), None),
        (Architecture("resnet12", 0.0625), 8, SOFT, None),
        (Architecture("wrn-16-4", 0.0625), 8, NeuronOptions(), None),
        (Architecture("small-wide", 0.25), 8, SOFT, GateOptions(seed=5, initial=0.8)),
        (Architecture("small-resnet", 0.25, "pooled"), 8, NeuronOptions(), GateOptions(initial=0.7)),
    ],
    ids=lambda value: value.name if isinstance(value, Architecture) else None,
)
def test_trained_families_are_exact(architecture, side, neuron, gate, tmp_path) -> None:
    network = trained(architecture, side, neuron, gate)
    write_model(to_model(network, "family"), tmp_path / "family.net")
    model = read_model(tmp_path / "family.net")
    keep = [index for index, _ in model.populations]
    images, indices = pictures(3, side, seed=9), np.array([5, 0, 41])
    stimulus = encode(network.encoding, images, network.steps, indices)
    ours = Simulator().run(model, stimulus, "membrane", keep)
    theirs = backend("lava").run(model, stimulus, "membrane", keep)
    with torch.no_grad():
        activity = network.activity(torch.from_numpy(images), indices)
    for index, trajectory in zip(keep, activity.trajectories, strict=True):
        slayer = trajectory.spikes.movedim(0, -1).numpy()
        np.testing.assert_array_equal(slayer, ours.rasters[index], model.layer_name(index))
        np.testing.assert_array_equal(ours.rasters[index], theirs.rasters[index], model.layer_name(index))
    np.testing.assert_array_equal(activity.trajectories[-1].end.potential.numpy(), ours.potential)
    np.testing.assert_array_equal(ours.potential, theirs.potential)
    for mine, lava in zip(ours.layers, theirs.layers, strict=True):
        for name in COUNTS:
            one, other = getattr(mine, name), getattr(lava, name)
            assert (one is None) == (other is None)
            assert one is None or np.array_equal(one, other), f"{mine.name}: {name}"
    # a network in which nothing happens would agree as well
    assert sum(layer.spikes.sum() > 0 for layer in ours.layers) >= len(ours.layers) / 2
    assert "soft" not in neuron.reset or "soft reset" in model.extensions
    assert not architecture.name.startswith("wrn") or "graded sum" in model.extensions


def trained(architecture, side, neuron, gate) -> SpikingNetwork:
    """Ten steps: batch norms, thresholds and leaks that are no longer what they began with."""
    network = SpikingNetwork(
        parse_layers(architecture.layers(side, 4)), (1, side, side), 4, Encoding("direct", 16), "membrane",
        Surrogate(), torch.Generator().manual_seed(3), gate, neuron,
    )  # fmt: skip
    optimiser = torch.optim.Adam([part for part in network.parameters() if part.requires_grad], 0.01)
    images, labels = torch.from_numpy(pictures(16, side, seed=1)), torch.arange(16) % 4
    for draw in range(10):
        optimiser.zero_grad()
        F.cross_entropy(network.train()(images, np.arange(16), draw), labels).backward()
        optimiser.step()
        network.constrain()
    return network.eval()


def pictures(count: int, side: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 1, side, side)).astype(np.float32)
