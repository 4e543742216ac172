"""A recipe with soft resets and trained thresholds and leaks, from training to Lava."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_runs import TINY

from lavarobust.data import load
from lavarobust.encoding import encode
from lavarobust.errors import SettingsError
from lavarobust.execution import backend
from lavarobust.experiment.export import export
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.train import load_network, train
from lavarobust.netx import read_model
from lavarobust.training.checkpoint import load_checkpoint

OVERRIDES = (
    *TINY,
    "network.layers=[conv 4 3 2 no-norm, dense 12, dense 10]",
    "network.neuron={reset: soft, threshold: trained, leak: trained, initial_leak: 0.9}",
    "network.surrogate={scale: 0.3}",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "soft"
    train("digits-plain", folder, overrides=OVERRIDES, progress="off")
    export(folder)
    return folder


def test_thresholds_and_leaks_were_trained_and_are_in_the_file(run) -> None:
    tensors = load_checkpoint(run / "network.safetensors").tensors["network"]
    model = read_model(run / "model.net")
    assert model.extensions == ("soft reset",)
    neurons = [layer.neuron for _, layer in model.populations]
    for position, neuron in enumerate(neurons[:2]):
        threshold, leak, scale = (
            float(tensors[f"blocks.{position}.{name}"])
            for name in ("scalars.threshold", "scalars.leak", "frozen_scale")
        )
        assert threshold != 1 and leak != pytest.approx(0.9)
        assert neuron.threshold == int(threshold * scale)
        assert neuron.voltage_decay == round((1 - leak) * 4096)
        assert neuron.reset == "soft"
    assert neurons[2].reset == "hard", "a readout has none"
    assert model.deployment is not None
    real = [float(tensors[f"blocks.{position}.scalars.threshold"]) for position in range(2)]
    assert model.deployment.thresholds == (*real, 1.0)


def test_slayer_simulator_and_lava_execute_the_same(run) -> None:
    model = read_model(run / "model.net")
    assert model.deployment is not None
    part = load("digits", limit=60).test.take(6)
    stimulus = encode(model.deployment.encoding, part.images, model.deployment.steps, np.arange(6))
    keep = [index for index, _ in model.populations]
    ours, theirs = (backend(name).run(model, stimulus, "membrane", keep) for name in ("simulator", "lava"))
    assert all(np.array_equal(ours.rasters[index], theirs.rasters[index]) for index in keep)
    assert np.array_equal(ours.potential, theirs.potential)
    assert all(ours.rasters[index].any() for index in keep[:2])
    with torch.no_grad():
        slayer = load_network(run).activity(torch.from_numpy(part.images), np.arange(6))
    for index, trajectory in zip(keep, slayer.trajectories, strict=True):
        assert np.array_equal(trajectory.spikes.movedim(0, -1).numpy(), ours.rasters[index])
    assert np.array_equal(slayer.trajectories[-1].end.potential.long().numpy(), ours.potential)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("network.neuron={reset: gentle}", "network.neuron.reset"),
        ("network.neuron={threshold: free}", "network.neuron.threshold"),
        ("network.neuron={initial_leak: 1.5}", "network.neuron.initial_leak"),
        ("network.neuron={least_threshold: 0}", "network.neuron.least_threshold"),
        ("network.surrogate={scale: 0}", "network.surrogate.scale"),
    ],
)
def test_impossible_neurons_are_named(override, said) -> None:
    with pytest.raises(SettingsError, match=said):
        load_recipe("digits-plain", [override])
