"""What a gradient rule may look at: a population's window as the exact integers ran it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from lavarobust.dynamics.population import STATE_UNIT, Outcome, Window, kept


@dataclass(frozen=True, eq=False)
class Recording:
    """A window of spiking neurons and its outcome, with the potentials before every reset kept.

    Attributes:
        window, outcome: as the engine was given it, and as it answered.
    """

    window: Window
    outcome: Outcome

    @property
    def unit(self) -> float:
        """The threshold in state units; 1 where it is 0."""
        return float(self.window.neuron.threshold * STATE_UNIT) or 1.0

    @property
    def potential(self) -> torch.Tensor:
        """``(T, N, *shape)`` float32 integers, state units, on which spikes were decided."""
        assert self.outcome.before_reset is not None
        return self.outcome.before_reset

    @property
    def distance(self) -> torch.Tensor:
        """``(T, N, *shape)`` potential above the threshold, in thresholds."""
        return self.potential / self.unit - 1

    @property
    def fired(self) -> torch.Tensor:
        """``(N, *shape)`` bool: at least one spike in the window."""
        return self.outcome.spikes.amax(0) > 0

    @property
    def kept(self) -> Any:
        """The share of its potential that a neuron keeps in a step; a number, or one per neuron."""
        return kept(self.window.neuron.voltage_decay)

    @property
    def drive(self) -> torch.Tensor:
        """``(N, *shape)`` float32 current and bias together, averaged over the window, in thresholds.

        A current that holds counts in each step in which it does, without the truncation of its leak.
        """
        window = self.window
        share, reach = kept(window.neuron.current_decay), 0.0
        total = torch.zeros_like(window.sums[0])
        for step in reversed(range(window.steps)):
            reach = 1.0 + share * reach
            if step < len(window.sums):
                total = total + window.sums[step] * reach
        mean = (total * (STATE_UNIT / window.steps) + window.bias) / self.unit
        return mean.float()
