"""Objectives that hold a clean prediction p and an adversarial one q together by KL(p || q)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from lavarobust.attacks.network_victim import evaluating
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.adversarial import first_step
from lavarobust.training.inner import Rise, attacked, normal_draws, rising_loss
from lavarobust.training.objective import Batch, Loss, Objective
from lavarobust.training.refusals import (
    check_at_least_one,
    check_epsilon,
    check_part,
    check_step_size,
    check_weight,
)

_JITTER = 0.001
"""Standard deviation of the start around the image, where the divergence's gradient would be zero."""


def divergence(clean: torch.Tensor, adversarial: torch.Tensor) -> torch.Tensor:
    """``(N,)`` KL(p || q) of the softmaxes p, q of clean and adversarial logits ``(N, classes)``."""
    p, q = F.log_softmax(clean, 1), F.log_softmax(adversarial, 1)
    return F.kl_div(q, p, reduction="none", log_target=True).sum(1)


def boosted_cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """``(N,)`` MART's BCE: ``-log q_y - log(1.0001 - max_{j != y} q_j)`` (Wang et al. 2020, Eq. 8)."""
    others = F.softmax(logits, 1).scatter(1, labels[:, None], 0.0)
    return F.cross_entropy(logits, labels, reduction="none") - torch.log(1.0001 - others.amax(1))


def _both(
    network: SpikingNetwork, batch: Batch, adversarial: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of clean and adversarial images; both passes train, so both move batch-norm's statistics."""
    clean = network(batch.images, batch.indices, batch.draw(0))
    return clean, network(adversarial, batch.indices, batch.draw(1))


def _rising_divergence(network: SpikingNetwork, batch: Batch) -> Rise:
    """KL(p || q) summed over samples, p being what the network says of the clean images in ``eval`` mode."""
    with evaluating(network), torch.no_grad():
        clean = network(batch.images, batch.indices, batch.draw())
    return lambda logits: divergence(clean, logits).sum()


@dataclass(frozen=True)
class Trades(Objective):
    """``CE(clean) + beta * mean KL(p || q)`` (Zhang et al. 2019, Eq. 5).

    The adversarial images start at ``x + 0.001 N(0, 1)`` and climb the divergence by sign steps.

    Attributes:
        epsilon: in pixel units.
        beta: weight of the divergence.
        step_size: None for ``2.5 * epsilon / steps``.
        steps: ascent steps.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    beta: float = 6.0
    step_size: float | None = None
    steps: int = 10

    def __post_init__(self) -> None:
        _check("trades", self.epsilon, self.beta, self.step_size, self.steps)

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss."""
        found = _jittered(network, batch, _rising_divergence(network, batch), self)
        yield _clean_and_divergence(*_both(network, batch, found), batch.labels, self.beta)


@dataclass(frozen=True)
class Mart(Objective):
    """``BCE(adversarial) + beta * mean KL(p || q) (1 - p_y)`` (Wang et al. 2020, Eq. 11).

    The adversarial images start at ``x + 0.001 N(0, 1)`` and climb the cross-entropy by sign steps.

    Attributes:
        epsilon, beta, step_size, steps: as :class:`Trades` has them.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    beta: float = 4.0
    step_size: float | None = None
    steps: int = 10

    def __post_init__(self) -> None:
        _check("mart", self.epsilon, self.beta, self.step_size, self.steps)

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss."""
        found = _jittered(network, batch, rising_loss(batch.labels), self)
        clean, adversarial = _both(network, batch, found)
        doubt = 1 - F.softmax(clean, 1).gather(1, batch.labels[:, None])[:, 0]
        apart = self.beta * divergence(clean, adversarial) * doubt
        yield Loss((boosted_cross_entropy(adversarial, batch.labels) + apart).mean(), adversarial)


@dataclass(frozen=True)
class RandomSignDivergence(Objective):
    """``CE(clean) + beta * mean KL(p || q)`` with one R-FGSM step on the divergence.

    The robust fine-tuning of converted networks: start ``x + alpha * sign(N(0, 1))``, one step of
    ``epsilon - alpha``, projected (Ozdenizci & Legenstein 2024; ``utils.py``, ``attack/rfgsm.py``).

    Attributes:
        epsilon: in pixel units.
        beta: weight of the divergence.
        alpha: of the random step, below epsilon; None for half of it.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    beta: float = 2.0
    alpha: float | None = None

    def __post_init__(self) -> None:
        check_epsilon("rfgsm-kl", self.epsilon)
        check_weight("rfgsm-kl", "beta", self.beta)
        check_part("rfgsm-kl", "alpha", first_step(self.epsilon, self.alpha), self.epsilon)

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss."""
        alpha = first_step(self.epsilon, self.alpha)
        start = batch.images + alpha * normal_draws(batch).sign()
        rise = _rising_divergence(network, batch)
        found = attacked(network, batch, rise, self.epsilon, self.epsilon - alpha, 1, start)
        yield _clean_and_divergence(*_both(network, batch, found), batch.labels, self.beta)


def _clean_and_divergence(
    clean: torch.Tensor, adversarial: torch.Tensor, labels: torch.Tensor, beta: float
) -> Loss:
    return Loss(F.cross_entropy(clean, labels) + beta * divergence(clean, adversarial).mean(), clean)


def _jittered(network: SpikingNetwork, batch: Batch, rise: Rise, settings: Trades | Mart) -> torch.Tensor:
    step_size = settings.step_size
    if step_size is None:
        step_size = 2.5 * settings.epsilon / settings.steps
    start = batch.images + _JITTER * normal_draws(batch)
    return attacked(network, batch, rise, settings.epsilon, step_size, settings.steps, start)


def _check(name: str, epsilon: float, beta: float, step_size: float | None, steps: int) -> None:
    check_epsilon(name, epsilon)
    check_weight(name, "beta", beta)
    check_step_size(name, step_size)
    check_at_least_one(name, "steps", steps)
