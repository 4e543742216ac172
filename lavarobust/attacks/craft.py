"""The one loop behind every sign attack, for evaluation and for adversarial training."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lavarobust.attacks.threat import linf_box


def craft_linf(
    loss_gradient: Callable[[torch.Tensor], torch.Tensor],
    images: torch.Tensor,
    epsilon: float,
    step_size: float,
    steps: int,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """Climb a loss by the sign of its gradient, inside the box and [0, 1] (Madry et al. 2018, section 2.1).

    Args:
        loss_gradient: gradient ``(N, C, H, W)`` at the images it is given; its scale does not matter,
            and where it is zero a pixel stays.
        images: ``(N, C, H, W)`` clean pixels in [0, 1].
        epsilon, step_size: in pixel units.
        steps: gradients to follow.
        start: where to begin, cut to the box; None begins at the images.

    Returns:
        ``(N, C, H, W)`` without gradient history.
    """
    images = images.detach()
    low, high = linf_box(images, epsilon)
    here = images if start is None else start.detach().to(images.dtype).clamp(low, high)
    for _ in range(steps):
        here = (here + step_size * loss_gradient(here).detach().sign()).clamp(low, high)
    return here
