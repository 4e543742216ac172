"""Wherever stock ``slayer.block.cuba`` can express a network, stock blocks give the same spikes."""

from __future__ import annotations

import pytest
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.snn.block import ConvBlock, DenseBlock
from lavarobust.snn.neuron import IntegerNeuron
from lavarobust.snn.settings import BlockSettings

slayer = pytest.importorskip("lava.lib.dl.slayer")

SETTINGS = BlockSettings(batch_norm=False, voltage_decay=256)


def _stock_parameters(block) -> dict[str, float]:
    # stock neurons hold weights and thresholds as multiples of 1 / 64
    return {
        "threshold": block.parameters_now().scalars.threshold / 64,
        "current_decay": float(block.neuron.current_decay) / 4096,
        "voltage_decay": float(block.neuron.voltage_decay) / 4096,
    }


@pytest.mark.parametrize("seed", range(3))
def test_conv_conv_dense_network(seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    ours = [
        ConvBlock(2, 6, 3, SETTINGS, generator, stride=1, padding=1),
        ConvBlock(6, 8, 3, SETTINGS, generator, stride=2, padding=0),
        DenseBlock(8 * 3 * 3, 5, SETTINGS, generator),
    ]
    for block in ours:
        block.eval()
    stock = [
        slayer.block.cuba.Conv(_stock_parameters(ours[0]), 2, 6, 3, padding=1, delay_shift=False),
        slayer.block.cuba.Conv(_stock_parameters(ours[1]), 6, 8, 3, stride=2, delay_shift=False),
        slayer.block.cuba.Dense(_stock_parameters(ours[2]), 72, 5, delay_shift=False),
    ]
    x = (torch.rand(4, 2, 8, 8, 12, generator=generator) < 0.3).float()
    theirs = x
    with torch.no_grad():
        for block, reference in zip(ours, stock, strict=True):
            reference.synapse.weight.copy_(block.parameters_now().weight / 64)
            if isinstance(block, DenseBlock):
                x, theirs = x.flatten(1, 3), theirs.flatten(1, 3)
            x, theirs = block(x), reference(theirs)
            assert torch.equal(x, theirs)
            assert 0.005 < x.mean() < 0.95


def test_exported_layers_are_slayer_synapses_and_neurons() -> None:
    generator = torch.Generator().manual_seed(0)
    for block in (ConvBlock(1, 2, 3, SETTINGS, generator), DenseBlock(4, 3, SETTINGS, generator)):
        assert isinstance(block.synapse, (slayer.synapse.Conv, slayer.synapse.Dense))
        assert isinstance(block.neuron, slayer.neuron.cuba.Neuron)
        assert isinstance(block, (slayer.block.base.AbstractConv, slayer.block.base.AbstractDense))


def test_synapse_forward_in_slayers_own_layout_equals_stock() -> None:
    generator = torch.Generator().manual_seed(1)
    block = ConvBlock(3, 4, 3, SETTINGS, generator, stride=2, padding=1)
    x = torch.randint(-3, 4, (2, 3, 9, 9, 5), generator=generator).float()
    stock = slayer.synapse.Conv(3, 4, 3, stride=2, padding=1)
    with torch.no_grad():
        weight = torch.round(block.synapse.weight * 10)
        block.synapse.weight.copy_(weight)
        stock.weight.copy_(weight)
        assert torch.equal(block.synapse(x), stock(x))


@pytest.mark.parametrize("threshold", [4095, 4097, 131071])
def test_neuron_in_slayers_own_layout_keeps_integers_above_4096(threshold) -> None:
    from lavarobust.snn.neuron import IntegerNeuron

    neuron = IntegerNeuron(threshold, 4096, 0, Surrogate())
    below = torch.full((1, 1, 2), 0.0)
    below[..., 0] = threshold
    assert neuron(below).sum() == 0
    assert neuron(below + 1).sum() == 1
    assert neuron.device_params["vThMant"] == threshold


def test_sums_wrap_in_training_as_in_lavas_processes() -> None:
    """A convolution's sums wrap at 24 bits, a dense layer's at 32: beyond float32's exact range."""
    from lavarobust.snn.synapse import FoldedConv, FoldedDense

    conv, dense = FoldedConv(1, 1, 1), FoldedDense(2, 1)
    frames = torch.tensor([16_000_001.0, -16_000_001.0]).view(1, 1, 1, 1, 2)
    weight = torch.tensor(3.0).view(1, 1, 1, 1, 1)
    wrapped = (3 * 16_000_001 + (1 << 23)) % (1 << 24) - (1 << 23)
    assert conv.product(frames, weight).flatten().tolist() == [wrapped, -wrapped]
    vectors = torch.tensor([[[2.0**30, 2.0**30 + 128]]])
    assert dense.product(vectors, torch.ones(1, 2, 1, 1, 1)).tolist() == [[[128 - 2.0**31]]]


@pytest.mark.parametrize("value", [-3.0, 0.0, 0.5, 1.5, 300.49, 300.51, 4095.5, 5000.0])
def test_decays_are_those_that_slayer_reports(value: float) -> None:
    neuron = IntegerNeuron(threshold=10, current_decay=0, voltage_decay=0)
    with torch.no_grad():
        neuron.current_decay.fill_(value)
        neuron.voltage_decay.fill_(4096 - value)
    population = neuron.population
    assert population.current_decay == int(neuron.cx_current_decay)
    assert population.voltage_decay == int(neuron.cx_voltage_decay)
