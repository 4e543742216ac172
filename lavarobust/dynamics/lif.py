"""The CUBA leaky integrate-and-fire neuron in Loihi's integers, differentiable through a surrogate.

Per step, with all states in 24-bit units (``lava/proc/lif/models.py``, PyLifModelBitAcc)::

    u <- wrap(trunc(u * (4096 - du) / 4096) + (sum << 6))
    v <- clip(trunc(v * (4096 - dv) / 4096) + u + bias)
    spike = v > threshold << 6;  v <- 0 where it spiked

``wrap`` subtracts or adds 2**24 once, ``clip`` saturates at +-(2**23 - 1), and sums are held in
32-bit integers before either. The integers are computed in floating point, in the narrowest type
in which every value that matters is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from lavarobust.dynamics.surrogate import Surrogate
from lavarobust.netx.limits import (
    DECAY_UNITY,
    POTENTIAL_LIMIT,
    READOUT_THRESHOLD,
    STATE_HALF_RANGE,
    STATE_SHIFT,
)

STATE_UNIT = 1 << STATE_SHIFT
_FLOAT32_EXACT = 1 << 24
_INT32_HALF_RANGE = 1 << 31

Decay = int | torch.Tensor


@dataclass(frozen=True, eq=False)
class LIF:
    """Parameters of one population.

    Attributes:
        current_decay, voltage_decay: 0..4096 in 1/4096 per step; an int, or a tensor that
            broadcasts against a step ``(N, *shape)``.
        threshold: mantissa; compared as ``threshold << 6``.
        surrogate: the derivative of the spike in the backward pass.
    """

    current_decay: Decay
    voltage_decay: Decay
    threshold: int
    surrogate: Surrogate = Surrogate()

    @property
    def spikes(self) -> bool:
        """False where the clipped potential can never exceed the threshold (a membrane readout)."""
        return self.threshold < READOUT_THRESHOLD


@dataclass(frozen=True, eq=False)
class State:
    """Current and potential ``(N, *shape)`` after a step, in state units."""

    current: torch.Tensor
    potential: torch.Tensor


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What a population did in one window.

    Attributes:
        spikes: ``(T, N, *shape)``, 0 or 1, in the input's floating type.
        end: states after the last step (after its reset).
        wraps, clips: ``(T, N)`` int64, neurons whose current wrapped or whose potential was clipped.
        peak_current, peak_potential: largest magnitudes before wrap and clip, in state units.
    """

    spikes: torch.Tensor
    end: State
    wraps: torch.Tensor
    clips: torch.Tensor
    peak_current: int
    peak_potential: int


def integrate(
    sums: torch.Tensor,
    steps: int,
    neuron: LIF,
    bias: torch.Tensor | None = None,
    start: State | None = None,
) -> Trajectory:
    """Run one population over a window, exactly, with a surrogate backward.

    Gradients flow to ``sums``, ``bias`` and ``start`` from the spikes and from the end states; wrap,
    clip and truncation count as identities there.

    Args:
        sums: ``(F, N, *shape)`` integer-valued synaptic sums of the first F steps; none follow.
        steps: T >= F, the window.
        neuron: the population's parameters.
        bias: ``(*shape)`` or ``(N, *shape)``, integer-valued state units (mantissa << 6).
        start: states before the first step; zero if None.
    """
    if bias is None:
        bias = sums.new_zeros(())
    shape = sums.shape[1:]
    current = sums.new_zeros(shape) if start is None else start.current
    potential = sums.new_zeros(shape) if start is None else start.potential
    counts: dict[str, Any] = {}
    spikes, current, potential = _Integrate.apply(sums, bias, current, potential, steps, neuron, counts)
    return Trajectory(spikes, State(current, potential), **counts)


class _Integrate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, sums, bias, current, potential, steps, neuron, counts):  # type: ignore[no-untyped-def]
        keep = any(ctx.needs_input_grad)
        bounds = _bounds(sums, current, potential, bias, steps, neuron)
        dtype = _exact_type(bounds, current, bias, neuron)
        exact = [tensor.to(dtype) for tensor in (sums, bias, current, potential)]
        run = _Run(exact, steps, neuron, bounds, keep)
        counts.update(
            wraps=run.wraps, clips=run.clips, peak_current=run.peak_current, peak_potential=run.peak_potential
        )
        if keep:
            ctx.save_for_backward(run.before_reset)
            ctx.neuron, ctx.frames, ctx.bias_shape = neuron, sums.shape[0], bias.shape
            ctx.types = tuple(tensor.dtype for tensor in (sums, bias, current, potential))
        return run.spikes.to(sums.dtype), run.current, run.potential

    @staticmethod
    def backward(ctx, d_spikes, d_current, d_potential):  # type: ignore[no-untyped-def]
        (before_reset,) = ctx.saved_tensors
        neuron: LIF = ctx.neuron
        keep_current = _kept(neuron.current_decay)
        keep_potential = _kept(neuron.voltage_decay)
        steps = before_reset.shape[0]
        unit = float(neuron.threshold * STATE_UNIT) or 1.0
        slope = None
        if neuron.spikes:
            slope = neuron.surrogate.derivative(before_reset / unit - 1).div_(unit)
            silent = (before_reset <= neuron.threshold * STATE_UNIT).to(before_reset.dtype)
            direct = slope * d_spikes
        d_sums = before_reset.new_empty((ctx.frames, *before_reset.shape[1:]))
        d_bias = torch.zeros_like(before_reset[0])
        d_u, d_v = d_current.to(d_bias.dtype), d_potential.to(d_bias.dtype)
        for step in reversed(range(steps)):
            if slope is not None:
                through = d_v * silent[step]
                if neuron.surrogate.through_reset:
                    through = through - d_v * before_reset[step] * slope[step]
                d_v = through.add_(direct[step])
            d_bias += d_v
            d_u = d_u + d_v
            if step < ctx.frames:
                torch.mul(d_u, STATE_UNIT, out=d_sums[step])
            d_u = d_u * keep_current
            d_v = d_v * keep_potential
        return (
            d_sums.to(ctx.types[0]),
            d_bias.sum_to_size(ctx.bias_shape).to(ctx.types[1]),
            d_u.to(ctx.types[2]),
            d_v.to(ctx.types[3]),
            None,
            None,
            None,
        )


