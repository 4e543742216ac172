"""A LIF neuron with soft reset: a spike takes the threshold off the potential instead of clearing it."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import PyLifResetModelBitAcc
from lava.proc.lif.process import LIFReset


class SoftLIFReset(LIFReset):  # type: ignore[misc]
    """Lava's ``LIFReset`` whose spikes subtract the threshold.

    Per step, in the 24-bit integers of ``LIFReset`` (same arguments, ports and Vars)::

        u <- wrap(trunc(u * (4096 - (du + 1)) / 4096) + (a_in << 6))
        v <- clip(trunc(v * (4096 - dv) / 4096) + u + (bias_mant << bias_exp))
        s_out = v > vth << 6;  v <- v - (vth << 6) where it spiked

    What is left of the potential leaks in the next step, as in the code of HIRE-SNN (Kundu et al. 2021).
    ``reset_interval`` and ``reset_offset`` clear both states between samples, as in ``LIFReset``, whose
    default clears them in every step; an interval longer than the run never does. No public model for
    Loihi 2 exists. By itself::

        neuron = SoftLIFReset(shape=(10,), du=4095, dv=41, vth=64, reset_interval=8, reset_offset=1)
        dense.a_out.connect(neuron.a_in)
        neuron.run(RunSteps(8), Loihi2SimCfg(select_tag="fixed_pt"))
    """


@implements(proc=SoftLIFReset, protocol=LoihiProtocol)
class PySoftLIFResetModel(PyLifResetModelBitAcc):  # type: ignore[misc]
    """Bit-accurate CPU model of ``SoftLIFReset``."""

    implements_process = None  # inherited from LIFReset's model, and ``implements`` replaces none

    def reset_voltage(self, spike_vector: np.ndarray) -> None:
        self.v[spike_vector] -= self.effective_vth
