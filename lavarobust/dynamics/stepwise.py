"""A window as one torch operation after the other: any device, any range; the fused engine's reference."""

from __future__ import annotations

import torch

from lavarobust.dynamics.population import (
    INT32_HALF_RANGE,
    LIF,
    STATE_UNIT,
    Decay,
    Gradients,
    Outcome,
    State,
    Window,
    kept,
)
from lavarobust.dynamics.unshared import peak
from lavarobust.netx.limits import DECAY_UNITY, POTENTIAL_LIMIT, STATE_HALF_RANGE


def run(window: Window) -> Outcome:
    """Run the window forward, exactly."""
    sums, steps, neuron = window.sums, window.steps, window.neuron
    current, potential = window.start.current, window.start.potential
    spikes = torch.zeros((steps, *sums.shape[1:]), dtype=torch.float32, device=sums.device)
    before_reset = torch.empty_like(spikes) if window.keep else None
    wraps = torch.zeros((steps, sums.shape[1]), dtype=torch.int64, device=sums.device)
    clips, active = torch.zeros_like(wraps), torch.zeros_like(wraps)
    top_current = top_potential = 0.0
    threshold = neuron.threshold * STATE_UNIT
    for step in range(steps):
        current = _leak(current, neuron.current_decay)
        if step < len(sums):
            current = current + sums[step] * STATE_UNIT
        if not window.stays_in_int32:
            current = _wrap_int32(current)
        top_current = max(top_current, peak(current))
        if window.may_wrap:
            current, wrapped = _wrap_once(current)
            wraps[step] = wrapped.flatten(1).sum(1)
        if not window.keep:
            moving = (current != 0) | (potential != 0) | (window.bias != 0)
            active[step] = moving.flatten(1).sum(1)
        potential = _leak(potential, neuron.voltage_decay) + (current + window.bias)
        if not window.stays_in_int32:
            potential = _wrap_int32(potential)
        top_potential = max(top_potential, peak(potential))
        if window.may_clip:
            clips[step] = (potential.abs() > POTENTIAL_LIMIT).flatten(1).sum(1)
            potential = potential.clamp(-POTENTIAL_LIMIT, POTENTIAL_LIMIT)
        if before_reset is not None:
            before_reset[step] = potential
        if neuron.spikes:
            spiked = potential > threshold
            spikes[step] = spiked
            if neuron.reset == "soft":
                potential = potential - spiked * threshold
            else:
                # several times faster than masked_fill, and the same: a spiking potential is positive
                potential = potential * ~spiked
    counted = wraps, clips, None if window.keep else active
    tops = int(top_current), int(top_potential)
    return Outcome(spikes, before_reset, State(current, potential), *counted, *tops)


def go_back(
    before_reset: torch.Tensor,
    frames: int,
    neuron: LIF,
    d_spikes: torch.Tensor,
    d_current: torch.Tensor,
    d_potential: torch.Tensor,
    start: torch.Tensor | None = None,
    slopes: torch.Tensor | None = None,
) -> Gradients:
    """Gradients of a window, all in float32; see :func:`lavarobust.dynamics.lif.integrate`.

    ``start`` is the potential before the first step, where the gradients of the scalars are wanted;
    ``slopes`` are derivatives of the spikes with respect to their potentials, broadcasting against
    ``(T, N, *shape)``, in place of the surrogate's.
    """
    keep_current, keep_potential = kept(neuron.current_decay), kept(neuron.voltage_decay)
    threshold = neuron.threshold * STATE_UNIT
    unit = float(threshold) or 1.0
    spiked = (before_reset > threshold).to(before_reset.dtype) if neuron.spikes else None
    # the potential after a reset is ``before - taken * spike``: a hard one takes all of it
    taken = before_reset if neuron.reset == "hard" else torch.full_like(before_reset, threshold)
    if spiked is not None:
        slope = neuron.surrogate.derivative(before_reset / unit - 1).div_(unit) if slopes is None else slopes
        slope = slope.expand_as(before_reset)
        silent = 1 - spiked if neuron.reset == "hard" else torch.ones_like(spiked)
        direct = slope * d_spikes
    d_sums = before_reset.new_empty((frames, *before_reset.shape[1:]))
    d_bias = torch.zeros_like(before_reset[0])
    d_threshold, d_keep = before_reset.new_zeros(2)
    d_u, d_v = d_current, d_potential
    for step in reversed(range(len(before_reset))):
        if spiked is not None:
            if start is not None:
                wanted = d_spikes[step]
                if neuron.surrogate.through_reset:
                    wanted = wanted - d_v * taken[step]
                per_threshold = before_reset[step] / unit if neuron.surrogate.relative else 1.0
                d_threshold -= (wanted * slope[step] * per_threshold).sum()
                if neuron.reset == "soft":
                    d_threshold -= (d_v * spiked[step]).sum()
            through = d_v * silent[step]
            if neuron.surrogate.through_reset:
                through = through - d_v * taken[step] * slope[step]
            d_v = through.add_(direct[step])
        if start is not None:
            left = start
            if step > 0:
                left = before_reset[step - 1]
                left = left if spiked is None else left - taken[step - 1] * spiked[step - 1]
            d_keep += (d_v * left).sum()
        d_bias += d_v
        d_u = d_u + d_v
        if step < frames:
            torch.mul(d_u, STATE_UNIT, out=d_sums[step])
        d_u = (d_u * keep_current).float()
        d_v = (d_v * keep_potential).float()
    if start is None:
        return Gradients(d_sums, d_bias, d_u, d_v)
    return Gradients(d_sums, d_bias, d_u, d_v, d_threshold * STATE_UNIT, d_keep)


def _leak(state: torch.Tensor, decay: Decay) -> torch.Tensor:
    if isinstance(decay, int):
        if decay == 0:
            return state
        if decay == DECAY_UNITY:
            return torch.zeros_like(state)
    return (state * kept(decay)).trunc_()


def _wrap_once(current: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    above, below = current > STATE_HALF_RANGE, current <= -STATE_HALF_RANGE
    wrapped = current - 2 * STATE_HALF_RANGE * above.to(current.dtype)
    return wrapped + 2 * STATE_HALF_RANGE * below.to(current.dtype), above | below


def _wrap_int32(state: torch.Tensor) -> torch.Tensor:
    return torch.remainder(state + INT32_HALF_RANGE, 2 * INT32_HALF_RANGE) - INT32_HALF_RANGE
