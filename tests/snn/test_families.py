"""The papers' architectures: weights, multiply-accumulates and neurons as published, from shapes alone."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import pytest
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.analog import AnalogNetwork
from lavarobust.snn.architecture import ConvSpec, DenseSpec, parse_layers
from lavarobust.snn.expand import NormSpec, expand
from lavarobust.snn.families import ARCHITECTURES, Architecture
from lavarobust.snn.network import SpikingNetwork


def counted(architecture: Architecture, classes: int = 10, shape=(3, 32, 32)) -> tuple[int, int, int, int]:
    """Trained weights, their multiply-accumulates in one pass, hidden neurons, and populations of neurons.

    Biases, batch norms and identities count nothing, nor do sums that are sent as they are.
    """
    weights = operations = neurons = populations = 0
    shapes: list[tuple[int, ...]] = []
    nodes = expand(parse_layers(architecture.layers(min(shape[1:]), classes)))
    for node in nodes:
        made, spec = shapes[-1] if shapes else shape, node.spec
        made = (made[0], *(side // node.pool for side in made[1:]))
        if isinstance(spec, DenseSpec):
            kernel = spec.features * prod(made)
            made = (spec.features,)
        elif isinstance(spec, ConvSpec):
            kernel = spec.channels * made[0] * spec.kernel**2
            sides = ((side + 2 * spec.padding - spec.kernel) // spec.stride + 1 for side in made[1:])
            made = (spec.channels, *sides)
        else:
            kernel = 0
        if node.shortcut is not None:
            source = shapes[node.shortcut.source]
            pooled = tuple(side // node.shortcut.pool for side in source[1:])
            if source[0] != made[0] or pooled != made[1:]:
                kernel += source[0] * made[0]
        weights += kernel
        operations += kernel * prod(made[1:])
        if not node.sends_sum and node is not nodes[-1]:
            neurons += prod(made)
            populations += 1
        shapes.append(made)
    return weights, operations, neurons, populations


@pytest.mark.parametrize(
    ("name", "classes", "weights", "operations", "neurons"),
    [
        ("vgg5", 10, 50.60, 108.8, 139_264),
        ("vgg11-hire", 10, 61.36, 599.5, 286_720),
        ("vgg11-hire", 100, 61.73, 599.9, 286_720),
        ("vgg11", 10, 61.36, 599.5, 286_720),
        ("vgg16", 10, 33.6, 332.1, 284_672),
        ("resnet12", 10, 4.99, 140.2, 258_048),
        ("wrn-16-4", 10, 2.745, 392.6, 475_136),
    ],
)
def test_published_sizes(name, classes, weights, operations, neurons) -> None:
    found = counted(Architecture(name), classes)
    assert found[0] / 1e6 == pytest.approx(weights, abs=0.5 * 10 ** -len(str(weights).split(".")[1]))
    assert found[1] / 1e6 == pytest.approx(operations, abs=0.05)
    assert found[2] == neurons


def test_the_wide_resnet_layer_by_layer() -> None:
    """Its multiply-accumulates by group, and its 13 populations of neurons."""
    first = 9 * 16 * 64 * 1024 + 3 * 9 * 64 * 64 * 1024 + 16 * 64 * 1024
    second = 9 * 64 * 128 * 256 + 3 * 9 * 128 * 128 * 256 + 64 * 128 * 256
    third = 9 * 128 * 256 * 64 + 3 * 9 * 256 * 256 * 64 + 128 * 256 * 64
    _, operations, _, populations = counted(Architecture("wrn-16-4"))
    assert operations == 9 * 3 * 16 * 1024 + first + second + third + 256 * 10
    assert populations == 13
    nodes = expand(parse_layers(Architecture("wrn-16-4").layers(32, 10)))
    assert sum(isinstance(node.spec, NormSpec) for node in nodes) == 3


def test_the_first_vgg_layer_by_layer() -> None:
    assert Architecture("vgg5").layers(32, 10) == (
        "conv 64 no-norm", "pool 2", "conv 128 no-norm drop=0.2", "conv 128 no-norm", "pool 2",
        "dense 4096 no-norm drop=0.2", "dense 4096 no-norm drop=0.2", "dense 10",
    )  # fmt: skip


def test_heads_and_widths() -> None:
    small = Architecture("vgg5", head="small", dropout=0.0)
    assert small.layers(32, 10)[-2:] == ("dense 256 no-norm", "dense 10")
    # 64 * 27 + 128 * 64 * 9 + 128 * 128 * 9 and 8192 * 256 + 256 * 10: 2.1 million of dense layers
    assert counted(small)[0] == 64 * 27 + 128 * 576 + 128 * 1152 + 8192 * 256 + 2560
    assert Architecture("vgg11", head="pooled").layers(32, 10)[-2:] == ("pool 4", "dense 10")
    assert Architecture("vgg16", 0.5, "pooled").layers(32, 10)[-2:] == ("pool 2", "dense 10")
    assert Architecture("resnet12", 0.125, "pooled").layers(32, 5)[-3:] == (
        "block 64 2 no-norm drop=0.2", "pool 2", "dense 5",
    )  # fmt: skip
    assert Architecture("wrn-16-4", 0.25).layers(32, 10) == (
        "conv 4", "wide 16 1", "wide 16", "wide 32 2", "wide 32", "wide 64 2", "wide 64",
        "pool 8", "dense 10",
    )  # fmt: skip
    assert Architecture("vgg11", dropout=0.2).layers(32, 10)[-3] == "dense 4096 no-norm bias drop=0.2"


@pytest.mark.parametrize("head", ["paper", "small", "pooled"])
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_slim_ones_train(name, head) -> None:
    """Of every family a step on images small enough that a pass takes no time: all parameters learn."""
    side = 16 if name == "vgg11" or name == "vgg11-hire" else 32 if name == "vgg16" else 8
    architecture = Architecture(name, 0.125 if name.startswith("small") else 0.05, head)
    network = SpikingNetwork(
        parse_layers(architecture.layers(side, 3)), (1, side, side), 2, Encoding("direct", 16), "membrane",
        Surrogate(), torch.Generator().manual_seed(1),
    )  # fmt: skip
    images = torch.rand(4, 1, side, side, generator=torch.Generator().manual_seed(2))
    analog = AnalogNetwork(network).train()
    torch.nn.functional.cross_entropy(analog(images), torch.tensor([0, 1, 2, 0])).backward()
    assert all(part.grad is not None for part in network.parameters() if part.requires_grad)
    assert network.train()(images).shape == (4, 3)


@pytest.mark.parametrize(
    "change", [{"name": "vgg6"}, {"head": "large"}, {"width": 0.0}, {"width": 17.0}, {"dropout": 1.0}]
)
def test_impossible_ones_are_refused(change) -> None:
    with pytest.raises(SettingsError, match=r"unknown|Give a"):
        replace(Architecture("vgg5"), **change)
