"""What goes from block to block: integer-valued frames, and what one of their units is worth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True, eq=False)
class Signal:
    """What one block sends another.

    Attributes:
        frames: ``(F, N, *shape)`` integer-valued, time first.
        units: integer units per real unit: 1 of spikes.
    """

    frames: torch.Tensor
    units: float = 1.0


Units = tuple[float, float]
"""Units of what reaches a block's own synapse, and of what a shortcut brings."""

PLAIN: Units = (1.0, 1.0)


def channelwise(values: torch.Tensor, drive: torch.Tensor) -> torch.Tensor:
    """Values ``(out,)`` that broadcast against ``(F, N, out, ...)``."""
    return values.view(-1, *(1,) * (drive.dim() - 3))


def sum_pool(frames: torch.Tensor, side: int) -> torch.Tensor:
    """Sums of ``side x side`` squares of ``(F, N, C, H, W)``: an average pool in integers.

    The average's division goes into the weights behind it, which makes pool and layer one
    convolution of ``side`` times the kernel, stride and padding on the device.
    """
    steps, samples = frames.shape[:2]
    pooled = F.avg_pool2d(frames.flatten(0, 1), side, divisor_override=1)
    return pooled.unflatten(0, (steps, samples))
