"""A gate that sends each neuron's spikes with the neuron's own probability."""

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

from lavarobust.draws import Keys
from lavarobust.dynamics.gate import gate_draws, opened


class StochasticGate(AbstractProcess):  # type: ignore[misc]
    """Sends a spike in the step in which it arrives, if a draw of 16 bits is below its opening.

    Put between a population and the synapses behind it, it adds no latency and the population's reset
    never sees it (StoG, Ding et al. 2024). Sample i of a run occupies the time steps ``first_step + i *
    window`` and on; its draws are those of :func:`lavarobust.dynamics.gate.gate_draws`, whatever else
    runs. Nothing passes before the first sample, between two or behind the last. No public model for
    Loihi 2 exists.

    Args:
        opening: int32 in 1/65536, 0..65536, in the population's shape, Lava's axis order.
        seed, stream: of the draws.
        steps: of a sample.
        window: steps between the first steps of two samples.
        first_step: Lava time step (they start at 1) of the first sample's first step.
        keys: each sample's index and the repetition.
    """

    def __init__(
        self,
        *,
        opening: np.ndarray,
        seed: int,
        stream: int,
        steps: int,
        window: int,
        first_step: int,
        keys: Keys,
    ) -> None:
        super().__init__(
            opening=opening,
            seed=seed,
            stream=stream,
            steps=steps,
            window=window,
            first_step=first_step,
            keys=keys,
        )
        self.s_in = InPort(shape=opening.shape)
        self.s_out = OutPort(shape=opening.shape)


@implements(proc=StochasticGate, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyStochasticGate(PyLoihiProcessModel):  # type: ignore[misc]
    """CPU model of ``StochasticGate``."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.first_step, self.window = proc_params["first_step"], proc_params["window"]
        self.steps, self.keys = proc_params["steps"], proc_params["keys"]
        self.seed, self.stream = proc_params["seed"], proc_params["stream"]
        self.opening = proc_params["opening"]
        self.sample = -1
        self.passes = np.empty((0, *self.opening.shape), dtype=bool)

    def run_spk(self) -> None:
        self.s_out.send(self.sent(self.s_in.recv()))

    def sent(self, spikes: np.ndarray) -> np.ndarray:
        """What passes of a step's spikes."""
        sample, step = divmod(self.time_step - self.first_step, self.window)
        if not (0 <= sample < len(self.keys.indices) and step < self.steps):
            return np.zeros_like(spikes)
        if sample != self.sample:
            self.sample, self.passes = sample, self.drawn(sample)
        passing: np.ndarray = spikes * self.passes[step]
        return passing

    def drawn(self, sample: int) -> np.ndarray:
        """``(T, *shape)`` bool: which gates are open in a sample."""
        keys = self.keys.taken(slice(sample, sample + 1))
        draws = gate_draws(self.seed, self.stream, keys, self.steps, self.opening.size)[0]
        # drawn in (C, H, W) order, which is Lava's turned around
        in_order = draws.reshape(-1, *self.opening.shape[::-1])
        return opened(in_order.transpose(0, *range(in_order.ndim - 1, 0, -1)), self.opening)
