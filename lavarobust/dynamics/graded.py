"""A population without state: its synaptic sum itself is sent, as a graded value, in every step.

``sent = (sum + (1 << shift >> 1)) >> shift``: the nearest, of halves the upper one. It stands for the
real-valued input of a pre-activation block (``TUG: models/WideResNet.py``), which several layers take up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F

from lavarobust.dynamics.lif import Trajectory
from lavarobust.dynamics.population import State
from lavarobust.dynamics.products import wrap
from lavarobust.dynamics.unshared import peak

_INT32_HALF_RANGE = 1 << 31


def send_sums(sums: torch.Tensor, steps: int, shift: int) -> Trajectory:
    """What such a population sends over a window; the gradient passes its rounding as it is.

    Args:
        sums: ``(F, N, *shape)`` integer-valued synaptic sums of the first F steps; none follow.
        steps: T >= F.
        shift: bits rounded away.

    Returns:
        The values in place of spikes; ``peak_current`` is the largest magnitude among the sums, in their
        own unit. There is no state, and nothing wraps or is clipped; an update is active where its sum
        is not zero.
    """
    real = sums.double() / (1 << shift)
    nearest = torch.floor((sums.detach().double() + (1 << shift >> 1)) / (1 << shift))
    sent = unrounded_sums(real + (nearest - real).detach(), steps, peak(sums))
    if sums.requires_grad:
        return sent
    moving = (sums != 0).flatten(2).sum(2)
    return replace(sent, active=F.pad(moving, (0, 0, 0, steps - len(moving))))


def unrounded_sums(values: torch.Tensor, steps: int, largest: float) -> Trajectory:
    """A trajectory of values ``(F, N, *shape)`` that are sent as they are; ``largest`` is its peak."""
    sent = F.pad(values, (0, 0) * (values.dim() - 1) + (0, steps - len(values)))
    state = sent.new_zeros(sent.shape[1:])
    none = torch.zeros(sent.shape[:2], dtype=torch.int64, device=sent.device)
    return Trajectory(sent, State(state, state), none, none, int(largest), 0)


def added(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Integer-valued sums of one shape added up in Lava's 32-bit integers; float64."""
    total, *others = (part.double() for part in parts)
    for part in others:
        total = total + part
    return wrap(total, peak(total), _INT32_HALF_RANGE)
