"""A population of neurons and what one window of it is: the data that both engines share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from lavarobust.dynamics.surrogate import Surrogate
from lavarobust.dynamics.unshared import peak
from lavarobust.netx.limits import (
    DECAY_UNITY,
    POTENTIAL_LIMIT,
    READOUT_THRESHOLD,
    STATE_HALF_RANGE,
    STATE_SHIFT,
)
from lavarobust.netx.model import Reset

STATE_UNIT = 1 << STATE_SHIFT
INT32_HALF_RANGE = 1 << 31
_FLOAT32_EXACT = 1 << 24

Decay = int | torch.Tensor


@dataclass(frozen=True, eq=False)
class LIF:
    """Parameters of one population.

    Attributes:
        current_decay, voltage_decay: 0..4096 in 1/4096 per step; an int, or a tensor that
            broadcasts against a step ``(N, *shape)``.
        threshold: mantissa; compared as ``threshold << 6``.
        surrogate: the derivative of the spike in the backward pass.
        reset: ``hard``, a spike clears the potential, or ``soft``, it takes the threshold off it.
    """

    current_decay: Decay
    voltage_decay: Decay
    threshold: int
    surrogate: Surrogate = Surrogate()
    reset: Reset = "hard"

    @property
    def spikes(self) -> bool:
        """False where the clipped potential can never exceed the threshold (a membrane readout)."""
        return self.threshold < READOUT_THRESHOLD

    @property
    def fresh(self) -> bool:
        """True where the current is this step's input alone."""
        return isinstance(self.current_decay, int) and self.current_decay == DECAY_UNITY


@dataclass(frozen=True, eq=False)
class State:
    """Current and potential ``(N, *shape)`` after a step, in state units."""

    current: torch.Tensor
    potential: torch.Tensor


@dataclass(frozen=True, eq=False)
class Window:
    """One run of a population, all tensors in the narrowest type in which its integers are exact.

    Attributes:
        sums: ``(F, N, *shape)`` synaptic sums of the first F steps.
        bias: broadcasts against ``(N, *shape)``; state units.
        start: states before the first step.
        steps: T >= F.
        neuron: parameters.
        bound_current, bound_potential: magnitudes that neither can exceed, were they never cut.
        keep: whether a backward pass will follow.
    """

    sums: torch.Tensor
    bias: torch.Tensor
    start: State
    steps: int
    neuron: LIF
    bound_current: float
    bound_potential: float
    keep: bool

    @property
    def may_wrap(self) -> bool:
        return not self.bound_current < STATE_HALF_RANGE

    @property
    def may_clip(self) -> bool:
        return not self.bound_potential <= POTENTIAL_LIMIT

    @property
    def stays_in_int32(self) -> bool:
        """Whether no state leaves the 32-bit integers in which Lava computes it; False for NaN."""
        return max(self.bound_current, self.bound_potential) < INT32_HALF_RANGE


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an engine returns for a window; see :class:`lavarobust.dynamics.lif.Trajectory`.

    Attributes:
        before_reset: ``(T, N, *shape)`` float32 potentials that spikes were decided on; None unless kept.
        active: ``(T, N)`` int64, see there; None where ``before_reset`` is kept.
    """

    spikes: torch.Tensor
    before_reset: torch.Tensor | None
    end: State
    wraps: torch.Tensor
    clips: torch.Tensor
    active: torch.Tensor | None
    peak_current: int
    peak_potential: int


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients of a window's inputs: ``(F, N, *shape)`` and three times ``(N, *shape)``.

    Attributes:
        threshold, keep: those of the population's scalars, its threshold mantissa and the share of its
            potential that a step keeps; None unless wanted.
    """

    sums: torch.Tensor
    bias: torch.Tensor
    current: torch.Tensor
    potential: torch.Tensor
    threshold: torch.Tensor | None = None
    keep: torch.Tensor | None = None


def make_window(
    sums: torch.Tensor, bias: torch.Tensor, start: State, steps: int, neuron: LIF, keep: bool
) -> Window:
    """Bound a run's states and choose the type it is exact in."""
    drive = peak(sums) * STATE_UNIT
    bound_current = drive if neuron.fresh else peak(start.current) + drive * sums.shape[0]
    bound_potential = peak(start.potential) + steps * (bound_current + peak(bias))
    dtype = torch.float64
    if _fits_float32(bound_current, bound_potential, start.current, bias, neuron):
        dtype = torch.float32
    exact = State(start.current.to(dtype), start.potential.to(dtype))
    return Window(sums.to(dtype), bias.to(dtype), exact, steps, neuron, bound_current, bound_potential, keep)


def kept(decay: Decay) -> Any:
    """The share of a state that one step keeps; exact, being a multiple of 2**-12."""
    return (DECAY_UNITY - decay) / DECAY_UNITY


def _fits_float32(
    bound_current: float, bound_potential: float, current: torch.Tensor, bias: torch.Tensor, neuron: LIF
) -> bool:
    """Whether every current is a multiple of 64 below 2**30 (24 significant bits), nothing leaves 32 bits
    and no decay makes a product of more; a potential that float32 rounds is clipped anyway."""
    decays = (neuron.current_decay, neuron.voltage_decay)
    trivial = all(isinstance(decay, int) and decay in (0, DECAY_UNITY) for decay in decays)
    narrow = bound_current + peak(bias) < _FLOAT32_EXACT * STATE_UNIT and bound_potential < INT32_HALF_RANGE
    return trivial and narrow and not bool(torch.remainder(current, STATE_UNIT).any())
