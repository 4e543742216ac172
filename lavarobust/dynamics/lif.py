"""The CUBA leaky integrate-and-fire neuron in Loihi's integers, differentiable through a surrogate.

Per step, with all states in 24-bit units (``lava/proc/lif/models.py``, PyLifModelBitAcc)::

    u <- wrap(trunc(u * (4096 - du) / 4096) + (sum << 6))
    v <- clip(trunc(v * (4096 - dv) / 4096) + u + bias)
    spike = v > threshold << 6;  v <- 0 (hard reset) or v - (threshold << 6) (soft) where it spiked

What a soft reset leaves leaks in the next step, as in HIRE-SNN's code; its Eq. 1, read literally, would
leak the whole potential and take the threshold off one step later (Kundu et al. 2021).

``wrap`` subtracts or adds 2**24 once, ``clip`` saturates at +-(2**23 - 1), and sums are held in
32-bit integers before either. The integers are computed in floating point, in the narrowest type
in which every value that matters is exact, by one of two engines that give the same numbers:
:mod:`lavarobust.dynamics.fused` on a CPU, :mod:`lavarobust.dynamics.stepwise` elsewhere and for sums
that leave 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from lavarobust.dynamics import fused, stepwise
from lavarobust.dynamics.population import LIF, Outcome, State, Window, make_window


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What a population did in one window.

    Attributes:
        spikes: ``(T, N, *shape)``, 0 or 1, in the input's floating type.
        end: states after the last step (after its reset).
        wraps, clips: ``(T, N)`` int64, neurons whose current wrapped or whose potential was clipped.
        peak_current, peak_potential: largest magnitudes before wrap and clip, in state units.
        active: ``(T, N)`` int64, updates in which any of current, potential before them and bias is not zero:
            all others add zeros to a potential of zero. None where nobody counted them, as in most
            windows that gradients go back through.
    """

    spikes: torch.Tensor
    end: State
    wraps: torch.Tensor
    clips: torch.Tensor
    peak_current: int
    peak_potential: int
    active: torch.Tensor | None = None


def integrate(
    sums: torch.Tensor,
    steps: int,
    neuron: LIF,
    bias: torch.Tensor | None = None,
    start: State | None = None,
    threshold: torch.Tensor | None = None,
    keep: torch.Tensor | None = None,
) -> Trajectory:
    """Run one population over a window, exactly, with a surrogate backward.

    Gradients flow to ``sums``, ``bias``, ``start`` and the scalars from the spikes and from the end
    states; wrap, clip and truncation count as identities there. A threshold's gradient has two ways,
    the spike's distance to it and what a soft reset takes off (Kundu et al. 2021).

    Args:
        sums: ``(F, N, *shape)`` integer-valued synaptic sums of the first F steps; none follow.
        steps: T >= F, the window.
        neuron: the population's parameters.
        bias: ``(*shape)`` or ``(N, *shape)``, integer-valued state units (mantissa << 6).
        start: states before the first step; zero if None.
        threshold: of no axis, where it is trained: the neuron's mantissa itself.
        keep: of no axis, where the leak is trained: the share ``(4096 - dv) / 4096`` of its potential
            that the neuron keeps in a step.
    """
    if bias is None:
        bias = sums.new_zeros(())
    shape = sums.shape[1:]
    current = sums.new_zeros(shape) if start is None else start.current
    potential = sums.new_zeros(shape) if start is None else start.potential
    kept: dict[str, Outcome] = {}
    scalars = [sums.new_zeros(()) if scalar is None else scalar for scalar in (threshold, keep)]
    spikes, current, potential = _Integrate.apply(
        sums, bias, current, potential, *scalars, steps, neuron, kept
    )
    return trajectory_of(spikes, State(current, potential), kept["outcome"])


def trajectory_of(spikes: torch.Tensor, end: State, outcome: Outcome) -> Trajectory:
    """Differentiable spikes and end states with the counts of an engine's outcome."""
    peaks = outcome.peak_current, outcome.peak_potential
    return Trajectory(spikes, end, outcome.wraps, outcome.clips, *peaks, outcome.active)


class _Integrate(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, sums, bias, current, potential, threshold, keep_share, steps, neuron, kept
    ):
        keep = any(ctx.needs_input_grad)
        window = make_window(sums, bias, State(current, potential), steps, neuron, keep)
        outcome = engine_of(window).run(window)
        kept["outcome"] = outcome
        if keep:
            learns = any(ctx.needs_input_grad[4:6])
            ctx.save_for_backward(outcome.before_reset, potential if learns else None)
            ctx.engine, ctx.neuron, ctx.frames, ctx.bias_shape = (
                engine_of(window),
                neuron,
                len(sums),
                bias.shape,
            )
            ctx.types = tuple(
                tensor.dtype for tensor in (sums, bias, current, potential, threshold, keep_share)
            )
        return outcome.spikes.to(sums.dtype), outcome.end.current, outcome.end.potential

    @staticmethod
    def backward(ctx, d_spikes, d_current, d_potential):  # type: ignore[no-untyped-def]
        before_reset, start = ctx.saved_tensors
        given = (tensor.float() for tensor in (d_spikes, d_current, d_potential))
        start = None if start is None else start.float()
        gradients = ctx.engine.go_back(before_reset, ctx.frames, ctx.neuron, *given, start)
        d_bias = gradients.bias.sum_to_size(ctx.bias_shape)
        states = (gradients.sums, d_bias, gradients.current, gradients.potential)
        made = (*states, gradients.threshold, gradients.keep)
        typed = (
            None if tensor is None else tensor.to(kind) for tensor, kind in zip(made, ctx.types, strict=True)
        )
        return *typed, None, None, None


def engine_of(window: Window) -> Any:
    """The faster of the engines that may run it."""
    if window.sums.device.type == "cpu" and window.stays_in_int32 and fused.trusted():
        return fused
    return stepwise
