"""What training minimises: one small protocol, the vanilla objective and PGD adversarial training."""

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

    :meth:`losses` yields; the loop goes back through the loss, updates, and asks for the next one.
    Most objectives yield once. What the published defences need beyond a loss is all here: the
    network itself, so that an objective runs it as often as it likes, in ``eval`` mode for an inner
    attack (PGD, TRADES, MART, SEA on the encoding) or differentiates twice (SR's finite difference
    along the input gradient); ``generator`` for every draw; ``indices`` to key a rate encoder or a
    gate; several losses a batch, with the input's gradient readable when ``losses`` goes on behind a
    ``yield`` (HIRE-SNN updates weights and noise once a period); and :meth:`state`, tensors that
    outlive a batch (HIRE-SNN's noise), which a checkpoint keeps so that a resumed run has them.
    """

    def losses(
        self,
        network: SpikingNetwork,
        images: torch.Tensor,
        labels: torch.Tensor,
        indices: np.ndarray,
        generator: torch.Generator,
    ) -> Iterator[Loss]:
        """The losses of one batch; the network comes in ``train`` mode and must be left so at each yield.

        Args:
            images: ``(N, C, H, W)`` in [0, 1].
            labels: ``(N,)`` int64.
            indices: ``(N,)`` each image's index in its data set.
            generator: of this epoch's draws.
        """
        ...

    def state(self) -> Mapping[str, torch.Tensor]:
        """What the next batch needs of the past ones, by name."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from what :meth:`state` gave."""
        return


@dataclass(frozen=True)
class Vanilla(Objective):
    """Cross-entropy of the logits, by backpropagation through time with the surrogate gradient."""

    def losses(
        self,
        network: SpikingNetwork,
        images: torch.Tensor,
        labels: torch.Tensor,
        indices: np.ndarray,
        generator: torch.Generator,
    ) -> Iterator[Loss]:
        logits = network(images, indices)
        yield Loss(F.cross_entropy(logits, labels), logits)


@dataclass(frozen=True)
class AdversarialPGD(Objective):
    """Cross-entropy on adversarial images only (Madry et al. 2018, Eq. 2.1).

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

    def losses(
        self,
        network: SpikingNetwork,
        images: torch.Tensor,
        labels: torch.Tensor,
        indices: np.ndarray,
        generator: torch.Generator,
    ) -> Iterator[Loss]:
        def loss_gradient(candidates: torch.Tensor) -> torch.Tensor:
            candidates = candidates.detach().requires_grad_()
            loss = F.cross_entropy(network(candidates, indices), labels, reduction="sum")
            return torch.autograd.grad(loss, candidates)[0]

        step_size = self.step_size if self.step_size is not None else 2.5 * self.epsilon / self.steps
        noise = torch.rand(images.shape, generator=generator).to(images.device)
        start = images + (2 * noise - 1) * self.epsilon
        with evaluating(network):
            adversarial = craft_linf(loss_gradient, images, self.epsilon, step_size, self.steps, start)
        logits = network(adversarial, indices)
        yield Loss(F.cross_entropy(logits, labels), logits)
