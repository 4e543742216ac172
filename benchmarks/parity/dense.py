"""Random dense networks: recurrence, delays, and every kind of weight that the loader bends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.parity.convolutional import random_frames, with_threshold
from benchmarks.parity.rates import spiking
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import READOUT, Dense, Input, Layer, Model, Neuron, Shape
from lavarobust.record import Stimulus

WEIGHTS = {
    "even": lambda rng, shape: 2 * rng.integers(-127, 128, shape),
    "int8": lambda rng, shape: rng.integers(-128, 128, shape),
    "small": lambda rng, shape: rng.integers(-5, 8, shape),
    "few bits": lambda rng, shape: 16 * rng.integers(-8, 9, shape),
    "too wide": lambda rng, shape: rng.integers(-300, 301, shape),
    "excitatory": lambda rng, shape: rng.integers(0, 256, shape),
    "inhibitory": lambda rng, shape: -2 * rng.integers(0, 129, shape),
    "never zero": lambda rng, shape: -rng.integers(1, 256, shape),
}
"""Kinds of integer weights; all but the first (and a lucky few) execute as other integers than the file's."""


def random_model(rng: np.random.Generator) -> tuple[Model, Stimulus, ReadoutKind]:
    """A network of one to four dense layers, plain, delayed or recurrent.

    Weights of all kinds, biases beyond 13 bits, decays per neuron, windows shorter than the network.
    """
    shape: Shape = (int(rng.integers(3, 15)),) if rng.random() < 0.7 else (2, 3, int(rng.integers(1, 4)))
    steps = int(rng.choice([1, 2, 3, int(rng.integers(4, 12))]))
    samples = int(rng.integers(2, 5))
    kind = str(rng.choice(["binary", "signed", "graded", "held"]))
    frames = random_frames(rng, kind, samples, shape, steps)
    if kind != "held" and rng.random() < 0.3:
        frames = frames[..., : int(rng.integers(1, steps + 1))]
    layers: list[Layer] = [Input(shape)]
    inputs, largest = int(np.prod(shape)), max(1, int(np.abs(frames).max()))
    structures = rng.choice(["plain", "delayed", "recurrent"], int(rng.integers(1, 5))).tolist()
    for position, structure in enumerate(structures):
        signed = position == 0 and kind in ("signed", "graded")
        # spikes that a bias makes before the input arrives must not meet a delay or a recurrence
        may_spike_early = all(later == "plain" for later in structures[position:])
        layer = _random_layer(rng, inputs, structure, signed, may_spike_early)
        layer = with_threshold(rng, layer, largest, held=position == 0 and kind == "held")
        layer = _own_decays(rng, layer)
        layers.append(spiking(layers, layer, shape, Stimulus(frames, steps)))
        inputs, largest = layer.shape[0], 1
    readout: ReadoutKind = "spike_count"
    if rng.random() < 0.4:
        layers.append(Dense(_weight(rng, (4, inputs), "even"), READOUT, _bias(rng, 4, 100.0)))
        readout = "membrane"
    return Model(tuple(layers), shape, name="random"), Stimulus(frames, steps), readout


def _random_layer(
    rng: np.random.Generator, inputs: int, structure: str, signed: bool, may_spike_early: bool
) -> Dense:
    outputs = int(rng.integers(3, 16))
    weight = _weight(rng, (outputs, inputs), str(rng.choice(list(WEIGHTS))))
    if weight.max() <= 0 and not (signed or may_spike_early):
        weight = _weight(rng, (outputs, inputs), "int8")
    reach = float(np.abs(weight).sum() / outputs)
    bias = delay = recurrent = None
    if structure == "recurrent":
        recurrent = _weight(rng, (outputs, outputs), str(rng.choice(list(WEIGHTS))))
    elif structure == "delayed":
        extent = [(outputs,), (inputs,), (outputs, inputs)][int(rng.integers(3))]
        delay = rng.integers(0, int(rng.choice([2, 5, 70])), extent).astype(np.int32)
    if weight.max() <= 0 and not signed:
        bias = rng.integers(0, int(reach) + 2, outputs).astype(np.int32)  # nothing else makes it spike
    elif rng.random() < 0.5:
        bias = _bias(rng, outputs, reach) if may_spike_early else -rng.integers(0, 20, outputs)
    return Dense(weight, Neuron(4096, 0, 1), bias, delay, recurrent)


def _weight(rng: np.random.Generator, shape: Shape, kind: str) -> np.ndarray:
    weight: np.ndarray = WEIGHTS[kind](rng, shape).astype(np.int32)
    weight[rng.random(shape) < rng.choice([0.0, 0.5])] = 0
    if not weight.any():
        weight.flat[0] = -1 if kind in ("inhibitory", "never zero") else 1  # the loader fails on zeros alone
    return weight


def _bias(rng: np.random.Generator, size: int, reach: float) -> np.ndarray:
    """Around what the synapses reach; now and then over 16 bits and more, of which Lava keeps 16."""
    if rng.random() < 0.2:
        return rng.integers(-40_000, 40_001, size).astype(np.int32)
    return rng.normal(0, reach / 8 + 1, size).astype(np.int32)


def _own_decays(rng: np.random.Generator, layer: Dense) -> Dense:
    if rng.random() < 0.7:
        return layer
    current, voltage = rng.choice([0, 4096, 77, 1500, 4000], (2, layer.shape[0])).astype(np.int32)
    return replace(layer, neuron=replace(layer.neuron, current_decay=current, voltage_decay=voltage))
