"""Random networks of blocks, and the simulator's record of everything."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.execution.simulator import Simulator
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.mean_image import MeanImage
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.gate import GateOptions, gates_of
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.scalars import NeuronOptions

FIXED = NeuronOptions()


def random_network(
    rng: np.random.Generator,
    layers: list[str],
    readout: str,
    kind: str,
    steps: int,
    neuron: NeuronOptions = FIXED,
    gated: bool = False,
) -> SpikingNetwork:
    """A SLAYER network of blocks with random, unequal batch-norm statistics, biases and gates.

    Scalars that could have been trained are random too.
    Event frames are spikes where there is an even number of them, else counts up to 3.
    """
    levels = int(rng.choice([1, 16, 255]))
    if kind == "frames":
        levels = 3 if steps % 2 else 1
    analog = kind in ("direct", "repeat")
    mean, std = ((0.3, 0.5), (0.2, 0.4)) if analog and rng.random() < 0.5 else ((), ())
    seed = int(rng.integers(100))
    mean_image = MeanImage(rng.random((2, 8, 8))) if kind == "signed_rate" else None
    network = SpikingNetwork(
        parse_layers(layers),
        (2, 8, 8),
        steps,
        Encoding(kind, levels, mean, std, seed, mean_image),
        readout,
        Surrogate(),
        torch.Generator().manual_seed(int(rng.integers(2**31))),
        GateOptions(seed) if gated else None,
        neuron=neuron,
    )
    with torch.no_grad():
        for gate in gates_of(network):
            gate.raw.copy_(torch.from_numpy(rng.uniform(0, 1.2, gate.raw.shape)))
        for block in network.blocks:
            outputs = len(block.running_mean)
            block.running_mean.copy_(torch.from_numpy(rng.normal(0, 0.2, outputs)))
            block.running_variance.copy_(torch.from_numpy(rng.uniform(0.2, 1.5, outputs)))
            if block.offset is not None:
                block.offset.copy_(torch.from_numpy(rng.normal(0.1, 0.3, outputs)))
            if block.scalars is not None and neuron.threshold == "trained":
                block.scalars.threshold.fill_(float(rng.uniform(0.4, 1.6)))
            if block.scalars is not None and neuron.leak == "trained":
                block.scalars.leak.fill_(float(rng.uniform(0.6, 1.0)))
    return network.eval()


def simulate(model: Model, stimulus: Stimulus, readout: str) -> Record:
    """The simulator's record with the rasters of every layer."""
    return Simulator().run(model, stimulus, readout, keep=[index for index, _ in model.populations])
