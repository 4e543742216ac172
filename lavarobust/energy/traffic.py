"""Memory accesses: how often an execution, or an ANN of the same shape, reads and writes which memory.

The memory model is that of Lemaire et al. (An Analytical Estimation of Spiking Neural Networks Energy
Efficiency, arXiv 2210.13107), taken at second hand: as SpikingJelly 2.0.0 reads it
(``op_counter/analytical_energy.py``), for the authors' code is not public and the paper was not at hand.
Every layer has memories of its own, as large as what they hold. Against that reading, borders and strides
are exact here, an analog image is events with payloads, which is how it is executed, and weights and states
have a deployed model's widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from typing import Literal

import numpy as np

from lavarobust.energy.ledger import LayerLedger, Ledger, spread
from lavarobust.netx.graph import synapses
from lavarobust.netx.limits import DECAY_UNITY
from lavarobust.netx.model import Conv, Dense, Input, Model, Neuron
from lavarobust.record import QuantisedRun

Kind = Literal["read input", "read weight", "read potential", "write potential", "write output"]

FIFO_MESSAGES = 1000
"""Events that a spiking layer's queue in front and behind holds (their experiments, by SpikingJelly)."""


@dataclass(frozen=True)
class Words:
    """Bits of what is held in memory.

    Attributes:
        message: an event, or an activation of an ANN.
        weight: a weight or bias.
        state: a current or potential.
    """

    message: int
    weight: int
    state: int


DEPLOYED = Words(32, 8, 24)
"""A deployed model's weights and states; the paper's event."""

FP32 = Words(32, 32, 32)
INT8 = Words(8, 8, 32)


@dataclass(frozen=True, eq=False)
class Access:
    """Accesses of one kind in one layer.

    Attributes:
        layer: its name.
        kind: which memory, and what for.
        count: ``(N,)`` int64 words read or written, per sample.
        bits: of a word.
        capacity_bytes: size of the memory.
    """

    layer: str
    kind: Kind
    count: np.ndarray
    bits: int
    capacity_bytes: int


@dataclass(frozen=True, eq=False)
class Traffic:
    """What running a network costs beside the operations on its data.

    Attributes:
        accesses: to memories.
        additions, multiplications: ``(N,)`` int64, what finding addresses takes.
    """

    accesses: tuple[Access, ...]
    additions: np.ndarray
    multiplications: np.ndarray

    def as_dict(self) -> dict[str, dict[str, dict[str, float]]]:
        """Words by layer and kind of access, over samples, ready for JSON."""
        layers: dict[str, dict[str, dict[str, float]]] = {}
        for access in self.accesses:
            layers.setdefault(access.layer, {})[access.kind] = asdict(spread(access.count))
        return layers


@dataclass(frozen=True)
class Sizes:
    """What a layer's memories hold.

    Attributes:
        inputs, outputs: elements.
        weights: those of its synapses and biases.
        states: words that a neuron keeps from step to step; two where its current is kept as well.
        taps: positions of its kernels in all output channels; 0 of a dense layer.
    """

    inputs: int
    outputs: int
    weights: int
    states: int
    taps: int


def sizes_of(model: Model) -> dict[str, Sizes]:
    """Sizes by the names of the layers with neurons."""
    found: dict[str, Sizes] = {}
    inputs = int(prod(model.input_shape))
    for index, layer in model.populations:
        outputs = int(prod(layer.shape))
        weights = taps = 0
        if isinstance(layer, Input):
            weights = outputs
        else:
            weights = sum(synapse.weight.size for synapse in synapses(layer))
            weights += 0 if layer.bias is None else layer.bias.size
        if isinstance(layer, Dense) and layer.recurrent_weight is not None:
            weights += layer.recurrent_weight.size
        if isinstance(layer, Conv):
            taps = len(layer.weight) * int(prod(layer.weight.shape[2:]))
        found[model.layer_name(index)] = Sizes(inputs, outputs, weights, _states(layer), taps)
        inputs = outputs
    return found


