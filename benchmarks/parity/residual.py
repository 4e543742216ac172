"""Random networks with shortcuts: convolutions and dense layers that earlier populations join, and sums."""

from __future__ import annotations

from dataclasses import replace
from math import gcd, prod

import numpy as np

from benchmarks.parity.convolutional import (
    random_conv,
    random_dense,
    random_frames,
    random_weights,
    with_threshold,
)
from benchmarks.parity.rates import spiking
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import (
    READOUT,
    Conv,
    Flatten,
    GradedSum,
    Input,
    Layer,
    Model,
    Shape,
    Shortcut,
)
from lavarobust.record import Stimulus

_VALUE_BITS = 8
"""Of what a graded sum sends at most, so that no sum behind it leaves 32 bits."""


def random_model(rng: np.random.Generator) -> tuple[Model, Stimulus, ReadoutKind]:
    """Two to four convolutions, each joined by up to two shortcuts of any kernel, stride and groups from
    anywhere in front of it, some of them graded sums; then dense layers, joined likewise."""
    first: Shape = (int(rng.integers(1, 4)), *[int(rng.integers(4, 8))] * 2)
    kind = str(rng.choice(["binary", "signed", "graded", "held"]))
    samples, steps = int(rng.integers(2, 4)), int(rng.integers(2, 8))
    stimulus = Stimulus(random_frames(rng, kind, samples, first, steps), steps)
    layers: list[Layer] = [Input(first)]
    sources: list[tuple[int, Shape]] = []
    shape, largest = first, int(np.abs(stimulus.frames).max())
    count = int(rng.integers(2, 5))
    for position in range(count):
        held = kind == "held" and position == 0
        conv = random_conv(rng, shape)
        conv = replace(conv, shortcuts=_shortcuts(rng, sources, conv.shape))
        if not held and position < count - 1 and rng.random() < 0.35:
            conv = _as_sum(conv, largest)
            largest = 1 << _VALUE_BITS
        else:
            conv = spiking(layers, with_threshold(rng, conv, largest, held), first, stimulus)
            largest = 1
        sources.append((len(layers), conv.shape))
        layers.append(conv)
        shape = conv.shape
    layers.append(Flatten())
    hidden = random_dense(rng, prod(shape), int(rng.integers(4, 12)))
    hidden = replace(hidden, shortcuts=_dense_shortcuts(rng, sources, hidden.shape[0]))
    hidden = spiking(layers, with_threshold(rng, hidden, 1, held=False), first, stimulus)
    sources.append((len(layers), hidden.shape))
    layers.append(hidden)
    if rng.random() < 0.5:
        return Model(tuple(layers), first, name="random"), stimulus, "spike_count"
    output = random_dense(rng, hidden.shape[0], 4)
    output = replace(output, neuron=READOUT, shortcuts=_dense_shortcuts(rng, sources, 4))
    return Model((*layers, output), first, name="random"), stimulus, "membrane"


def _as_sum(conv: Conv, largest: int) -> Conv:
    reach = int(np.abs(conv.weight).reshape(len(conv.weight), -1).sum(axis=1).max()) * largest
    for shortcut in conv.shortcuts:
        reach += int(np.abs(shortcut.weight).reshape(len(conv.weight), -1).sum(axis=1).max()) << _VALUE_BITS
    shift = max(0, reach.bit_length() - _VALUE_BITS)
    return replace(conv, bias=None, neuron=GradedSum(shift))


def _shortcuts(
    rng: np.random.Generator, sources: list[tuple[int, Shape]], made: Shape
) -> tuple[Shortcut, ...]:
    if not sources:
        return ()
    chosen = rng.integers(0, len(sources), int(rng.choice([0, 1, 1, 2])))
    return tuple(_shortcut(rng, *sources[place], made) for place in chosen)


def _shortcut(rng: np.random.Generator, source: int, shape: Shape, made: Shape) -> Shortcut:
    """An identity where it can be one, half the time; else any convolution that makes this shape."""
    channels, out = shape[0], made[0]
    if shape == made and rng.random() < 0.5:
        weight = np.full((channels, 1, 1, 1), 2 * int(rng.integers(1, 500)), dtype=np.int32)
        return Shortcut(source, weight, groups=channels)
    axes = [_axis(rng, before, after) for before, after in zip(shape[1:], made[1:], strict=True)]
    kernel, stride, padding, dilation = zip(*axes, strict=True)
    groups = int(rng.choice([1, gcd(channels, out)]))
    weight = random_weights(rng, (out, channels // groups, *kernel))
    return Shortcut(source, weight, stride, padding, dilation, groups)


def _axis(rng: np.random.Generator, before: int, after: int) -> tuple[int, int, int, int]:
    """Kernel, stride, padding and dilation that make ``after`` places of ``before``."""
    fitting = [
        (kernel, stride, padding, dilation)
        for kernel in range(1, before + 3)
        for stride in (1, 2, 3)
        for padding in (0, 1, 2, 3)
        for dilation in (1, 2)
        if before + 2 * padding >= dilation * (kernel - 1) + 1
        and (before + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 == after
    ]
    return fitting[int(rng.integers(len(fitting)))]


def _dense_shortcuts(
    rng: np.random.Generator, sources: list[tuple[int, Shape]], outputs: int
) -> tuple[Shortcut, ...]:
    if rng.random() < 0.5:
        return ()
    source, shape = sources[int(rng.integers(len(sources)))]
    return (Shortcut(source, random_weights(rng, (outputs, prod(shape)))),)
