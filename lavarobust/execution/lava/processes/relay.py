"""Holds what a population sends until a longer path has caught up with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class Relay(AbstractProcess):  # type: ignore[misc]
    """Sends what it received a number of steps ago; zeros before.

    A synapse in Lava takes one step, neurons none. A shortcut around layers therefore arrives early by as
    many steps as the path around has more synapses; a relay of that many steps in front of its
    synapse aligns it. Values pass as they are, spikes and graded ones.

    Args:
        shape: of what passes, in Lava's order.
        steps: of delay, 1 or more.
    """

    def __init__(self, *, shape: tuple[int, ...], steps: int) -> None:
        super().__init__(shape=shape, steps=steps)
        self.s_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)


@implements(proc=Relay, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyRelayModel(PyLoihiProcessModel):  # type: ignore[misc]
    """CPU model of ``Relay``."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.held = np.zeros((proc_params["steps"], *proc_params["shape"]), dtype=np.int32)

    def run_spk(self) -> None:
        # sent before anything is received, as Lava's synapses do: a loop of Processes can't wait for itself
        place = self.time_step % len(self.held)
        self.s_out.send(self.held[place].copy())
        self.held[place] = self.s_in.recv()
