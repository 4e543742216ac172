"""Single layers of the simulator, ready to be timed: those of the networks and a set of typical ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from benchmarks.inputs import SEED, raster
from lavarobust.execution.simulator.integers import Sent, run_layer, spikes
from lavarobust.execution.simulator.order import pack, positions
from lavarobust.execution.simulator.prepared import Prepared, prepare
from lavarobust.execution.simulator.stages import compile_model
from lavarobust.netx import Conv, Dense, Input, Model, Neuron, Shape

TYPICAL_STEPS = 16


@dataclass(frozen=True)
class Product:
    """The matrix product that a layer's window is: ``(M, K) @ (K, N)``.

    Attributes:
        m: samples times steps times output pixels.
        n: output channels or features.
        k: inputs of a neuron.
    """

    m: int
    n: int
    k: int

    @property
    def gigamacs(self) -> float:
        """Multiply-accumulates in 10^9."""
        return self.m * self.n * self.k / 1e9


@dataclass(frozen=True, eq=False)
class Window:
    """A layer with a chunk of input spikes.

    Attributes:
        product: what it computes, had it no zeros.
        from_words: runs it as it runs within a network: packed spikes in, packed spikes out.
        from_bytes: the same with packing the input, a byte a spike, before it.
        activity: share of inputs that spike in a step.
        sent: share of neurons that spike in a step.
    """

    product: Product
    from_words: Callable[[], Sent]
    from_bytes: Callable[[], Sent]
    activity: float
    sent: float


def product(layer: Prepared, samples: int, steps: int) -> Product:
    """The product of a window of a dense or convolutional layer."""
    weight = layer.stage.layer.weight  # type: ignore[union-attr]
    pixels = prod(layer.stage.shape[1:]) if isinstance(layer.stage.layer, Conv) else 1
    return Product(samples * steps * pixels, weight.shape[0], prod(weight.shape[1:]))


def window(layer: Prepared, samples: int, steps: int, activity: float) -> Window | None:
    """A layer's window on random spikes; None where the compiled loop can't run it."""
    plan = layer.plan(None, steps, steps)
    if plan is None:
        return None
    order = positions(layer.stage.input_shape)
    frames = raster((samples, *layer.stage.input_shape, steps), activity)
    words = pack(frames, order)

    def from_words() -> Sent:
        return run_layer(layer, plan, spikes(words), False)

    def from_bytes() -> Sent:
        return run_layer(layer, plan, spikes(pack(frames, order)), False)

    neurons = samples * steps * prod(layer.stage.shape)
    sent = float(from_words().counts[3].sum() / neurons)
    return Window(product(layer, samples, steps), from_words, from_bytes, float(frames.mean()), sent)


def layers_of(model: Model) -> dict[str, Prepared]:
    """A model's layers with synapses, by name and shape."""
    layers = prepare(compile_model(model), model.input_shape)
    return {describe(layer): layer for layer in layers if not isinstance(layer.stage.layer, Input)}


def describe(layer: Prepared) -> str:
    """E.g. ``"1 conv 8->16 3x3 s2 14x14"``."""
    stage = layer.stage
    if isinstance(stage.layer, Conv):
        kernel = "x".join(map(str, stage.layer.weight.shape[2:]))
        pixels = "x".join(map(str, stage.shape[1:]))
        stride = f" s{stage.layer.stride[0]}" if stage.layer.stride != (1, 1) else ""
        return f"{stage.name} {stage.input_shape[0]}->{stage.shape[0]} {kernel}{stride} to {pixels}"
    return f"{stage.name} {prod(stage.input_shape)}->{stage.shape[0]}"


def typical() -> dict[str, Prepared]:
    """Layers as networks of this field have them, with random even weights of 8 bits."""
    layers = [
        _dense(784, 256),
        _dense(256, 128),
        _dense(1024, 512),
        _conv((1, 28, 28), 8, 1),
        _conv((8, 28, 28), 16, 2),
        _conv((16, 28, 28), 32, 1),
        _conv((32, 28, 28), 64, 2),
        _conv((64, 14, 14), 64, 1),
    ]
    return {name: layer for model in layers for name, layer in layers_of(model).items()}


def _dense(inputs: int, outputs: int) -> Model:
    weight = _weights((outputs, inputs))
    return Model((Dense(weight, _neuron(weight)),), (inputs,), name="dense")


def _conv(source: Shape, channels: int, stride: int) -> Model:
    weight = _weights((channels, source[0], 3, 3))
    strides, padding, dilation = (stride, stride), (1, 1), (1, 1)
    height, width = ((size + 2 - 3) // stride + 1 for size in source[1:])
    layer = Conv(weight, _neuron(weight), (channels, height, width), None, strides, padding, dilation)
    return Model((layer,), source, name="conv")


def _weights(shape: Shape) -> np.ndarray:
    return 2 * np.random.default_rng(SEED).integers(-64, 64, shape).astype(np.int32)


def _neuron(weight: np.ndarray) -> Neuron:
    """Leaky, with a threshold of twice what 10 % of random inputs sum up to: it spikes in some steps."""
    deviation = np.sqrt(0.1 * prod(weight.shape[1:])) * weight.std()
    return Neuron(4096, 128, int(2 * deviation))
