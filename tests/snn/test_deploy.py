from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.execution.simulator import Simulator, compile_model
from lavarobust.netx import check_model, read_model, write_model
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input
from lavarobust.record import Stimulus
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import OverflowHappensError, describe, effective_weight_bits, to_model
from lavarobust.snn.network import SpikingNetwork


def make(layers, shape=(2, 8, 8), levels=16, steps=4) -> SpikingNetwork:
    return SpikingNetwork(
        parse_layers(layers),
        shape,
        steps,
        Encoding("direct", levels),
        "membrane",
        Surrogate(),
        torch.Generator().manual_seed(3),
    ).eval()


def described(network, images, **options):
    indices = np.arange(len(images))
    return describe(
        network,
        to_model(network),
        images,
        indices,
        class_names=tuple("0123456789"),
        data="noise",
        recipe={"seed": 0},
        versions={"lavarobust": "0"},
        **options,
    )


def noise(count=20, shape=(2, 8, 8)) -> np.ndarray:
    return np.random.default_rng(0).random((count, *shape)).astype(np.float32)


def test_layers_of_the_deployed_model() -> None:
    model = to_model(make(["conv 4 3", "dense 10"]))
    declared, conv, flatten, dense = model.layers
    assert isinstance(declared, Input) and declared.neuron is None and declared.shape == (2, 8, 8)
    assert isinstance(conv, Conv) and conv.shape == (4, 8, 8) and conv.padding == (1, 1)
    assert conv.neuron.current_decay == 0 and conv.neuron.voltage_decay == 0  # holds the image
    assert isinstance(flatten, Flatten) and isinstance(dense, Dense)
    assert (dense.neuron.current_decay, dense.neuron.threshold) == (4096, READOUT.threshold)
    assert not (conv.weight % 2).any() and np.abs(conv.weight).max() == 254


@pytest.mark.parametrize("layers", [["pool 2", "conv 4 3", "dense 10"], ["conv 4 3", "pool 4", "dense 10"]])
def test_a_pool_becomes_part_of_the_layer_behind_it(layers) -> None:
    network = make(layers)
    model = to_model(network)
    images = noise()
    with torch.no_grad():
        activity = network.activity(torch.from_numpy(images))
    frames = np.round(images * 16).astype(np.int32)[..., None]
    record = Simulator().run(model, Stimulus(frames, 4), "membrane", keep=[1])
    assert np.array_equal(record.rasters[1], activity.trajectories[0].spikes.movedim(0, -1).byte().numpy())
    assert np.array_equal(record.potential, activity.trajectories[-1].end.potential.long().numpy())
    assert 0.005 < record.rasters[1].mean() < 0.95


def test_the_file_holds_everything_that_was_described(tmp_path) -> None:
    model = described(make(["conv 4 3", "dense 10"]), noise())
    write_model(model, tmp_path / "model.net")
    stored = read_model(tmp_path / "model.net")
    assert stored.deployment == model.deployment
    assert [entry.layer for entry in stored.deployment.overflow] == ["1 conv", "3 dense"]
    assert not [finding for finding in check_model(stored) if finding.severity == "error"]


def test_overflow_statement_holds_bound_and_calibration_maximum() -> None:
    model = described(make(["conv 4 3", "dense 10"]), noise())
    assert model.deployment is not None
    for entry in model.deployment.overflow:
        assert entry.current == entry.potential == "cannot overflow"
        assert 0 < entry.current_seen <= entry.current_bound < 1 << 23
        assert 0 < entry.potential_seen <= entry.potential_bound < 1 << 23


def test_overflow_on_calibration_images_is_refused_unless_allowed() -> None:
    network = make(["dense 10"], levels=1000, steps=8)
    with pytest.raises(OverflowHappensError, match=r"\d dense"):
        described(network, np.ones((2, 2, 8, 8), dtype=np.float32))
    model = described(network, np.ones((2, 2, 8, 8), dtype=np.float32), allow_overflow=True)
    assert model.deployment is not None and model.deployment.overflow[-1].potential == "happens"


def test_effective_weight_bits_show_channels_that_lost_some() -> None:
    network = make(["conv 2 3", "dense 10"])
    with torch.no_grad():
        network.stack[0].synapse.weight[1] /= 64
    bits = effective_weight_bits(to_model(network))
    assert bits["1 conv"][0] == 8 and bits["1 conv"][1] <= 3


def test_compiled_stages_are_kept_per_model() -> None:
    model = to_model(make(["dense 10"]))
    assert compile_model(model) is compile_model(model)
