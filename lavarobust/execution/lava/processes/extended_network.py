"""A network of blocks that no plain NetX file can describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lava.lib.dl.netx.blocks.models import AbstractPyBlockModel
from lava.lib.dl.netx.blocks.process import AbstractBlock
from lava.magma.core.decorator import implements
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavarobust.execution.lava.processes.stochastic_gate import StochasticGate


class ExtendedNetwork(AbstractProcess):  # type: ignore[misc]
    """Connected netx blocks with one input and one output port, as lava-dl's ``Network`` has them.

    Args:
        layers: the blocks of its populations in order, connected to each other.
        gates: behind some of them, by position.
        input_message_bits: 0 for spikes of 0 and 1; positive for integer payloads.
        last: what the last population sends through.
    """

    def __init__(
        self,
        *,
        layers: Sequence[AbstractBlock],
        gates: Mapping[int, StochasticGate],
        input_message_bits: int,
        last: OutPort,
    ) -> None:
        super().__init__()
        self.layers, self.gates = list(layers), dict(gates)
        self.input_message_bits = input_message_bits
        self.in_layer, self.out_layer = self.layers[0], self.layers[-1]
        self.output_message_bits = self.out_layer.output_message_bits
        self.inp = InPort(shape=self.in_layer.inp.shape)
        self.out = OutPort(shape=self.out_layer.out.shape)
        self.inp.connect(self.in_layer.inp)
        last.connect(self.out)

    def __len__(self) -> int:
        return len(self.layers)


@implements(proc=ExtendedNetwork, protocol=LoihiProtocol)
class PyExtendedNetworkModel(AbstractPyBlockModel):  # type: ignore[misc]
    """Its blocks, and nothing else."""
