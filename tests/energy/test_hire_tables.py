"""HIRE-SNN's Tables 6 and 7 layer by layer at full width, and its two energies of recorded spikes by hand."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from random_networks import random_network

from lavarobust.energy import RULES, ann_operations, load_profile, make_ledger, price
from lavarobust.energy.rules.hire import dense_operations
from lavarobust.execution.simulator import Simulator
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Model, Neuron
from lavarobust.record import LayerCounts, Record, Stimulus
from lavarobust.snn.architecture import ConvSpec, parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.expand import expand
from lavarobust.snn.families import Architecture

LIF = Neuron(current_decay=4096, voltage_decay=0, threshold=10)
K, M = 2**10, 2**20
# k^2 Ho Wo Co Ci of each convolution on CIFAR-10, out in of each dense layer
VGG5 = [27 * 64 * K, 9 * 64 * 128 * 256, 9 * 128 * 128 * 256, 8192 * 4 * K, 16 * M, 40 * K]
VGG11 = [
    27 * 64 * K, 9 * 64 * 128 * 256, 9 * 128 * 256 * 256, 9 * 256 * 512 * 64, 9 * 512 * 512 * 64,
    9 * 512 * 512 * 64, 9 * 512 * 512 * 16, 9 * 512 * 512 * 16, 8192 * 4 * K, 16 * M, 40 * K,
]  # fmt: skip


def shaped(name: str) -> Model:
    """A family as deployed on CIFAR-10, pools in kernels; its weights are views of one kernel or row each."""
    layers: list[Conv | Dense | Flatten] = []
    shape: tuple[int, ...] = (3, 32, 32)
    for node in expand(parse_layers(Architecture(name).layers(32, 10))):
        pool, spec = node.pool, node.spec
        if isinstance(spec, ConvSpec):
            side = shape[1] // pool // spec.stride
            taps = np.arange(spec.kernel**2, dtype=np.int32).reshape(spec.kernel, -1)
            kernel = taps.repeat(pool, 0).repeat(pool, 1)
            weight = np.broadcast_to(kernel, (spec.channels, shape[0], *kernel.shape))
            stride, padding = (spec.stride * pool,) * 2, (spec.padding * pool,) * 2
            shape = (spec.channels, side, side)
            layers.append(Conv(weight, LIF, shape, None, stride, padding))
            continue
        if len(shape) == 3:
            layers.append(Flatten())
            grid = np.arange(prod(shape) // pool**2, dtype=np.int32).reshape(shape[0], shape[1] // pool, -1)
            row = grid.repeat(pool, 1).repeat(pool, 2).reshape(-1)
        else:
            row = np.arange(shape[0], dtype=np.int32)
        shape = (spec.features,)
        layers.append(Dense(np.broadcast_to(row, (spec.features, len(row))), LIF))
    return Model(tuple(layers), input_shape=(3, 32, 32), name=name)


def recorded(model: Model, events: list[int], graded_first: bool) -> Record:
    """One sample of one step, in which each layer received that many events."""
    layers = []
    for position, (shape, arrived) in enumerate(zip(ann_operations(model), events, strict=True)):
        none = np.zeros((1, 1), dtype=np.int64)
        graded = graded_first and position == 0
        counts = (none + arrived, none, none, none, none, none, none)
        layers.append(LayerCounts(shape.layer, shape.neurons, graded, *counts))
    scores = np.zeros((1, 10), dtype=np.int64)
    prediction, tied = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=bool)
    return Record("by hand", model.name, 1, "membrane", prediction, tied, scores, scores, tuple(layers))


@pytest.mark.parametrize(
    ("name", "operations", "millions"), [("vgg5", VGG5, 108.8), ("vgg11-hire", VGG11, 599.5)]
)
def test_the_operations_of_table_6(name: str, operations: list[int], millions: float) -> None:
    model = shaped(name)
    ledger = make_ledger(recorded(model, [0] * len(operations), graded_first=True), model)
    assert [dense_operations(layer) for layer in ledger.layers] == operations
    assert sum(operations) / 1e6 == pytest.approx(millions, abs=0.05)
    # pools make the deployed kernels four times as large; each of the two families has them in front of these
    folded = [layer.layer for layer in ledger.layers if layer.shape.pool == 2]
    assert len(folded) == {"vgg5": 2, "vgg11-hire": 3}[name]


@pytest.mark.parametrize(("name", "operations"), [("vgg5", VGG5), ("vgg11-hire", VGG11)])
def test_the_energies_of_table_7(name: str, operations: list[int]) -> None:
    """Activities of 1/4, 1/2, 3/4, 1, 5/4, ... spikes per neuron: sum over layers of FL_ANN zeta E."""
    model = shaped(name)
    activity = [(place + 1) / 4 for place in range(len(operations))]
    inputs = [shape.inputs for shape in ann_operations(model)]
    events = [int(size * share) for size, share in zip(inputs, activity, strict=True)]
    spikes = [count * share for count, share in zip(operations, activity, strict=True)]

    rate, direct = (recorded(model, events, graded_first) for graded_first in (False, True))
    rows = RULES["hire-eq7"](make_ledger(rate, model))
    assert [row.count.item() for row in rows] == spikes
    rows = RULES["hire-eq8"](make_ledger(direct, model))
    assert [row.count.item() for row in rows] == [operations[0], *spikes[1:]]
    expected = [0.9 * sum(spikes), 0.1 * sum(spikes)]
    assert energies(rate, model, "hire-eq7") == pytest.approx(expected, rel=1e-12)
    first, later = operations[0], sum(spikes[1:])
    expected = [4.6 * first + 0.9 * later, 3.2 * first + 0.1 * later]
    assert energies(direct, model, "hire-eq8") == pytest.approx(expected, rel=1e-12)


def test_a_deployed_network_shows_its_pools() -> None:
    layers = ["conv 4 3", "pool 2", "conv 6 3", "pool 2", "dense 5"]
    model = to_model(random_network(np.random.default_rng(3), layers, "membrane", "direct", 4))
    shapes = ann_operations(model)
    assert [shape.pool for shape in shapes] == [1, 2, 2]
    assert [shape.multiply_accumulates // shape.pool**2 for shape in shapes] == [64 * 72, 96 * 36, 5 * 24]


WEIGHT = np.array([[4, 2], [2, 4]], dtype=np.int32)


def two_layers(current_decay: int, threshold: int) -> Model:
    hidden = Neuron(current_decay=current_decay, voltage_decay=0, threshold=threshold)
    layers = (Dense(WEIGHT, hidden), Dense(np.array([[2, 2]], dtype=np.int32), READOUT))
    return Model(layers, (2,), name="by hand")


def energies(record: Record, model: Model, rule: str) -> list[float]:
    tables = (load_profile(f"horowitz_45nm_{table}") for table in ("fp32", "int32"))
    return [price(record, model, table, rule).total_pj.mean for table in tables]


def test_e_direct_of_recorded_spikes() -> None:
    """Pixels (3, 0), sent once and kept: drives 12 and 6 in each of 4 steps, threshold 20.

    Potentials 12, 24, 12, 24 and 6, 12, 18, 24: three spikes of two neurons, zeta = 3/2. FL_ANN = 4 and 2.
    """
    model = two_layers(current_decay=0, threshold=20)
    stimulus = Stimulus(np.array([[[3], [0]]], dtype=np.int32), 4, graded=True)
    record = Simulator().run(model, stimulus, "membrane")
    assert record.layers[0].spikes.tolist() == [[0, 1, 0, 2]]
    assert energies(record, model, "hire-eq8") == pytest.approx([4 * 4.6 + 3 * 0.9, 4 * 3.2 + 3 * 0.1])
    # executed: the pixel of 0 is not multiplied
    assert energies(record, model, "hire-eq8-executed") == pytest.approx(
        [2 * 4.6 + 3 * 0.9, 2 * 3.2 + 3 * 0.1]
    )


def test_e_direct_of_an_image_sent_in_every_step() -> None:
    """The same drives and spikes, from an image that is multiplied four times over."""
    model = two_layers(current_decay=4096, threshold=20)
    stimulus = Stimulus(np.array([[[3] * 4, [0] * 4]], dtype=np.int32), 4, graded=True)
    record = Simulator().run(model, stimulus, "membrane")
    assert record.layers[0].spikes.tolist() == [[0, 1, 0, 2]]
    assert energies(record, model, "hire-eq8") == pytest.approx([4 * 4.6 + 3 * 0.9, 4 * 3.2 + 3 * 0.1])
    assert energies(record, model, "hire-eq8-executed") == pytest.approx(
        [8 * 4.6 + 3 * 0.9, 8 * 3.2 + 3 * 0.1]
    )


def test_e_rate_of_recorded_spikes() -> None:
    """Spikes at steps 0, 1, 2 and 1: zeta = 2 of two inputs. Drives 4, 6, 4, 0 and 2, 6, 2, 0, threshold 7.

    Potentials 4, 10, 4, 4 and 2, 8, 2, 2: one spike each, zeta = 1. FL_ANN = 4 and 2.
    """
    model = two_layers(current_decay=4096, threshold=7)
    stimulus = Stimulus(np.array([[[1, 1, 1, 0], [0, 1, 0, 0]]], dtype=np.int32), 4)
    record = Simulator().run(model, stimulus, "membrane")
    assert record.layers[0].spikes.tolist() == [[0, 2, 0, 0]]
    assert energies(record, model, "hire-eq7") == pytest.approx([(8 + 2) * 0.9, (8 + 2) * 0.1])
