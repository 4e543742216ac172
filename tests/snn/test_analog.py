from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.draws import Keys
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.analog import AnalogNetwork
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork


def spiking(layers, shape=(1, 4, 4), encoding=None) -> SpikingNetwork:
    encoding = encoding or Encoding("direct", 16)
    generator = torch.Generator().manual_seed(0)
    return SpikingNetwork(parse_layers(layers), shape, 4, encoding, "membrane", Surrogate(), generator)


def test_a_rectified_layer_and_a_linear_readout_by_hand() -> None:
    network = spiking(["dense 2 no-norm", "dense 2"], shape=(1, 1, 2))
    first, last = network.stack
    with torch.no_grad():
        first.synapse.weight.copy_(torch.tensor([[1.0, -2.0], [0.5, 1.0]]).view(first.synapse.weight.shape))
        last.synapse.weight.copy_(torch.tensor([[3.0, 1.0], [-1.0, 2.0]]).view(last.synapse.weight.shape))
        last.offset.copy_(torch.tensor([0.25, -0.5]))
    pixels = torch.tensor([[[[0.5, 0.75]]]])
    # hidden: relu(0.5 - 1.5) = 0 and 0.25 + 0.75 = 1; logits: 1 + 0.25 and 2 - 0.5
    torch.testing.assert_close(AnalogNetwork(network)(pixels), torch.tensor([[1.25, 1.5]]))


def test_it_is_the_network_that_torch_would_build_of_the_same_weights() -> None:
    network = spiking(["conv 3 3", "pool 2", "dense 5"])
    conv, dense = network.stack
    images = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    reference = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3, padding=1, bias=False), torch.nn.BatchNorm2d(3), torch.nn.ReLU(),
        torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 5, bias=False),
    )  # fmt: skip
    with torch.no_grad():
        reference[0].weight.copy_(conv.synapse.weight.squeeze(-1))
        reference[5].weight.copy_(dense.synapse.weight.flatten(1))
    analog = AnalogNetwork(network).train()
    rounded = torch.round(images * 16) / 16
    torch.testing.assert_close(analog(images), reference(rounded), rtol=1e-4, atol=1e-5)
    analog(images).square().sum().backward()
    assert conv.synapse.weight.grad is not None and conv.synapse.weight.grad.any()
    assert conv.running_mean.any()
    conv.forget_statistics()
    assert not conv.running_mean.any() and bool((conv.running_variance == 1).all())


def test_drawn_spikes_are_refused() -> None:
    with pytest.raises(SettingsError, match="trained on pixels, and the encoding 'rate'"):
        AnalogNetwork(spiking(["dense 4"], encoding=Encoding("rate")))


def test_dropout_silences_the_units_that_it_silences_in_the_spiking_network() -> None:
    network = spiking(["conv 2 1 no-norm drop=0.25", "dense 3 no-norm"])
    with torch.no_grad():
        network.stack[0].synapse.weight.fill_(1.0)
        network.stack[1].synapse.weight.copy_(torch.eye(3, 32).view(network.stack[1].synapse.weight.shape))
        network.stack[1].offset.zero_()
    bright, indices = torch.ones(200, 1, 4, 4), np.arange(200)
    analog = AnalogNetwork(network)
    drawn = analog.train()(bright, indices, draw=2).detach()
    # units that are left count for 1 / (1 - 0.25)
    assert drawn.unique().tolist() == pytest.approx([0, 4 / 3])
    assert 0.7 < float((drawn > 0).float().mean()) < 0.8
    kept = network.kept_by_dropout(0, (2, 4, 4), Keys(indices, 2))
    assert torch.equal(drawn > 0, kept.flatten(1)[:, :3])
    assert bool((analog.eval()(bright, indices) == 1).all())
