"""Thresholds and leaks as parameters: the device's integers, their gradients, and what training keeps to."""

from __future__ import annotations

import pytest
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.limits import READOUT_THRESHOLD, THRESHOLD_MAX
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.scalars import NeuronOptions, NeuronScalars

TRAINED = NeuronOptions("soft", "trained", "trained", 0.9)


def made(layers=("conv 4 3 2 no-norm", "dense 6 no-norm", "dense 3"), neuron=TRAINED, **surrogate):
    return SpikingNetwork(
        parse_layers(layers), (1, 6, 6), 4, Encoding("direct", 16), "membrane", Surrogate(**surrogate),
        torch.Generator().manual_seed(0), neuron=neuron,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("threshold", "leak", "scale", "mantissa", "decay"),
    [
        (1.0, 1.0, 100.7, 100, 0),
        (0.5, 0.9, 101.0, 50, 410),  # 0.1 * 4096 = 409.6
        (0.001, 0.0, 10.0, 1, 4096),  # no neuron of threshold 0
        (3.0, 0.5, 131_071.0, THRESHOLD_MAX, 2048),  # nor one that is a readout
    ],
)
def test_the_integers_of_the_device(threshold, leak, scale, mantissa, decay) -> None:
    scalars = NeuronScalars(TRAINED, leak)
    scalars.threshold.data.fill_(threshold)
    device = scalars.on_device(scale)
    assert (device.threshold, device.voltage_decay) == (mantissa, decay)
    assert device.threshold_tensor.item() == mantissa
    assert device.keep_tensor.item() == 1 - decay / 4096
    (device.threshold_tensor + 2 * device.keep_tensor).backward()
    assert scalars.threshold.grad.item() == pytest.approx(scale) and scalars.leak.grad.item() == 2


def test_rounding_a_threshold_down_changes_no_spike_of_a_whole_potential() -> None:
    for real in (100.0, 100.25, 100.999, 101.0):
        whole = NeuronScalars(TRAINED, 1.0).on_device(real).threshold
        assert [v > whole for v in range(98, 104)] == [v > real for v in range(98, 104)]


def test_training_keeps_to_what_neurons_can_have() -> None:
    network = made(neuron=NeuronOptions(threshold="trained", leak="trained", least_threshold=0.03))
    for block, threshold, leak in zip(network.stack, (-1.0, 2.0), (1.5, -0.5), strict=False):
        block.scalars.threshold.data.fill_(threshold)
        block.scalars.leak.data.fill_(leak)
    network.constrain()
    values = [[float(p.detach()) for p in block.scalars.parameters()] for block in network.stack[:2]]
    assert values == [[pytest.approx(0.03), 1.0], [2.0, 0.0]]


def test_fixed_scalars_are_no_trained_parameters() -> None:
    fixed = made(neuron=NeuronOptions("soft", "fixed", "trained"))
    assert [block.scalars.threshold.requires_grad for block in fixed.stack[:2]] == [False, False]
    assert [block.scalars.leak.requires_grad for block in fixed.stack[:2]] == [True, True]
    assert fixed.stack[2].scalars is None, "a membrane readout has neither"


def test_a_layer_s_own_decay_is_where_its_leak_begins() -> None:
    network = made(("conv 4 3 2 decay=1024", "dense 6", "dense 3"))
    assert [float(block.scalars.leak.detach()) for block in network.stack[:2]] == [0.75, pytest.approx(0.9)]


def test_layers_without_norm_and_bias_learn_threshold_and_leak() -> None:
    """Few steps of gradient descent on a loss that only other thresholds and leaks can lower."""
    network = made(scale=0.3)
    scalars = [p for block in network.stack[:2] for p in block.scalars.parameters()]
    optimiser = torch.optim.SGD(scalars, 0.02)
    images = torch.rand(16, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    losses = []
    for _ in range(8):
        optimiser.zero_grad()
        loss = (network.activity(images).trajectories[1].spikes.mean() - 0.5).square()
        loss.backward()
        assert all(p.grad is not None and p.grad.abs() > 0 for p in scalars)
        optimiser.step()
        network.constrain()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_deployed_neurons_have_the_integers_of_the_forward_pass(reset) -> None:
    network = made(neuron=NeuronOptions(reset, "trained", "trained", 0.8))
    for block, threshold in zip(network.stack, (0.4, 1.7), strict=False):
        block.scalars.threshold.data.fill_(threshold)
    model = to_model(network)
    parameters = network.parameters_now()
    for (_, layer), block, used in zip(model.populations, network.stack, parameters, strict=True):
        assert layer.neuron.threshold == used.scalars.threshold
        assert layer.neuron.voltage_decay == used.scalars.voltage_decay
        spiking = block.scalars is not None
        assert layer.neuron.reset == (reset if spiking else "hard")
        if spiking:
            assert layer.neuron.threshold == int(
                float(block.scalars.threshold.detach()) * float(block.frozen_scale)
            )
            assert layer.neuron.voltage_decay == 819
    assert model.populations[-1][1].neuron.threshold == READOUT_THRESHOLD
    assert model.extensions == (("soft reset",) if reset == "soft" else ())


def test_a_frozen_scale_stays_while_threshold_and_leak_train_on() -> None:
    network = made().train()
    network(torch.rand(4, 1, 6, 6))
    network.freeze()
    scale = float(network.stack[0].frozen_scale)
    network.stack[0].scalars.threshold.data.fill_(0.5)
    network.stack[0].scalars.leak.data.fill_(0.25)
    scalars = network.parameters_now()[0].scalars
    assert float(network.stack[0].frozen_scale) == scale
    assert (scalars.threshold, scalars.voltage_decay) == (int(0.5 * scale), 3072)


def test_a_surrogate_whose_width_does_not_grow_with_the_threshold() -> None:
    network = made(width=1.5, relative=False)
    network.stack[0].scalars.threshold.data.fill_(0.5)
    network(torch.rand(1, 1, 6, 6))
    assert network.stack[0].neuron.surrogate.width == 3.0
    assert made(width=1.5).stack[0].neuron.surrogate.width == 1.5


@pytest.mark.parametrize(
    "wrong", [{"initial_leak": 1.1}, {"initial_leak": float("nan")}, {"least_threshold": 0.0}]
)
def test_impossible_options_are_named(wrong) -> None:
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"neuron {name}"):
        NeuronOptions(**wrong)
