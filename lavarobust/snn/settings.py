"""What a block is told of its neurons and of what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

from lavarobust.dynamics import Surrogate
from lavarobust.netx.limits import DECAY_UNITY
from lavarobust.snn.scalars import NeuronOptions


@dataclass(frozen=True)
class BlockSettings:
    """How a block's neurons behave.

    Attributes:
        voltage_decay: ``vDecay``, 0 for an integrate-and-fire neuron.
        holds_input: True for the first layer of direct input: ``iDecay = 0``, so that the current keeps
            an image that arrives once.
        spiking: False for a membrane readout.
        batch_norm: fold a batch norm (over samples, steps and space) into weight and bias.
        bias: a trained bias where there is no batch norm.
        pool: side of the average pool in front, 1 for none.
        input_units: integer units of the input per real unit (encoder levels; spikes have 1).
        surrogate: derivative of a spike.
        neuron: reset, threshold and leak of a spiking population.
    """

    voltage_decay: int = 0
    holds_input: bool = False
    spiking: bool = True
    batch_norm: bool = True
    bias: bool = False
    pool: int = 1
    input_units: float = 1.0
    surrogate: Surrogate = Surrogate()
    neuron: NeuronOptions = NeuronOptions()

    @property
    def leak(self) -> float:
        """Share of its potential that a step keeps before training."""
        return 1 - self.voltage_decay / DECAY_UNITY if self.voltage_decay else self.neuron.initial_leak
