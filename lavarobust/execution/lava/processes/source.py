"""Sends the frames of many samples, back to back."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class FrameSource(AbstractProcess):  # type: ignore[misc]
    """Sends frame f of sample i at time step ``i * window + f + 1``, and zeros otherwise.

    Args:
        frames: ``(N, F, *shape)`` integers, shape in Lava's order; may be a view. It is read in place
            after the fork and never becomes a Var.
        window: steps between the first steps of two samples.
    """

    def __init__(self, *, frames: np.ndarray, window: int) -> None:
        super().__init__(frames=frames, window=window)
        self.s_out = OutPort(shape=frames.shape[2:])


@implements(proc=FrameSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyFrameSource(PyLoihiProcessModel):  # type: ignore[misc]
    """CPU model of ``FrameSource``."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.frames = proc_params["frames"]
        self.window = proc_params["window"]
        self.silence = np.zeros(self.frames.shape[2:], dtype=np.int32)

    def run_spk(self) -> None:
        sample, step = divmod(self.time_step - 1, self.window)
        live = sample < self.frames.shape[0] and step < self.frames.shape[1]
        self.s_out.send(self.frames[sample, step] if live else self.silence)
