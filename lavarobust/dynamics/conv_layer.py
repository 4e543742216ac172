"""A convolution and its neurons as one differentiable step, without their sums ever leaving the cache.

What it computes is :func:`lavarobust.dynamics.products.conv_sums` followed by
:func:`lavarobust.dynamics.lif.integrate`: the same integers, and the same gradients up to float32's
rounding. Those two run wherever the compiled loops do not apply.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lavarobust.dynamics import fused
from lavarobust.dynamics.conv_passes import flat, go_back, run
from lavarobust.dynamics.conv_trust import reach, trusted
from lavarobust.dynamics.geometry import Convolution
from lavarobust.dynamics.lif import Trajectory, integrate
from lavarobust.dynamics.population import LIF, State
from lavarobust.dynamics.products import conv_sums
from lavarobust.dynamics.rows import LANES
from lavarobust.dynamics.unshared import are_whole, peak
from lavarobust.netx.limits import CONV_SUM_BITS, STATE_HALF_RANGE

MOST_SYNAPSES = 1 << 15
"""Kernels of more weights are left to matrix products, which are faster there."""


def integrate_conv(
    frames: torch.Tensor,
    weight: torch.Tensor,
    convolution: Convolution,
    steps: int,
    neuron: LIF,
    bias: torch.Tensor | None = None,
    threshold: torch.Tensor | None = None,
    keep: torch.Tensor | None = None,
) -> Trajectory:
    """Run a convolution and its population over a window, exactly, with a surrogate backward.

    Args:
        frames: ``(F, N, C, H, W)`` integer-valued inputs of the first F steps; none follow.
        weight: ``(C', C / groups, kH, kW)`` integer-valued.
        convolution: how it moves.
        steps: T >= F, the window.
        neuron: the population's parameters.
        bias: integer-valued state units (mantissa << 6) that broadcast against ``(C', H', W')``.
        threshold, keep: as :func:`integrate` has them.

    Raises:
        SettingsError: sums could leave the 32 bits in which Lava holds them before it wraps.
    """
    if _applies(frames, weight, convolution, neuron, bias):
        given = [frames.new_zeros(()) if value is None else value for value in (bias, threshold, keep)]
        # a window's first frame tells what inputs these are; where another exceeds it, all are looked at
        for looked_at in (frames.detach()[:1], frames.detach()):
            limit = max(peak(looked_at.movedim(2, -1)), 1.0)
            if not limit * reach(weight) < 1 << (CONV_SUM_BITS - 1):
                break
            report: dict[str, Any] = {}
            made = _IntegrateConv.apply(frames, weight, *given, convolution, steps, neuron, limit, report)
            if report["broken"]:
                break
            if not report["large"]:
                spikes, current, potential = (_channels_first(tensor) for tensor in made)
                return Trajectory(spikes, State(current, potential), **report["counts"])
    sums = conv_sums(
        frames.flatten(0, 1),
        weight,
        convolution.stride,
        convolution.padding,
        convolution.dilation,
        convolution.groups,
    )
    return integrate(sums.unflatten(0, frames.shape[:2]), steps, neuron, bias, threshold=threshold, keep=keep)


def _applies(
    frames: torch.Tensor,
    weight: torch.Tensor,
    convolution: Convolution,
    neuron: LIF,
    bias: torch.Tensor | None,
) -> bool:
    tensors = (frames, weight) if bias is None else (frames, weight, bias)
    if any(tensor.device.type != "cpu" or tensor.dtype != torch.float32 for tensor in tensors):
        return False
    if not (isinstance(neuron.current_decay, int) and isinstance(neuron.voltage_decay, int)):
        return False
    if weight.numel() > MOST_SYNAPSES or frames.numel() == 0 or (bias is not None and bias.dim() > 3):
        return False
    if not are_whole(weight):
        return False
    if bias is not None and not peak(bias.detach()) < STATE_HALF_RANGE:
        return False
    geometry = convolution.geometry(frames.shape[2:], weight.shape)
    return min(geometry.outputs) > 0 and trusted()


class _IntegrateConv(torch.autograd.Function):
    """Spikes ``(T, N, H', W', C')`` and end states ``(N, H', W', C')``."""

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, frames, weight, bias, threshold, keep_share, convolution, steps, neuron, limit, report
    ):
        geometry = convolution.geometry(frames.shape[2:], weight.shape)
        keep = any(ctx.needs_input_grad)
        made = run(
            flat(frames), weight.numpy(), bias, geometry, steps, neuron, keep, ctx.needs_input_grad[1], limit
        )
        broken, large, wide = (bool(kind.any()) for kind in made.beyond.T)
        report["broken"], report["large"] = broken, large
        report["counts"] = {
            "wraps": torch.from_numpy(made.wraps),
            "clips": torch.from_numpy(made.clips),
            "active": torch.from_numpy(made.active),
            "peak_current": int(made.tops[:, :LANES].max()),
            "peak_potential": int(made.tops[:, LANES:].max()),
        }
        ctx.set_materialize_grads(False)
        if keep:
            ctx.geometry, ctx.neuron, ctx.bias_shape = geometry, neuron, bias.shape
            ctx.types = threshold.dtype, keep_share.dtype
            # an eighth of what a backward pass would otherwise keep of the layer in front
            wide = wide and ctx.needs_input_grad[1]
            ctx.inputs = None if wide else made.inputs
            ctx.save_for_backward(weight, frames if wide else None, torch.from_numpy(made.before_reset))
        shape = (*geometry.outputs[1:], geometry.outputs[0])
        spikes = torch.from_numpy(made.spikes).unflatten(2, shape)
        neurons = spikes.shape[2:].numel()
        # numpy converts in this thread; torch's would go on spinning, on a core that the next loop needs
        kind = np.float32 if _exact_in_float32(report["counts"]) else np.float64
        ends = [
            torch.from_numpy(state[:, :neurons].astype(kind)).unflatten(1, shape)
            for state in (made.current, made.potential)
        ]
        return spikes, *ends

    @staticmethod
    def backward(ctx, d_spikes, d_current, d_potential):  # type: ignore[no-untyped-def]
        weight, frames, before_reset = ctx.saved_tensors
        gradients = go_back(
            flat(frames) if ctx.inputs is None else ctx.inputs,
            before_reset.numpy(),
            weight.detach().numpy(),
            ctx.geometry,
            ctx.neuron,
            (d_spikes, d_current, d_potential),
            ctx.needs_input_grad[:3],
            any(ctx.needs_input_grad[3:5]),
        )
        from_inputs, from_weight, from_bias, learnt = gradients
        channels, *sides = ctx.geometry.inputs
        d_frames = None
        if from_inputs is not None:
            d_frames = _channels_first(torch.from_numpy(from_inputs).unflatten(2, (*sides, channels)))
        channels, *sides = ctx.geometry.outputs
        d_bias = None
        if from_bias is not None:
            d_bias = _channels_first(torch.from_numpy(from_bias).view(*sides, channels))
            d_bias = d_bias.sum_to_size(ctx.bias_shape)
        d_weight = None if from_weight is None else torch.from_numpy(from_weight).view(weight.shape)
        scalars = zip(fused.scalars(learnt), ctx.types, strict=True)
        d_scalars = [scalar.to(kind) for scalar, kind in scalars]
        return d_frames, d_weight, d_bias, *d_scalars, *[None] * 5


def _channels_first(tensor: torch.Tensor) -> torch.Tensor:
    """``(..., C, H, W)`` of ``(..., H, W, C)``, over the same memory."""
    return tensor.movedim(-1, -3)


def _exact_in_float32(counts: dict[str, Any]) -> bool:
    return max(counts["peak_current"], counts["peak_potential"]) < 1 << 24
