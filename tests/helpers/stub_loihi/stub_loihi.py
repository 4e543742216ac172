"""What stands for lava-loihi in tests: adapters that pass spikes on, and a configuration that remembers.

In a folder of its own, because Lava's compiler executes every module beside a Process.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

made: list[Any] = []


class Adapter(AbstractProcess):
    def __init__(self, *, shape, num_message_bits):
        super().__init__(shape=shape, num_message_bits=num_message_bits)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)
        made.append((shape, num_message_bits))


@implements(proc=Adapter, protocol=LoihiProtocol)
@requires(CPU)
class PyAdapter(PyLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self):
        self.out.send(self.inp.recv())


class HardwareConfig(Loihi2SimCfg):
    """Stands for Loihi2HwCfg; remembers what it was asked."""

    def __init__(self, **settings):
        made.append(settings)
        super().__init__(**settings)
