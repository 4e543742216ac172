"""Lava's own bit-accurate LIF and ours, arithmetic untouched, that also say what happened in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.proc.lif.models import PyLifResetModelBitAcc
from lava.proc.lif.process import LIFReset

from lavarobust.execution.lava.processes.graded_sum import GradedSum, PyGradedSumModel
from lavarobust.execution.lava.processes.soft_reset import PySoftLIFResetModel, SoftLIFReset
from lavarobust.execution.lava.processes.stochastic_gate import PyStochasticGate, StochasticGate
from lavarobust.netx.limits import POTENTIAL_LIMIT


class CountingLIFReset(PyLifResetModelBitAcc):  # type: ignore[misc]
    """``LIFReset`` whose spikes, wraps, clips and final states go into a shared ``Trace``.

    Every number comes from the states that the inherited model computed. A current wrapped where it
    differs from decayed current plus input; a potential was clipped where it differs from decayed
    potential plus current plus bias. An update was active where current, earlier potential or bias is
    not zero.
    """

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.trace = proc_params["trace"]
        self.drive = proc_params.get("drive")
        self.wraps = 0
        self.clips = 0
        self.active = 0

    def run_spk(self) -> None:
        if self.drive is not None:
            self.bias_mant[...] = self.drive.at(self.time_step)
        super().run_spk()

    def subthr_dynamics(self, activation_in: np.ndarray) -> None:
        # Both are rare, and looked for in full only where they are possible: a decay never enlarges a
        # state, and a clipped potential lies at its limit.
        arriving = _magnitude(activation_in) << self.act_shift
        may_wrap = _magnitude(self.u) + arriving > POTENTIAL_LIMIT
        current = self._decayed(self.u, self.du + self.ds_offset) if may_wrap else None
        before = self.v.copy()
        super().subthr_dynamics(activation_in)
        self.wraps = self.clips = 0
        self.active = int(np.count_nonzero((self.u != 0) | (before != 0) | (self.effective_bias != 0)))
        if current is not None:
            current += np.left_shift(activation_in, self.act_shift)
            self.wraps = int(np.count_nonzero(current != self.u))
        if _magnitude(self.v) >= POTENTIAL_LIMIT:
            potential = self._decayed(before, self.dv + self.dm_offset)
            self.clips = int(np.count_nonzero(potential + self.u + self.effective_bias != self.v))

    def reset_voltage(self, spike_vector: np.ndarray) -> None:
        super().reset_voltage(spike_vector)
        trace = self.trace
        if self.time_step < trace.first_step:
            trace.early[self.time_step - 1] = np.count_nonzero(spike_vector)
            return
        row, step = trace.locate(self.time_step)
        trace.spikes[row, step] = spike_vector.reshape(-1)
        trace.wraps[row, step] = self.wraps
        trace.clips[row, step] = self.clips
        trace.active[row, step] = self.active
        if step == trace.steps - 1:
            trace.current[row] = self.u.reshape(-1)
            trace.potential[row] = self.v.reshape(-1)

    def _decayed(self, state: np.ndarray, decay: Any) -> np.ndarray:
        """The state after one step's decay, truncated towards zero as the inherited model does."""
        product = np.int64(state) * (self.decay_unity - decay)
        truncated: np.ndarray = np.sign(product) * np.right_shift(np.abs(product), self.decay_shift)
        return truncated.astype(np.int32)


class CountingSoftLIFReset(CountingLIFReset, PySoftLIFResetModel):
    """``SoftLIFReset``, which goes on from its model's arithmetic; counted as ``LIFReset``."""


class TracedGate(PyStochasticGate):  # type: ignore[misc]
    """``StochasticGate`` that leaves in its population's ``Trace`` only the spikes that it sends."""

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.trace = proc_params["trace"]

    def sent(self, spikes: np.ndarray) -> np.ndarray:
        sent = super().sent(spikes)
        if self.time_step < self.trace.first_step:
            self.trace.early[self.time_step - 1] = 0
        else:
            self.trace.spikes[self.trace.locate(self.time_step)] = sent.reshape(-1)
        return sent


class CountingGradedSum(PyGradedSumModel):
    """``GradedSum`` whose values go into a shared ``Trace``."""

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self.trace = proc_params["trace"]

    def rounded(self, sums: np.ndarray) -> np.ndarray:
        sent = super().rounded(sums)
        if self.time_step >= self.trace.first_step:
            here = self.trace.locate(self.time_step)
            self.trace.spikes[here] = sent.reshape(-1)
            self.trace.active[here] = np.count_nonzero(sums)
        return sent


COUNTING_MODELS = {
    LIFReset: CountingLIFReset,
    SoftLIFReset: CountingSoftLIFReset,
    StochasticGate: TracedGate,
    GradedSum: CountingGradedSum,
}


def _magnitude(values: np.ndarray) -> int:
    """The largest magnitude among integers."""
    return max(int(values.max()), -int(values.min()))
