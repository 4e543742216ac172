"""Lava's own fixed-point sigma-delta models, arithmetic untouched, that also say what happened in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.proc.sdn.models import PyDeltaModelFixed, PySigmaDeltaModelFixed, PySigmaModelFixed
from lava.proc.sdn.process import Delta, Sigma, SigmaDelta


class _Tap:
    """A port that keeps what was sent through it last."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.sent: Any = None

    def send(self, data: np.ndarray) -> None:
        self.sent = data
        self._port.send(data)


class _Traced:
    """Writes messages, wraps and final states of the model it is mixed into into a shared ``Trace``.

    Every number comes from what the inherited model computed: a state wrapped where it differs from the
    same sum in 64 bits.
    """

    time_step: int
    s_out: Any

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)  # type: ignore[call-arg]
        self.trace = proc_params["trace"]
        self.wrapped = np.zeros((), dtype=bool)

    def run_spk(self) -> None:
        if not isinstance(self.s_out, _Tap):
            self.s_out = _Tap(self.s_out)
        super().run_spk()  # type: ignore[misc]
        trace, sent = self.trace, self.s_out.sent
        if self.time_step < trace.first_step:
            trace.early[self.time_step - 1] = np.count_nonzero(sent)
            return
        row, step = trace.locate(self.time_step)
        trace.spikes[row, step] = sent.reshape(-1)
        trace.wraps[row, step] = np.count_nonzero(self.wrapped)
        trace.active[row, step] = sent.size
        if step == trace.steps - 1:
            trace.current[row] = np.reshape(getattr(self, "act", 0), -1)
            trace.potential[row] = np.reshape(self.sigma, -1)  # type: ignore[attr-defined]


class CountingDelta(_Traced, PyDeltaModelFixed):  # type: ignore[misc]
    """``Delta``."""

    def delta_dynamics(self, act_data: np.ndarray) -> np.ndarray:
        self.wrapped = _beyond(np.int64(act_data) - self.act + self.residue)
        sent: np.ndarray = super().delta_dynamics(act_data)
        return sent


class CountingSigma(_Traced, PySigmaModelFixed):  # type: ignore[misc]
    """``Sigma``."""

    def sigma_dynamics(self, a_in_data: np.ndarray) -> np.ndarray:
        self.wrapped = _beyond(np.int64(self.sigma) + a_in_data)
        total: np.ndarray = super().sigma_dynamics(a_in_data)
        return total


class CountingSigmaDelta(_Traced, PySigmaDeltaModelFixed):  # type: ignore[misc]
    """``SigmaDelta``."""

    def sigma_dynamics(self, a_in_data: np.ndarray) -> np.ndarray:
        self.wrapped = _beyond(np.int64(self.sigma) + a_in_data)
        total: np.ndarray = super().sigma_dynamics(a_in_data)
        return total

    def activation_dynamics(self, sigma_data: np.ndarray) -> np.ndarray:
        self.wrapped = self.wrapped | _beyond(np.int64(sigma_data) + self.bias)
        activation: np.ndarray = super().activation_dynamics(sigma_data)
        return activation

    def delta_dynamics(self, act_data: np.ndarray) -> np.ndarray:
        self.wrapped = self.wrapped | _beyond(np.int64(act_data) - self.act + self.residue)
        sent: np.ndarray = super().delta_dynamics(act_data)
        return sent


COUNTING_MODELS = {Delta: CountingDelta, Sigma: CountingSigma, SigmaDelta: CountingSigmaDelta}
"""For a run configuration: which model runs which Process."""


def _beyond(exact: np.ndarray) -> np.ndarray:
    """Which integers don't fit 32 bits."""
    beyond: np.ndarray = exact.astype(np.int32) != exact
    return beyond
