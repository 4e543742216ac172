"""Random convolutional networks: strides, padding, dilation, groups, and all kinds of input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.parity.rates import spiking
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input, Layer, Model, Neuron
from lavarobust.record import Stimulus


def random_model(rng: np.random.Generator) -> tuple[Model, Stimulus, ReadoutKind]:
    """A random feed-forward model, input for it and a readout: full-range weights, biases, thresholds
    and decays, strides, padding, dilation and groups, binary, signed or graded input."""
    channels, side = int(rng.integers(1, 4)), int(rng.integers(5, 9))
    shape: tuple[int, ...] = (channels, side, side)
    first, layers = shape, list[Layer]([Input(shape)])
    frames_kind = rng.choice(["binary", "signed", "graded", "held"])
    samples, steps = int(rng.integers(2, 5)), int(rng.integers(2, 9))
    frames = random_frames(rng, frames_kind, samples, shape, steps)
    stimulus = Stimulus(frames, steps)
    largest = int(np.abs(frames).max())
    for position in range(int(rng.integers(1, 3))):
        conv = random_conv(rng, shape)
        conv = with_threshold(rng, conv, largest, held=position == 0 and frames_kind == "held")
        layers.append(spiking(layers, conv, first, stimulus))
        shape = conv.shape
        largest = 1
    layers.append(Flatten())
    hidden = random_dense(rng, int(np.prod(shape)), int(rng.integers(4, 20)))
    hidden = with_threshold(rng, hidden, 1, held=False)
    layers.append(spiking(layers, hidden, first, stimulus))
    if rng.random() < 0.5:
        output = random_dense(rng, hidden.weight.shape[0], 5)
        layers.append(replace(output, neuron=READOUT))
        return Model(tuple(layers), first, name="random"), stimulus, "membrane"
    return Model(tuple(layers), first, name="random"), stimulus, "spike_count"


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


def random_weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    weight = 2 * rng.integers(-127, 128, shape)
    weight[rng.random(shape) < rng.choice([0.0, 0.5])] = 0
    weight.flat[:2] = [-254, 254]
    return weight.astype(np.int32)


def random_bias(rng: np.random.Generator, size: int, reach: float) -> np.ndarray | None:
    if rng.random() < 0.4:
        return None
    return (
        rng.integers(-4096, 4096, size).astype(np.int32)
        if rng.random() < 0.3
        else (np.clip(rng.normal(0, reach / 4, size), -4096, 4095).astype(np.int32))
    )


def random_conv(rng: np.random.Generator, shape: tuple[int, ...]) -> Conv:
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
    weight = random_weights(rng, (out, shape[0] // groups, *kernel))
    bias = random_bias(rng, out, float(np.abs(weight).sum() / out))
    return Conv(weight, Neuron(4096, 0, 1), (out, *size), bias, stride, padding, dilation, groups)


def random_dense(rng: np.random.Generator, inputs: int, outputs: int) -> Dense:
    weight = random_weights(rng, (outputs, inputs))
    return Dense(weight, Neuron(4096, 0, 1), random_bias(rng, outputs, float(np.abs(weight).sum() / outputs)))


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
