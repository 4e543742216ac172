"""The same network in floats, in snnTorch and in SpikingJelly, and as integers for the simulator.

All neurons integrate, fire and are reset to zero. The weights are integers, so that float32 sums are exact;
both libraries fire at ``v >= threshold`` or above, the integers strictly above theirs, and a threshold half
way between two integers makes them agree spike for spike.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec

import numpy as np
import torch
from torch import nn

from lavarobust.netx import Conv, Dense, Flatten, Layer, Model, Neuron, Shape

Runner = Callable[[torch.Tensor], torch.Tensor]
"""From spikes ``(T, N, C, H, W)`` or ``(T, N, n)`` float32 to ``(N, classes)`` spike counts."""

LIBRARIES = ("snntorch", "spikingjelly")


def installed(library: str) -> str | None:
    """Its version, or None."""
    return metadata.version(library) if find_spec(library) else None


def mlp(seed: int = 0) -> Model:
    """784-512-512-10."""
    rng = np.random.default_rng(seed)
    layers = (_dense(rng, 784, 512), _dense(rng, 512, 512), _dense(rng, 512, 10))
    return Model(layers, (784,), name="784-512-512-10")


def conv_net(seed: int = 0) -> Model:
    """1x28x28, conv 8, conv 16 stride 2, dense 64, dense 10."""
    rng = np.random.default_rng(seed)
    layers = (
        _conv(rng, 1, (8, 28, 28), 1),
        _conv(rng, 8, (16, 14, 14), 2),
        Flatten(),
        _dense(rng, 16 * 14 * 14, 64),
        _dense(rng, 64, 10),
    )
    return Model(layers, (1, 28, 28), name="conv8-conv16s2-64-10")


def snntorch_runner(model: Model, compiled: bool) -> Runner:
    """A loop over steps, as in all of its tutorials: ``Leaky`` with a leak of one and reset to zero."""
    import snntorch

    synapses = [None if isinstance(layer, Flatten) else _module(layer) for layer in model.layers]
    neurons = [
        None
        if isinstance(layer, Flatten)
        else snntorch.Leaky(beta=1.0, threshold=_threshold(layer), reset_mechanism="zero")
        for layer in model.layers
    ]

    def step(spikes: torch.Tensor, membranes: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        after = []
        for synapse, neuron in zip(synapses, neurons, strict=True):
            if synapse is None or neuron is None:
                spikes = spikes.flatten(1)
                continue
            spikes, membrane = neuron(synapse(spikes), membranes[len(after)])
            after.append(membrane)
        return spikes, after

    advance = torch.compile(step, dynamic=False) if compiled else step

    def run(frames: torch.Tensor) -> torch.Tensor:
        membranes = [torch.zeros(frames.shape[1], *layer.shape) for _, layer in model.populations]
        counts = torch.zeros(frames.shape[1], *model.output_layer.shape)
        for frame in frames:
            spikes, membranes = advance(frame, membranes)
            counts += spikes
        return counts

    return run


def spikingjelly_runner(model: Model, compiled: bool) -> Runner:
    """Multi-step mode: time is folded into the batch for synapses, and neurons run all steps in one call."""
    from spikingjelly.activation_based import functional, layer, neuron

    modules: list[nn.Module] = []
    for part in model.layers:
        if isinstance(part, Flatten):
            modules.append(layer.Flatten(step_mode="m"))
            continue
        modules.append(layer.SeqToANNContainer(_module(part)))
        modules.append(neuron.IFNode(v_threshold=_threshold(part), v_reset=0.0, step_mode="m"))
    network = nn.Sequential(*modules).eval()
    forward = torch.compile(network, dynamic=False) if compiled else network

    def run(frames: torch.Tensor) -> torch.Tensor:
        functional.reset_net(network)
        counts: torch.Tensor = forward(frames).sum(0)
        return counts

    return run


RUNNERS = {"snntorch": snntorch_runner, "spikingjelly": spikingjelly_runner}


def _module(layer: Layer) -> nn.Module:
    assert isinstance(layer, (Dense, Conv))
    weight = torch.from_numpy(layer.weight.astype(np.float32))
    if isinstance(layer, Dense):
        module: nn.Module = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    else:
        module = nn.Conv2d(
            weight.shape[1], weight.shape[0], layer.weight.shape[2:], layer.stride, layer.padding, bias=False
        )
    module.weight = nn.Parameter(weight, requires_grad=False)
    return module


def _threshold(layer: Layer) -> float:
    assert isinstance(layer, (Dense, Conv))
    return layer.neuron.threshold + 0.5


def _dense(rng: np.random.Generator, inputs: int, outputs: int) -> Dense:
    weight = _weights(rng, (outputs, inputs))
    return Dense(weight, _neuron(weight))


def _conv(rng: np.random.Generator, inputs: int, shape: Shape, stride: int) -> Conv:
    weight = _weights(rng, (shape[0], inputs, 3, 3))
    return Conv(weight, _neuron(weight), shape, None, (stride, stride), (1, 1))


def _weights(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Even, as files hold weights of 8 bits, and none but zero on average: no layer saturates."""
    return 2 * rng.integers(-63, 64, shape).astype(np.int32)


def _neuron(weight: np.ndarray) -> Neuron:
    """No leak; a threshold of two deviations of what 10 % of random inputs sum up to."""
    return Neuron(4096, 0, int(2 * np.sqrt(0.1 * np.prod(weight.shape[1:])) * weight.std()))
