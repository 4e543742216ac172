"""The networks that are compared, each with its samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.inputs import digits, moved, shipped_file
from lavarobust.dynamics import Surrogate
from lavarobust.encoding import encode
from lavarobust.netx import Encoding, Input, Model, read_model
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.record import Stimulus
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.network import SpikingNetwork


@dataclass(frozen=True)
class Case:
    """A network and its samples.

    Attributes:
        model: the integers.
        stimulus: as many samples as were asked for.
        readout: what its output is.
        inputs: what the samples are, to print.
        fresh: Lava needs a network of its own for every sample, since no reset clears its neurons.
    """

    model: Model
    stimulus: Stimulus
    readout: ReadoutKind
    inputs: str
    fresh: bool = False

    def first(self, samples: int) -> Stimulus:
        return replace(self.stimulus, frames=self.stimulus.frames[:samples])


def tiny(samples: int, data: Path | None) -> Case:
    """lava-dl's tiny.net: input population 3x16x16, two convolutions; T = 16."""
    model = read_model(shipped_file("tiny.net"))
    image = np.load(shipped_file("gts/tinynet/input_bias.npy"), allow_pickle=False)
    return _moved_frame(model, image, 16, "spike_count", samples)


def mnist_mlp(samples: int, data: Path | None) -> Case:
    """lava-dl's mnist.net: input population 784, dense 512-512-10; T = 32."""
    model = read_model(shipped_file("mnist.net"))
    images, inputs = digits(data, samples)
    first = model.layers[0]
    assert isinstance(first, Input)
    # its makers centred pixels: -1 is black and 1 is white
    mantissas = np.rint(first.weight * (2 * images.reshape(samples, -1) - 1) + first.bias)
    return Case(model, Stimulus(mantissas.astype(np.int32)[..., None], 32), "membrane", inputs)


def pilotnet_lif(samples: int, data: Path | None) -> Case:
    """lava-dl's PilotNet: input population 3x66x200, five convolutions, four dense layers; T = 16."""
    model = read_model(shipped_file("gts/pilotnet_lif/network.net"))
    image = np.load(shipped_file("gts/pilotnet_lif/image.npy"), allow_pickle=False)
    return _moved_frame(model, image, 16, "membrane", samples)


def convolutional(samples: int, data: Path | None) -> Case:
    """1x28x28, conv 8, conv 16 stride 2, dense 64, dense 10; random weights, held image; T = 16."""
    layers = parse_layers(["conv 8 3", "conv 16 3 2", "dense 64", "dense 10"])
    encoding, generator = Encoding("direct", 16), torch.Generator().manual_seed(0)
    network = SpikingNetwork(layers, (1, 28, 28), 16, encoding, "spike_count", Surrogate(), generator)
    images, inputs = digits(data, samples)
    stimulus = encode(encoding, images, 16, np.arange(samples))
    return Case(to_model(network, "28x28 conv net"), stimulus, "spike_count", inputs)


def pilotnet_sdnn(samples: int, data: Path | None) -> Case:
    """lava-dl's sigma-delta PilotNet: independent sequences of 8 frames, each from a fresh network."""
    path = shipped_file("gts/pilotnet_sdnn/network.net")
    frame = np.load(shipped_file("gts/pilotnet_sdnn/input.npy"), allow_pickle=False)[..., 0]
    model = read_model(path, input_shape=frame.shape[::-1])
    return sequences(model, frame, samples, 8)


def sequences(model: Model, frame: np.ndarray, samples: int, steps: int) -> Case:
    """Sequences in which a frame ``(W, H, C)`` moves on by 7 pixels a step; sample n begins n steps later."""
    pictures = moved(frame.T, samples + steps - 1)
    frames = np.stack([pictures[n : n + steps] for n in range(samples)])
    stimulus = Stimulus(np.moveaxis(frames, 1, -1).astype(np.int32), steps, graded=True)
    inputs = f"the shipped frame moving, {steps} frames each"
    return Case(model, stimulus, "spike_count", inputs, fresh=True)


def _moved_frame(model: Model, image: np.ndarray, steps: int, readout: ReadoutKind, samples: int) -> Case:
    """Copies of a shipped image ``(W, H, C)``, each moved on, held for the whole window."""
    frames = moved(image.T, samples).astype(np.int32)[..., None]
    return Case(model, Stimulus(frames, steps), readout, "the shipped frame, moved by 7 pixels a sample")


NETWORKS: dict[str, Callable[[int, Path | None], Case]] = {
    "tiny": tiny,
    "mnist": mnist_mlp,
    "pilotnet_lif": pilotnet_lif,
    "conv": convolutional,
    "pilotnet_sdnn": pilotnet_sdnn,
}
