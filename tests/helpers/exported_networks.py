"""Networks of blocks whose every layer fires at a telling rate, with input for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from random_networks import FIXED, random_network, simulate

from benchmarks.parity.rates import counts_as_a_case
from lavarobust.encoding import encode
from lavarobust.netx.deployment import sample_shape
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus
from lavarobust.snn.deploy import to_model
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.scalars import NeuronOptions

NETWORKS = {
    "dense": ["dense 20", "dense 12", "dense 5"],
    "conv": ["conv 4 3", "conv 6 3 2", "dense 5"],
    "leaky": ["conv 4 3 1 decay=300", "dense 12 decay=77", "dense 5"],
    "pooled": ["conv 4 3", "pool 2", "conv 6 3", "pool 2", "dense 5"],
    "pool first": ["pool 2", "conv 4 3", "dense 5"],
    "basic blocks": ["conv 4 3", "pool 2", "block 4", "block 6 2", "dense 5"],
    "basic blocks without batch norm": [
        "conv 4 3 no-norm",
        "block 6 2 no-norm",
        "block 6 no-norm",
        "dense 5",
    ],
    "wide blocks": ["conv 4 3", "wide 6", "wide 6", "wide 8 2", "wide 8", "pool 4", "dense 5"],
    "wide blocks from the start": ["conv 4 3", "wide 4 1 decay=77", "wide 6 2", "dense 5"],
    "without batch norm": ["conv 4 3 no-norm", "dense 12 no-norm", "dense 5"],
}
SAMPLES = 6


@dataclass(frozen=True, eq=False)
class Case:
    """A network, its integer model, images with their indices, and what the simulator makes of them."""

    network: SpikingNetwork
    model: Model
    images: np.ndarray
    indices: np.ndarray
    stimulus: Stimulus
    simulated: Record


def exported_case(
    layers: list[str],
    kind: str,
    readout: str,
    steps: int,
    neuron: NeuronOptions = FIXED,
    gated: bool = False,
) -> Case:
    """The first of 60 seeds whose every layer spikes neither too rarely nor too often."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        network = random_network(rng, layers, readout, kind, steps, neuron, gated)
        model = to_model(network)
        shape = sample_shape(network.encoding, (2, 8, 8), steps)
        images = rng.random((SAMPLES, *shape)).astype(np.float32)
        indices = rng.permutation(1000)[:SAMPLES]
        stimulus = encode(network.encoding, images, steps, indices)
        simulated = simulate(model, stimulus, readout)
        if counts_as_a_case(simulated, model):
            return Case(network, model, images, indices, stimulus, simulated)
    raise AssertionError("no seed of 60 gives telling spike rates")
