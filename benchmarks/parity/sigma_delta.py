"""Random small sigma-delta networks over the whole range that Lava holds, with sequences of frames."""

from __future__ import annotations

import math

import numpy as np

from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.limits import SIGMA_DELTA_SHIFT, STATE_EXPONENT
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Layer, Model, Shape, SigmaDelta
from lavarobust.netx.shapes import conv_output_shape
from lavarobust.record import Stimulus

_INT32_END = 1 << 31
_MAGNITUDES = (1, 60, 255, 4000, 100_000, 600_000, 1 << 24)
"""Of the frames: from 2**19 on, an encoder's shift to the left leaves 32 bits."""


def random_model(rng: np.random.Generator) -> tuple[Model, Stimulus, ReadoutKind]:
    """A network, frames for it and what to read: all that a backend's ``run`` takes.

    Some begin with a Delta encoder and some without, some end with a Sigma; convolutions have strides,
    paddings, dilations and groups, dense layers may have delays or recurrent synapses. States, sums and
    inputs wrap in some. No convolution's sum leaves 32 bits, where Lava itself is not defined.
    """
    steps = int(rng.integers(2, 9))
    magnitude = int(rng.choice(_MAGNITUDES, p=(0.1, 0.3, 0.2, 0.2, 0.1, 0.05, 0.05)))
    spatial = rng.random() < 0.6
    shape: Shape = (
        tuple(map(int, rng.integers((1, 4, 4), (4, 8, 8)))) if spatial else (int(rng.integers(2, 30)),)
    )
    stimulus = _frames(rng, shape, steps, magnitude)
    layers: list[Layer] = []
    peak, usual = magnitude, magnitude / 2
    if rng.random() < 0.7:
        layers.append(
            Input(shape, SigmaDelta(int(rng.choice((0, 0, magnitude // 8, magnitude // 2)) % (1 << 19))))
        )
        peak, usual = 2 * magnitude << STATE_EXPONENT, usual * (1 << STATE_EXPONENT)
    input_shape = shape
    for _ in range(int(rng.integers(1, 3)) if spatial else 0):
        conv = _conv(rng, shape, peak, usual)
        if conv is None:
            break
        layers.append(conv)
        shape, reach = conv.shape, int(np.abs(conv.weight).reshape(len(conv.weight), -1).sum(1).max())
        peak = min(2 * steps * min(reach * peak, 1 << 23) + 2 * _INT32_END // 8, _INT32_END) >> STATE_EXPONENT
        usual = _sent(conv.weight, usual)
    if spatial and (len(shape) == 3 and (not layers or isinstance(layers[-1], Input) or rng.random() < 0.7)):
        layers.append(Flatten())
        shape = (math.prod(shape),)
    for _ in range(int(rng.integers(1, 3)) if len(shape) == 1 else 0):
        dense = _dense(rng, shape[0], usual)
        layers.append(dense)
        shape, usual = dense.shape, _sent(dense.weight, usual)
    last = layers[-1]
    if isinstance(last, Dense) and rng.random() < 0.3:
        layers[-1] = Dense(
            last.weight, SigmaDelta(0, sends_sum=True), None, last.delay, last.recurrent_weight
        )
    readout: ReadoutKind = "membrane" if rng.random() < 0.5 else "spike_count"
    return Model(tuple(layers), input_shape), stimulus, readout


def _frames(rng: np.random.Generator, shape: Shape, steps: int, magnitude: int) -> Stimulus:
    """Two sequences; a value changes in some of the frames, and the last frames may not be sent."""
    frames = steps if rng.random() < 0.7 else int(rng.integers(1, steps + 1))
    size = (2, *shape, frames)
    values = rng.integers(-magnitude if rng.random() < 0.7 else 0, magnitude + 1, size)
    changes = rng.random(size) < rng.uniform(0.05, 0.9)
    for step in range(1, frames):
        values[..., step] = np.where(changes[..., step], values[..., step], values[..., step - 1])
    return Stimulus(values.astype(np.int32), steps, graded=True)


def _neuron(rng: np.random.Generator, weight: np.ndarray, usual: float) -> SigmaDelta:
    """Threshold between nothing and about the size of a usual change."""
    size = _sum(weight, usual) / (1 << SIGMA_DELTA_SHIFT)
    share = rng.choice((0.0, 0.05, 0.3, 1.0))
    return SigmaDelta(min(int(share * size), (1 << 19) - 1))


def _bias(rng: np.random.Generator, weight: np.ndarray, usual: float) -> np.ndarray | None:
    if rng.random() < 0.3:
        return None
    size = min(int(_sum(weight, usual)) >> SIGMA_DELTA_SHIFT, (1 << 19) - 2) + 1
    return rng.integers(-size, size + 1, len(weight)).astype(np.int32)


def _sum(weight: np.ndarray, usual: float) -> float:
    """Size of a usual synaptic sum."""
    flat = weight.reshape(len(weight), -1).astype(np.float64)
    return float(np.sqrt((flat**2).sum(axis=1)).mean() * usual)


def _sent(weight: np.ndarray, usual: float) -> float:
    return min(_sum(weight, usual), 1 << 30) / (1 << STATE_EXPONENT)


def _weight(rng: np.random.Generator, size: tuple[int, ...], largest: int) -> np.ndarray:
    """Even weights that the loader keeps, some of them zero; one is as large as it may be."""
    half = max(1, int(rng.integers(1, largest // 2 + 1)))
    weight = 2 * rng.integers(-half, half + 1, size)
    weight[rng.random(size) < rng.choice((0.0, 0.5))] = 0
    weight.flat[0] = 2 * half
    return weight.astype(np.int32)


def _dense(rng: np.random.Generator, inputs: int, usual: float) -> Dense:
    outputs = int(rng.integers(2, 40))
    weight = _weight(rng, (outputs, inputs), 254)
    kind = rng.choice(("plain", "delay", "recurrent"), p=(0.7, 0.15, 0.15))
    return Dense(
        weight,
        _neuron(rng, weight, usual),
        _bias(rng, weight, usual),
        rng.integers(0, 5, outputs).astype(np.int32) if kind == "delay" else None,
        _weight(rng, (outputs, outputs), 254) if kind == "recurrent" else None,
    )


def _conv(rng: np.random.Generator, shape: Shape, peak: int, usual: float) -> Conv | None:
    """A convolution whose sums stay within 32 bits; None where none does."""
    groups = shape[0] if rng.random() < 0.2 else 1
    kernel = tuple(map(int, rng.integers(1, 4, 2)))
    fan_in = shape[0] // groups * math.prod(kernel)
    largest = min(254, (_INT32_END - 1) // (peak * fan_in))
    if largest < 2:
        return None
    weight = _weight(rng, (groups * int(rng.integers(1, 5)), shape[0] // groups, *kernel), largest)
    stride, padding, dilation = (tuple(map(int, rng.integers(low, 3, 2))) for low in (1, 0, 1))
    neuron, bias = _neuron(rng, weight, usual), _bias(rng, weight, usual)
    conv = Conv(weight, neuron, (1, 1, 1), bias, stride, padding, dilation, groups)  # type: ignore[arg-type]
    made = conv_output_shape(conv, shape)
    if min(made) < 1:
        return _conv(rng, shape, peak, usual)
    return Conv(weight, neuron, made, bias, stride, padding, dilation, groups)  # type: ignore[arg-type]
