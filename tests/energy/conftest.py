"""Two tiny executions whose every count was worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.energy import Price, Profile
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input, Model, Neuron
from lavarobust.record import LayerCounts, Record

LIF = Neuron(current_decay=4096, voltage_decay=0, threshold=10)


def counts(name: str, neurons: int, per_step: dict[str, list[list[int]]], **more: int | bool) -> LayerCounts:
    arrays = {key: np.array(value, dtype=np.int64) for key, value in per_step.items()}
    none = np.zeros_like(arrays["spikes"])
    arrays.setdefault("active_updates", none)
    graded = bool(more.get("graded_input", False))
    return LayerCounts(
        name, neurons, graded, **arrays, wraps=none, clips=none, biased=int(more.get("biased", 0))
    )


def record(layers: list[LayerCounts], steps: int) -> Record:
    samples = layers[0].spikes.shape[0]
    return Record(
        backend="by hand",
        model="tiny",
        steps=steps,
        readout="membrane",
        prediction=np.zeros(samples, dtype=np.int64),
        tied=np.zeros(samples, dtype=bool),
        output_counts=np.zeros((samples, 2), dtype=np.int64),
        potential=np.zeros((samples, 2), dtype=np.int64),
        layers=tuple(layers),
    )


@pytest.fixture
def spiking() -> tuple[Record, Model]:
    """Spikes into a 3x3 conv with padding 1 over 3x3 pixels, then a dense 9 -> 2; T = 2, one sample.

    The conv's kernel has one zero, at [0, 0]; the dense layer one, at [0, 0]. Pixel (0, 0) spikes at
    step 0: it reaches the outputs (0,0), (0,1), (1,0), (1,1) through the taps (1,1), (1,0), (0,1),
    (0,0), so 4 synapses of which 3 aren't zero. Pixel (1, 1) spikes at step 1: 9 and 8. Conv neurons 0
    and 4 spike at step 1: 2 synapses each, of which 1 + 2 aren't zero. A bias keeps all 9 conv neurons
    active; the dense ones wait for the second step.
    """
    kernel = np.full((1, 1, 3, 3), 2, dtype=np.int32)
    kernel[0, 0, 0, 0] = 0
    weight = np.full((2, 9), 2, dtype=np.int32)
    weight[0, 0] = 0
    layers = (
        Input(shape=(1, 3, 3)),
        Conv(kernel, LIF, shape=(1, 3, 3), bias=np.array([3], dtype=np.int32), padding=(1, 1)),
        Flatten(),
        Dense(weight, READOUT),
    )
    conv = {"input_events": [[1, 1]], "synops": [[3, 8]], "synops_dense": [[4, 9]], "spikes": [[0, 2]]}
    dense = {"input_events": [[0, 2]], "synops": [[0, 3]], "synops_dense": [[0, 4]], "spikes": [[0, 0]]}
    conv["active_updates"], dense["active_updates"] = [[9, 9]], [[0, 2]]
    layer_counts = [counts("1 conv", 9, conv, biased=9), counts("3 dense", 2, dense)]
    return record(layer_counts, steps=2), Model(layers, input_shape=(1, 3, 3), name="tiny")


@pytest.fixture
def direct() -> tuple[Record, Model]:
    """Four pixels sent once into a dense 4 -> 3 with one zero weight at [0, 0], then 3 -> 2; T = 3.

    Sample 0 has two pixels that aren't zero, 0 and 2: 6 synapses, of which 5 aren't zero; its
    neurons spike twice, at steps 1 and 2. Sample 1 is blank and silent.
    """
    weight = np.full((3, 4), 2, dtype=np.int32)
    weight[0, 0] = 0
    layers = (Dense(weight, LIF), Dense(np.full((2, 3), 2, dtype=np.int32), READOUT))
    first = {
        "input_events": [[2, 0, 0], [0, 0, 0]],
        "synops": [[5, 0, 0], [0, 0, 0]],
        "synops_dense": [[6, 0, 0], [0, 0, 0]],
        "spikes": [[0, 1, 1], [0, 0, 0]],
        "active_updates": [[3, 3, 2], [0, 0, 0]],
    }
    second = {
        "input_events": [[0, 1, 1], [0, 0, 0]],
        "synops": [[0, 2, 2], [0, 0, 0]],
        "synops_dense": [[0, 2, 2], [0, 0, 0]],
        "spikes": [[0, 0, 0], [0, 0, 0]],
        "active_updates": [[0, 2, 2], [0, 0, 0]],
    }
    layer_counts = [counts("0 dense", 3, first, graded_input=True), counts("1 dense", 2, second)]
    return record(layer_counts, steps=3), Model(layers, input_shape=(4,), name="tiny")


@pytest.fixture
def repeated(direct: tuple[Record, Model]) -> tuple[Record, Model]:
    """The same with sample 0's image sent in each of the 3 steps, and no second sample."""
    was, model = direct
    first = {"input_events": [[2] * 3], "synops": [[5] * 3], "synops_dense": [[6] * 3], "spikes": [[0, 1, 1]]}
    second = {name: getattr(was.layers[1], name)[:1].tolist() for name in first}
    return record(
        [counts("0 dense", 3, first, graded_input=True), counts("1 dense", 2, second)], steps=3
    ), model


@pytest.fixture
def driven() -> tuple[Record, Model]:
    """An input population of two neurons driven by their biases, then a dense 2 -> 1; T = 4."""
    layers = (Input(shape=(2,), neuron=LIF), Dense(np.full((1, 2), 2, dtype=np.int32), READOUT))
    none = [[0, 0, 0, 0]]
    first = {"input_events": none, "synops": none, "synops_dense": none, "spikes": [[0, 1, 0, 2]]}
    second = {"input_events": [[0, 1, 0, 2]], "synops": [[0, 1, 0, 2]], "synops_dense": [[0, 1, 0, 2]]}
    layer_counts = [
        counts("0 input", 2, first, graded_input=True),
        counts("1 dense", 1, {**second, "spikes": none}),
    ]
    return record(layer_counts, steps=4), Model(layers, input_shape=(2,), name="tiny")


@pytest.fixture
def round_prices() -> Profile:
    """Every term priced, at numbers that are exact in binary."""
    values = {
        "accumulate": 0.5,
        "multiply_accumulate": 2.0,
        "active_update": 8.0,
        "idle_update": 4.0,
        "bias_addition": 0.25,
        "spike": 16.0,
        "host_event": 32.0,
    }
    prices = {
        term: Price(value, "pJ", "INT8", "by hand", "measured", "per-term") for term, value in values.items()
    }
    return Profile("round", "round numbers", 10.0, 1.0, prices)  # type: ignore[arg-type]
