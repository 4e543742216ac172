"""Where integers were too narrow: whose sums lost bits, which currents wrapped, which potentials clipped."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lavarobust.dynamics import State, integrate
from lavarobust.execution.simulator.propagate import (
    LayerRun,
    all_sums,
    bias_of,
    delayed_product,
    delayed_shares,
    product,
)
from lavarobust.execution.simulator.stages import Stage, Synapse
from lavarobust.netx.limits import CONV_SUM_BITS, DECAY_UNITY, POTENTIAL_LIMIT, STATE_HALF_RANGE, STATE_SHIFT
from lavarobust.netx.model import Conv, Input

_DENSE_SUM_BITS = 32


def cut_sums(run: LayerRun) -> torch.Tensor:
    """``(T, N, *shape)`` bool: whose synaptic sum, or input mantissa, lost bits.

    Sums of different delays, and of synapses from the population itself, are held apart, and one that
    loses bits counts in the step in which it arrives.
    """
    stage, spikes = run.stage, run.trajectory.spikes
    lost = torch.zeros(spikes.shape, dtype=torch.bool, device=spikes.device)
    if isinstance(stage.layer, Input):
        lost[0] = run.inputs[0].to(torch.int16) != run.inputs[0]
        return lost
    for path, inputs in zip(stage.joining, run.beside, strict=True):
        joining = path.stage
        assert joining.synapse is not None
        lost |= _lost(joining, joining.synapse, inputs, product(joining, joining.synapse, inputs))
    for late, share in delayed_shares(stage, len(spikes)):
        arriving = run.inputs[: len(spikes) - late]
        held = product(stage, share, arriving) if stage.delays is None else delayed_product(share, arriving)
        lost[late : late + len(arriving)] |= _lost(stage, share, arriving, held)
    if stage.recurrent is not None:
        held = product(stage, stage.recurrent, spikes[:-1])
        lost[1:] |= _lost(stage, stage.recurrent, spikes[:-1], held)
    return lost


def cut_states(run: LayerRun, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``(N, *shape)`` bool twice: whose current wrapped in a step, and whose potential was clipped."""
    stage, spikes = run.stage, run.trajectory.spikes
    if stage.sum_shift is not None:
        none = torch.zeros(spikes.shape[1:], dtype=torch.bool)
        return none, none
    bias = bias_of(stage, run.inputs)
    drive = torch.zeros(spikes.shape, dtype=torch.float64)
    if not isinstance(stage.layer, Input):
        arrived = all_sums(stage, run.inputs, run.beside, len(spikes))
        drive[: len(arrived)] = arrived
    if stage.recurrent is not None:
        drive[1:] += product(stage, stage.recurrent, spikes[:-1])
    start = State(torch.zeros_like(drive[0]), torch.zeros_like(drive[0]))
    if step:
        start = integrate(drive[:step], step, stage.neuron, bias, start).end
    kept_u, kept_v = (DECAY_UNITY - torch.as_tensor(decay).double() for decay in _decays(stage))
    current = (start.current * kept_u / DECAY_UNITY).trunc() + drive[step] * (1 << STATE_SHIFT)
    above, below = current > STATE_HALF_RANGE, current <= -STATE_HALF_RANGE
    held = current - 2.0 * STATE_HALF_RANGE * (above.double() - below.double())
    potential = (start.potential * kept_v / DECAY_UNITY).trunc() + held + (0 if bias is None else bias)
    return above | below, potential.abs() > POTENTIAL_LIMIT


def _decays(stage: Stage) -> tuple[int | torch.Tensor, int | torch.Tensor]:
    return stage.neuron.current_decay, stage.neuron.voltage_decay


def _lost(stage: Stage, synapse: Synapse, inputs: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
    """``(F, N, *shape)`` bool: whose sums, as they are held, are not the exact ones."""
    layer, weight, unit = stage.layer, synapse.weight, 1 << synapse.shift
    peak = float(inputs.abs().amax()) if inputs.numel() else 0.0
    width = CONV_SUM_BITS if isinstance(layer, Conv) else _DENSE_SUM_BITS
    if float(weight.abs().flatten(1).sum(1).amax()) * peak < 1 << (width - 1) and not (weight % unit).any():
        return torch.zeros(held.shape, dtype=torch.bool, device=held.device)
    images = inputs.flatten(0, 1).double()
    if isinstance(layer, Conv):
        exact = F.conv2d(images, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    else:
        exact = F.linear(images.flatten(1), weight)
    return held.double() * unit != exact.unflatten(0, inputs.shape[:2])