def _states(layer: Input | Dense | Conv) -> int:
    neuron = layer.neuron
    if not isinstance(neuron, Neuron):
        return 1
    return 1 if bool(np.all(np.asarray(neuron.current_decay) == DECAY_UNITY)) else 2


def spiking_traffic(ledger: Ledger, model: Model, words: Words = DEPLOYED) -> Traffic:
    """Accesses of an execution (Lemaire et al., spiking layers).

    Every event is read from the queue in front; each synapse that it reaches, zero weights among them,
    reads a weight, and reads and writes a state; every update reads and writes the states of its neuron,
    idle or not, and reads its bias; every spike is written to the queue behind. Addresses take an
    addition for each synapse, and in a convolution two multiplications for each event.
    """
    sizes, accesses = sizes_of(model), []
    additions = multiplications = np.zeros(ledger.samples, dtype=np.int64)
    for layer in ledger.layers:
        size = sizes[layer.layer]
        updates = (layer.active_updates + layer.idle_updates) * size.states
        weights = layer.synops_dense + _biases(layer, ledger.steps)
        states = layer.synops_dense + updates
        queue, memory = _bytes(FIFO_MESSAGES, words.message), _bytes(size.outputs * size.states, words.state)
        accesses += [
            Access(layer.layer, "read input", layer.input_events, words.message, queue),
            Access(layer.layer, "read weight", weights, words.weight, _bytes(size.weights, words.weight)),
            Access(layer.layer, "read potential", states, words.state, memory),
            Access(layer.layer, "write potential", states, words.state, memory),
            Access(layer.layer, "write output", layer.spikes, words.message, queue),
        ]
        additions = additions + layer.synops_dense
        if size.taps:
            multiplications = multiplications + 2 * layer.input_events
    return Traffic(tuple(accesses), additions, multiplications)


def dense_traffic(model: Model, operations: Mapping[str, int], words: Words) -> Traffic:
    """Accesses of one dense pass of the ANN with a model's weights (Lemaire et al., formal layers).

    Each multiply-accumulate of a convolution reads an input and a weight; a dense layer reads each input
    once; biases are read and outputs written once.

    Args:
        operations: multiply-accumulates by layer.
    """
    sizes, accesses, additions = sizes_of(model), [], 0
    for name, size in sizes.items():
        done = operations.get(name, 0)
        if not done:
            continue
        accesses += _formal(
            name, size, np.array([done]), np.array([done if size.taps else size.inputs]), words
        )
        additions += size.inputs + size.outputs + size.taps
    return Traffic(tuple(accesses), np.array([additions]), np.array([0]))


def quantised_traffic(model: Model, run: QuantisedRun, words: Words) -> Traffic:
    """Accesses of a quantised ANN that skips activations of zero: it reads every input once, to see which.

    Each activation that is not zero reads the weights that it reaches, zeros among them.
    """
    sizes, accesses = sizes_of(model), []
    additions = np.zeros(len(run.prediction), dtype=np.int64)
    for layer in run.layers:
        size = sizes[layer.name]
        if not layer.operations_dense.any():
            continue
        read = np.full_like(layer.events, size.inputs)
        accesses += _formal(layer.name, size, layer.operations_dense, read, words)
        additions = additions + layer.operations_dense + size.outputs
    return Traffic(tuple(accesses), additions, np.zeros_like(additions))


def _formal(name: str, size: Sizes, weights: np.ndarray, inputs: np.ndarray, words: Words) -> list[Access]:
    written = np.full(len(weights), size.outputs, dtype=np.int64)
    memories = [_bytes(count, words.message) for count in (size.inputs, size.outputs)]
    return [
        Access(name, "read input", inputs, words.message, memories[0]),
        Access(name, "read weight", weights + size.outputs, words.weight, _bytes(size.weights, words.weight)),
        Access(name, "write output", written, words.message, memories[1]),
    ]


def _biases(layer: LayerLedger, steps: int) -> np.ndarray:
    """Biases read: those that are not zero, and an input population's image in every step."""
    if layer.has_synapses:
        return layer.bias_additions
    return np.full_like(layer.spikes, layer.shape.neurons * steps)


def _bytes(words: int, bits: int) -> int:
    return -(-words * bits // 8)
