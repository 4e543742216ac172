"""A population without state that sends its synaptic sum itself, as a graded value."""

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


class GradedSum(AbstractProcess):  # type: ignore[misc]
    """Sends, in every step, what arrives in it: ``s_out = (a_in + (1 << shift >> 1)) >> shift``.

    That is the nearest multiple, of halves the upper one. Several synapses into ``a_in`` add up, so that it
    makes the sum of two paths, such as the input of a pre-activation residual block, available to the
    synapses behind it; those need ``num_message_bits`` above 0. It has no state to reset, and adds no
    step of latency. No public model for Loihi 2 exists.

    Args:
        shape: of the population, in Lava's order.
        shift: bits that are rounded away.
    """

    def __init__(self, *, shape: tuple[int, ...], shift: int = 0) -> None:
        super().__init__(shape=shape, shift=shift)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)


@implements(proc=GradedSum, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGradedSumModel(PyLoihiProcessModel):  # type: ignore[misc]
    """Bit-accurate CPU model of ``GradedSum``."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.shift = proc_params["shift"]

    def run_spk(self) -> None:
        self.s_out.send(self.rounded(self.a_in.recv()))

    def rounded(self, sums: np.ndarray) -> np.ndarray:
        """What is sent of these sums, int32."""
        sent: np.ndarray = (sums.astype(np.int64) + (1 << self.shift >> 1)) >> self.shift
        return sent.astype(np.int32)