class _Run:
    """The forward loop; ``before_reset`` ``(T, N, *shape)`` float32 is kept for the backward pass."""

    def __init__(self, tensors, steps, neuron, bounds, keep):  # type: ignore[no-untyped-def]
        sums, bias, current, potential = tensors
        frames, samples = sums.shape[0], sums.shape[1]
        stored = torch.float32 if sums.dtype == torch.float64 else sums.dtype
        self.spikes = torch.zeros((steps, *sums.shape[1:]), dtype=stored, device=sums.device)
        self.before_reset = torch.empty_like(self.spikes) if keep else None
        self.wraps = torch.zeros((steps, samples), dtype=torch.int64, device=sums.device)
        self.clips = torch.zeros_like(self.wraps)
        bound_u, bound_v = bounds
        may_wrap, may_clip = bound_u >= STATE_HALF_RANGE, bound_v > POTENTIAL_LIMIT
        may_exceed_int32 = max(bound_u, bound_v) >= _INT32_HALF_RANGE
        fresh = _fresh(neuron)
        top_u, top_v = (bound_u if fresh and not may_wrap else 0.0), 0.0
        threshold = neuron.threshold * STATE_UNIT
        for step in range(steps):
            current = _leak(current, neuron.current_decay)
            if step < frames:
                current = current + sums[step] * STATE_UNIT
            if may_exceed_int32:
                current = _wrap_int32(current)
            if not fresh or may_wrap:
                top_u = max(top_u, _peak(current))
            if may_wrap:
                current, wrapped = _wrap_once(current)
                self.wraps[step] = _count(wrapped)
            drive = current + bias
            potential = _leak(potential, neuron.voltage_decay) + drive
            if may_exceed_int32:
                potential = _wrap_int32(potential)
            top_v = max(top_v, _peak(potential))
            if may_clip:
                self.clips[step] = _count(potential.abs() > POTENTIAL_LIMIT)
                potential = potential.clamp(-POTENTIAL_LIMIT, POTENTIAL_LIMIT)
            if self.before_reset is not None:
                self.before_reset[step] = potential
            if neuron.spikes:
                spiked = potential > threshold
                self.spikes[step] = spiked
                # several times faster than masked_fill, and the same: a spiking potential is positive
                potential = potential * ~spiked
        self.current, self.potential = current, potential
        self.peak_current, self.peak_potential = int(top_u), int(top_v)


def _leak(state: torch.Tensor, decay: Decay) -> torch.Tensor:
    if isinstance(decay, int):
        if decay == 0:
            return state
        if decay == DECAY_UNITY:
            return torch.zeros_like(state)
    return (state * _kept(decay)).trunc_()


def _kept(decay: Decay) -> Any:
    """The share of a state that one step keeps; exact, being a multiple of 2**-12."""
    return (DECAY_UNITY - decay) / DECAY_UNITY


def _wrap_once(current: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    above, below = current > STATE_HALF_RANGE, current <= -STATE_HALF_RANGE
    wrapped = current - 2 * STATE_HALF_RANGE * above.to(current.dtype)
    return wrapped + 2 * STATE_HALF_RANGE * below.to(current.dtype), above | below


def _wrap_int32(state: torch.Tensor) -> torch.Tensor:
    return torch.remainder(state + _INT32_HALF_RANGE, 2 * _INT32_HALF_RANGE) - _INT32_HALF_RANGE


def _peak(state: torch.Tensor) -> float:
    if state.numel() == 0:
        return 0.0
    low, high = torch.aminmax(state)
    return max(-float(low), float(high))


def _count(mask: torch.Tensor) -> torch.Tensor:
    return mask.flatten(1).sum(1)


def _fresh(neuron: LIF) -> bool:
    """True where the current is this step's input alone."""
    return isinstance(neuron.current_decay, int) and neuron.current_decay == DECAY_UNITY


def _bounds(
    sums: torch.Tensor,
    current: torch.Tensor,
    potential: torch.Tensor,
    bias: torch.Tensor,
    steps: int,
    neuron: LIF,
) -> tuple[float, float]:
    """Magnitudes that current and potential can't exceed in this run, were they never cut."""
    drive = _peak(sums) * STATE_UNIT
    bound_u = drive if _fresh(neuron) else _peak(current) + drive * sums.shape[0]
    return bound_u, _peak(potential) + steps * (bound_u + _peak(bias))


def _exact_type(
    bounds: tuple[float, float], current: torch.Tensor, bias: torch.Tensor, neuron: LIF
) -> torch.dtype:
    """float32 where every current is a multiple of 64 below 2**30 (24 significant bits), nothing leaves
    32 bits and no decay makes a product of more; a potential that float32 rounds is clipped anyway."""
    bound_u, bound_v = bounds
    decays = (neuron.current_decay, neuron.voltage_decay)
    trivial = all(isinstance(decay, int) and decay in (0, DECAY_UNITY) for decay in decays)
    narrow = bound_u + _peak(bias) < _FLOAT32_EXACT * STATE_UNIT and bound_v < _INT32_HALF_RANGE
    if trivial and narrow and not bool(torch.remainder(current, STATE_UNIT).any()):
        return torch.float32
    return torch.float64
