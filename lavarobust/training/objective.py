"""What training minimises: one small protocol, and the cross-entropy on images, clean or adversarial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.attacks.craft import craft_linf
from lavarobust.attacks.network_victim import evaluating
from lavarobust.errors import SettingsError
from lavarobust.snn.network import SpikingNetwork

_DRAWS_OF_AN_EPOCH = 1 << 20


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step of training is made of.

    Attributes:
        images: ``(N, C, H, W)`` in [0, 1].
        labels: ``(N,)`` int64.
        indices: ``(N,)`` each image's index in its data set, the key of an encoder's or a gate's draws.
        generator: of this epoch's other draws.
        epoch: from 0.
    """

    images: torch.Tensor
    labels: torch.Tensor
    indices: np.ndarray
    generator: torch.Generator
    epoch: int

    def draw(self, repetition: int = 0) -> int:
        """Which draw of encoder and gates a forward pass takes: another in every epoch and repetition.

        Draw 0 stays with evaluation, so that no epoch trains on the very spikes it is judged on.
        """
        return (self.epoch + 1) * _DRAWS_OF_AN_EPOCH + repetition


@dataclass(frozen=True, eq=False)
class Loss:
    """What one update minimises.

    Attributes:
        value: scalar, differentiable in the network's parameters.
        logits: ``(N, classes)`` that the progress report counts as right or wrong.
    """

    value: torch.Tensor
    logits: torch.Tensor


class Objective(Protocol):
    """What a batch asks of the network: one update of its parameters per loss.

    :meth:`losses` yields; the loop goes back through the loss, updates, and asks for the next one, so
    what stands behind a ``yield`` runs after the update, with the gradients still readable. An
    objective may run the network as often as it likes, in ``eval`` mode for an inner attack. What it
    needs of past batches (HIRE-SNN's noise) is :meth:`state`, which a checkpoint keeps.
    """

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """The losses of one batch; the network comes in ``train`` mode and must be left so at each yield."""
        ...

    def state(self) -> Mapping[str, torch.Tensor]:
        """What the next batch needs of the past ones, by name."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from what :meth:`state` gave."""
        return


class CrossEntropy(Objective):
    """Cross-entropy of the logits, by backpropagation through time with the surrogate gradient.

    What it is taken on is :meth:`perturbed`: defences that add to it find the same images there.
    """

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """``(N, C, H, W)`` images in [0, 1] to train on, in place of the batch's own."""
        return batch.images

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss, on the perturbed images."""
        logits = network(self.perturbed(network, batch), batch.indices, batch.draw())
        yield Loss(F.cross_entropy(logits, batch.labels), logits)


@dataclass(frozen=True)
class Vanilla(CrossEntropy):
    """The images as they are."""


@dataclass(frozen=True)
class AdversarialPGD(CrossEntropy):
    """Adversarial images only (Madry et al. 2018, Eq. 2.1).

    The inner attack starts uniformly in the box and sees the network in ``eval`` mode, with the
    statistics that it is deployed with.

    Attributes:
        epsilon: largest change of a pixel (pixels are in [0, 1]).
        step_size: of one ascent step; None for ``2.5 * epsilon / steps``, as Madry et al. advise.
        steps: ascent steps.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    step_size: float | None = None
    steps: int = 7

    def __post_init__(self) -> None:
        if not 0 < self.epsilon <= 1:
            raise SettingsError(f"pgd: epsilon is {self.epsilon}. Give a number above 0 and up to 1")
        if self.step_size is not None and not 0 < self.step_size <= 1:
            raise SettingsError(
                f"pgd: step_size is {self.step_size}. Give a number above 0 and up to 1, or none"
            )
        if self.steps < 1:
            raise SettingsError(f"pgd: steps is {self.steps}. Give at least 1")

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """The images of highest cross-entropy that the inner attack found."""
        passed = 0

        def loss_gradient(candidates: torch.Tensor) -> torch.Tensor:
            nonlocal passed
            passed += 1
            candidates = candidates.detach().requires_grad_()
            logits = network(candidates, batch.indices, batch.draw(passed))
            return torch.autograd.grad(F.cross_entropy(logits, batch.labels, reduction="sum"), candidates)[0]

        images = batch.images
        step_size = self.step_size if self.step_size is not None else 2.5 * self.epsilon / self.steps
        noise = torch.rand(images.shape, generator=batch.generator).to(images.device)
        start = images + (2 * noise - 1) * self.epsilon
        with evaluating(network):
            return craft_linf(loss_gradient, images, self.epsilon, step_size, self.steps, start)
