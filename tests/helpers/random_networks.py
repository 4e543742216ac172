"""Random integer networks that use the whole range of every field, and random networks of blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.execution.simulator import Simulator
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input, Layer, Model, Neuron
from lavarobust.record import Record, Stimulus
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork

LOWEST_RATE, HIGHEST_RATE = 0.005, 0.95


def counts_as_a_case(record: Record) -> bool:
    """True where every layer with spikes fires at a rate that could show a difference."""
    for layer in record.layers:
        silent_by_design = layer is record.layers[-1] and record.readout == "membrane"
        rate = layer.spikes.sum() / (layer.neurons * layer.spikes.size)
        if not silent_by_design and not LOWEST_RATE <= rate <= HIGHEST_RATE:
            return False
    return True


def random_model(rng: np.random.Generator) -> tuple[Model, Stimulus, str]:
    """A random feed-forward model, input for it and a readout: full-range weights, biases, thresholds
    and decays, strides, padding, dilation and groups, binary, signed or graded input."""
    channels, side = int(rng.integers(1, 4)), int(rng.integers(5, 9))
    shape: tuple[int, ...] = (channels, side, side)
    layers: list[Layer] = [Input(shape)]
    frames_kind = rng.choice(["binary", "signed", "graded", "held"])
    samples, steps = int(rng.integers(2, 5)), int(rng.integers(2, 9))
    frames = random_frames(rng, frames_kind, samples, shape, steps)
    stimulus = Stimulus(frames, steps)
    largest = int(np.abs(frames).max())
    for position in range(int(rng.integers(1, 3))):
        conv = _random_conv(rng, shape)
        layers.append(with_threshold(rng, conv, largest, held=position == 0 and frames_kind == "held"))
        shape = conv.shape
        largest = 1
    layers.append(Flatten())
    hidden = _random_dense(rng, int(np.prod(shape)), int(rng.integers(4, 20)))
    layers.append(with_threshold(rng, hidden, 1, held=False))
    if rng.random() < 0.5:
        output = _random_dense(rng, hidden.weight.shape[0], 5)
        layers.append(replace(output, neuron=READOUT))
        return Model(tuple(layers), layers[0].shape, name="random"), stimulus, "membrane"
    return Model(tuple(layers), layers[0].shape, name="random"), stimulus, "spike_count"


def random_network(
    rng: np.random.Generator, layers: list[str], readout: str, kind: str, steps: int
) -> SpikingNetwork:
    """A SLAYER network of blocks with random, unequal batch-norm statistics and biases."""
    levels = int(rng.choice([1, 16, 255]))
    mean, std = ((0.3, 0.5), (0.2, 0.4)) if kind != "rate" and rng.random() < 0.5 else ((), ())
    network = SpikingNetwork(
        parse_layers(layers),
        (2, 8, 8),
        steps,
        Encoding(kind, levels, mean, std, seed=int(rng.integers(100))),
        readout,
        Surrogate(),
        torch.Generator().manual_seed(int(rng.integers(2**31))),
    )
    with torch.no_grad():
        for block in network.blocks:
            outputs = len(block.running_mean)
            block.running_mean.copy_(torch.from_numpy(rng.normal(0, 0.2, outputs)))
            block.running_variance.copy_(torch.from_numpy(rng.uniform(0.2, 1.5, outputs)))
            if block.offset is not None:
                block.offset.copy_(torch.from_numpy(rng.normal(0.1, 0.3, outputs)))
    return network.eval()


def random_frames(
    rng: np.random.Generator, kind: str, samples: int, shape: tuple[int, ...], steps: int
) -> np.ndarray:
    if kind == "binary":
        values = rng.random((samples, *shape, steps)) < rng.uniform(0.1, 0.6)
    elif kind == "signed":
        values = rng.integers(-1, 2, (samples, *shape, steps))
    elif kind == "graded":
        values = rng.integers(-255, 256, (samples, *shape, steps))
    else:
        values = rng.integers(0, 256, (samples, *shape, 1))
    return values.astype(np.int32)


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    weight = 2 * rng.integers(-127, 128, shape)
    weight[rng.random(shape) < rng.choice([0.0, 0.5])] = 0
    weight.flat[:2] = [-254, 254]
    return weight.astype(np.int32)


def _bias(rng: np.random.Generator, size: int, reach: float) -> np.ndarray | None:
    if rng.random() < 0.4:
        return None
    return (
        rng.integers(-4096, 4096, size).astype(np.int32)
        if rng.random() < 0.3
        else (np.clip(rng.normal(0, reach / 4, size), -4096, 4095).astype(np.int32))
    )


def _random_conv(rng: np.random.Generator, shape: tuple[int, ...]) -> Conv:
    groups = int(rng.choice([1, shape[0]]))
    kernel = tuple(int(min(k, side)) for k, side in zip(rng.integers(1, 4, 2), shape[1:], strict=True))
    stride = tuple(int(s) for s in rng.integers(1, 3, 2))
    padding = tuple(int(p) for p in rng.integers(0, 2, 2))
    dilation = tuple(
        int(d) if d * (k - 1) < side else 1
        for d, k, side in zip(rng.integers(1, 3, 2), kernel, shape[1:], strict=True)
    )
    out = groups * int(rng.integers(1, 4))
    size = tuple(
        (side + 2 * p - d * (k - 1) - 1) // s + 1
        for side, k, s, p, d in zip(shape[1:], kernel, stride, padding, dilation, strict=True)
    )
    weight = _weights(rng, (out, shape[0] // groups, *kernel))
    bias = _bias(rng, out, float(np.abs(weight).sum() / out))
    return Conv(weight, Neuron(4096, 0, 1), (out, *size), bias, stride, padding, dilation, groups)


def _random_dense(rng: np.random.Generator, inputs: int, outputs: int) -> Dense:
    weight = _weights(rng, (outputs, inputs))
    return Dense(weight, Neuron(4096, 0, 1), _bias(rng, outputs, float(np.abs(weight).sum() / outputs)))


def with_threshold(rng: np.random.Generator, layer: Conv | Dense, largest: int, held: bool) -> Conv | Dense:
    """The layer with random decays and a threshold near what its potential reaches, so that it spikes."""
    current_decay = 0 if held else int(rng.choice([4096, 4096, 0, int(rng.integers(1, 4096))]))
    voltage_decay = int(rng.choice([0, 0, 4096, int(rng.integers(1, 4096))]))
    weight = np.abs(layer.weight).reshape(len(layer.weight), -1)
    typical = float(np.sqrt((weight.astype(float) ** 2).sum(axis=1)).mean()) * largest
    threshold = int(np.clip(typical * rng.uniform(0.05, 1.0), 1, 131_071))
    if rng.random() < 0.1:
        threshold = int(rng.choice([4095, 4097, 131_071]))
    return replace(layer, neuron=Neuron(current_decay, voltage_decay, threshold))


def simulate(model: Model, stimulus: Stimulus, readout: str) -> Record:
    """The simulator's record with the rasters of every layer."""
    return Simulator().run(model, stimulus, readout, keep=[index for index, _ in model.populations])
