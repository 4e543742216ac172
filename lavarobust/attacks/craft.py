"""The one loop behind every gradient attack, for evaluation and for adversarial training."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lavarobust.attacks.steps import SignSteps, Steps
from lavarobust.attacks.threat import ThreatModel

Slope = Callable[[torch.Tensor], tuple[torch.Tensor | None, torch.Tensor]]
"""Losses ``(N,)``, where anyone asks for them, and gradients ``(N, C, H, W)`` at images."""


def climb(slope: Slope, start: torch.Tensor, ascent: Steps, count: int) -> torch.Tensor:
    """Follow ``count`` gradients from the start, and return where that leads, without gradient history.

    Args:
        slope: asked at every image on the way, but not at the last.
        ascent: how a gradient becomes a step; it holds the images within their threat model.
    """
    here = start.detach()
    for _ in range(count):
        loss, gradient = slope(here)
        here = ascent.next(here, loss, gradient.detach())
    return here


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
    images, threat = images.detach(), ThreatModel(epsilon)
    here = images if start is None else threat.project(images, start.detach().to(images.dtype))
    ascent = SignSteps(images, threat, step_size)
    return climb(lambda at: (None, loss_gradient(at)), here, ascent, steps)
