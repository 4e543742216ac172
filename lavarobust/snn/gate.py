"""Stochastic gates as part of a network: trained probabilities, the device's draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.draws import Keys
from lavarobust.dynamics.gate import GATE_GRADIENTS, gate_draws, gated, openings
from lavarobust.errors import SettingsError

LEAST_OPEN = 0.1
"""Below it no probability falls (``STOG: models/inhibition.py``)."""


@dataclass(frozen=True)
class GateOptions:
    """What all gates of a network have in common.

    Attributes:
        seed: of their draws.
        gradient: of the probabilities; one of :data:`lavarobust.dynamics.gate.GATE_GRADIENTS`.
        initial: probability before training; it stays where no defence trains gates.

    Raises:
        SettingsError: another gradient, or an impossible probability.
    """

    seed: int = 0
    gradient: str = "concrete"
    initial: float = 1.0

    def __post_init__(self) -> None:
        if not LEAST_OPEN <= self.initial <= 1:
            raise SettingsError(f"gate initial is {self.initial}. Give a probability from {LEAST_OPEN} to 1")
        if self.gradient not in GATE_GRADIENTS:
            known = ", ".join(GATE_GRADIENTS)
            raise SettingsError(f"gate gradient is {self.gradient!r}. Choose from: {known}")


class StochasticGate(torch.nn.Module):
    """Sends each of a population's spikes with its neuron's own probability.

    It is as random in evaluation and under attack as in training; the keys of a forward pass say
    which draws those are. Parameter ``raw``, of the population's shape, is clamped to [0.1, 1] before
    it is used; where the clamp holds it, no task gradient reaches it.

    Args:
        shape: of the population.
        stream: number of the layer among those that draw, from 1.
        options: seed and gradient.
    """

    def __init__(self, shape: tuple[int, ...], stream: int, options: GateOptions) -> None:
        super().__init__()
        self.stream, self.options = stream, options
        self.raw = torch.nn.Parameter(torch.full(shape, options.initial))

    @property
    def probability(self) -> torch.Tensor:
        """``(*shape)`` in [0.1, 1], differentiable."""
        return F.hardtanh(self.raw, LEAST_OPEN, 1.0)

    @property
    def opening(self) -> np.ndarray:
        """``(*shape)`` int32 in 1/65536: what is executed."""
        return openings(self.probability.detach().cpu().numpy())

    def forward(self, spikes: torch.Tensor, keys: Keys) -> torch.Tensor:
        """Spikes ``(T, N, *shape)`` that are sent."""
        steps, neurons = len(spikes), self.raw.numel()
        draws = gate_draws(self.options.seed, self.stream, keys, steps, neurons)
        return gated(spikes, self.probability, draws, self.options.gradient)


def gates_of(network: torch.nn.Module) -> tuple[StochasticGate, ...]:
    """The gates in a network, in order."""
    return tuple(part for part in network.modules() if isinstance(part, StochasticGate))


def weights_of(network: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Every trained parameter but those of gates, which a defence trains by itself."""
    apart = {id(gate.raw) for gate in gates_of(network)}
    return [p for p in network.parameters() if p.requires_grad and id(p) not in apart]
