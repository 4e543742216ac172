"""Milliseconds per sample: the simulator against Lava's CPU simulator, on the same models and inputs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib.metadata import files
from typing import Any

import numpy as np
import torch

from benchmarks.measure import Timing, in_turn, table
from lavarobust.dynamics import Surrogate
from lavarobust.encoding import encode
from lavarobust.execution import backend
from lavarobust.netx import Encoding, Model, read_model
from lavarobust.record import Record, Stimulus
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.network import SpikingNetwork

BATCH = 256
Pair = tuple[float, float]
STREAMED = 32
"""Samples through one Lava network: enough to tell its start from its samples."""

ENGINES: dict[str, dict[str, Any]] = {
    "lava, stock convolution": {"name": "lava", "fast_convolution": False},
    "lava, fast convolution": {"name": "lava", "fast_convolution": True},
    "simulator": {"name": "simulator"},
}


def convolutional(rng: np.random.Generator) -> tuple[Model, Stimulus]:
    """1x28x28, conv 8, conv 16 stride 2, dense 64, dense 10; T = 16; random weights, held input."""
    layers = parse_layers(["conv 8 3", "conv 16 3 2", "dense 64", "dense 10"])
    encoding, generator = Encoding("direct", 16), torch.Generator().manual_seed(0)
    network = SpikingNetwork(layers, (1, 28, 28), 16, encoding, "spike_count", Surrogate(), generator)
    images = rng.random((BATCH, 1, 28, 28)).astype(np.float32)
    return to_model(network, "28x28 conv net, T=16"), encode(encoding, images, 16, np.arange(BATCH))


def shipped(name: str, steps: int, rng: np.random.Generator) -> tuple[Model, Stimulus]:
    """A network of lava-dl's wheel, images of random bias mantissas."""
    [path] = [file for file in files("lava-dl") or () if str(file) == f"tests/lava/lib/dl/netx/{name}"]
    model = read_model(str(path.locate()))
    images = rng.integers(-40, 77, (BATCH, *model.input_shape, 1)).astype(np.int32)
    return model, Stimulus(images, steps)


def first(stimulus: Stimulus, samples: int) -> Stimulus:
    return replace(stimulus, frames=stimulus.frames[:samples])


def assert_equal(records: list[Record]) -> None:
    """A speed without the same spikes is none, nor is one without spikes."""
    for record in records:
        for left, right in zip(records[0].layers, record.layers, strict=True):
            assert np.array_equal(left.spikes, right.spikes), f"{record.backend}: {left.name} spikes differ"
    assert all(layer.spikes.any() for layer in records[0].layers[:-1]), "a hidden layer is silent"


def compare(model: Model, stimulus: Stimulus, repeats: int) -> tuple[dict[str, Timing], dict[str, Pair]]:
    """All timings, and per engine the milliseconds of one sample alone and of each of many."""
    engines = {engine: backend(**options) for engine, options in ENGINES.items()}
    assert_equal([executor.run(model, first(stimulus, STREAMED)) for executor in engines.values()])
    many = {engine: BATCH if engine == "simulator" else STREAMED for engine in engines}
    taken = in_turn(
        {
            f"{engine}, {samples} samples": partial(executor.run, model, first(stimulus, samples))
            for engine, executor in engines.items()
            for samples in (1, many[engine])
        },
        repeats,
    )
    each = {}
    for engine, samples in many.items():
        alone = taken[f"{engine}, 1 samples"].median
        together = taken[f"{engine}, {samples} samples"].median
        without_start = (together - alone) / (samples - 1)
        each[engine] = (alone, together / samples if engine == "simulator" else without_start)
    return taken, each


def benchmark(repeats: int) -> tuple[str, dict[str, Timing], dict[str, float]]:
    """A printed table, timings by name, and ratios to Lava with its stock convolution."""
    rng = np.random.default_rng(0)
    networks = {
        "28x28 conv8-conv16s2-64-10, T=16": convolutional(rng),
        "lava-dl tiny.net, T=16": shipped("tiny.net", 16, rng),
        "lava-dl mnist.net, T=32": shipped("mnist.net", 32, rng),
    }
    timings: dict[str, Timing] = {}
    ratios: dict[str, float] = {}
    rows: list[list[object]] = []
    for network, (model, stimulus) in networks.items():
        taken, each = compare(model, stimulus, repeats)
        timings |= {f"{network}, {name}": timing for name, timing in taken.items()}
        slowest = each["lava, stock convolution"]
        for engine, (alone, of_many) in each.items():
            faster = slowest[0] / alone, slowest[1] / of_many
            ratios[f"{network}, {engine}, one sample"], ratios[f"{network}, {engine}, many"] = faster
            rows.append([network, engine, alone, of_many, *faster])
    header = ["network", "engine", "one sample alone, ms", "each of many, ms", "times faster", "times faster"]
    title = (
        f"Execution; many is a batch of {BATCH} on the simulator, a stream on Lava whose start is taken "
        "out; medians"
    )
    return table(title, header, rows), timings, ratios
