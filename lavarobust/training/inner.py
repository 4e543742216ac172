"""The attack inside a training step: on the network as it is deployed, with draws of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from lavarobust.attacks.craft import craft_linf
from lavarobust.attacks.network_victim import evaluating
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.objective import Batch

Rise = Callable[[torch.Tensor], torch.Tensor]
"""Of logits ``(N, classes)`` the scalar that an attack makes rise: a sum over the samples."""


def rising_loss(labels: torch.Tensor) -> Rise:
    """The cross-entropy with labels ``(N,)``."""
    return lambda logits: F.cross_entropy(logits, labels, reduction="sum")


def attacked(
    network: SpikingNetwork,
    batch: Batch,
    rise: Rise,
    epsilon: float,
    step_size: float,
    steps: int,
    start: torch.Tensor | None = None,
) -> torch.Tensor:
    """``(N, C, H, W)`` images in the box and [0, 1], after sign steps that make ``rise`` rise.

    The network runs in ``eval`` mode, with batch-norm's running statistics, and is back in its own mode
    afterwards. Gradients take the batch's draws from 2 on: 0 and 1 are the update's.

    Args:
        rise: what rises.
        epsilon, step_size, steps, start: as :func:`lavarobust.attacks.craft.craft_linf` has them.
    """
    passed = 1

    def gradient(candidates: torch.Tensor) -> torch.Tensor:
        nonlocal passed
        passed += 1
        candidates = candidates.detach().requires_grad_()
        logits = network(candidates, batch.indices, batch.draw(passed))
        return torch.autograd.grad(rise(logits), candidates)[0]

    with evaluating(network):
        return craft_linf(gradient, batch.images, epsilon, step_size, steps, start)


def normal_draws(batch: Batch) -> torch.Tensor:
    """Standard normal numbers in the shape of the batch's images."""
    return torch.randn(batch.images.shape, generator=batch.generator).to(batch.images.device)


def uniform_start(batch: Batch, epsilon: float) -> torch.Tensor:
    """Anywhere in the box around the images, not yet cut to [0, 1]."""
    draws = torch.rand(batch.images.shape, generator=batch.generator).to(batch.images.device)
    return batch.images + (2 * draws - 1) * epsilon
