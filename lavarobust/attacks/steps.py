"""How a gradient becomes a step: sign and Euclidean steps, momentum, APGD and SA-PGD.

Each object serves one climb of a batch of images and looks at every sample for itself, so that the company
changes nothing. Gradients are right up to a positive factor per sample, and none of the rules sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch

from lavarobust.attacks.threat import ThreatModel, linf_box

_TINY = 1e-12
_SMALLEST = torch.finfo(torch.float32).tiny


class Steps(Protocol):
    """What a climb asks after every gradient."""

    def next(self, here: torch.Tensor, loss: torch.Tensor | None, gradient: torch.Tensor) -> torch.Tensor:
        """The images ``(N, C, H, W)`` to go to, of the losses ``(N,)`` and gradients at those it is given."""
        ...


class SignSteps:
    """Steps of one size: along the gradient's sign in ``linf``, along the gradient in ``l2``.

    Args:
        images: ``(N, C, H, W)`` clean.
        threat: what may be changed.
        step_size: in pixel units; of ``l2`` the step's Euclidean length.
    """

    def __init__(self, images: torch.Tensor, threat: ThreatModel, step_size: float) -> None:
        self.project = _projection(images, threat)
        self.step_size, self.direction = step_size, _direction(threat)

    def next(self, here: torch.Tensor, loss: torch.Tensor | None, gradient: torch.Tensor) -> torch.Tensor:
        return self.project(here + self.step_size * self.direction(gradient))


class MomentumSteps(SignSteps):
    """Gradients of mean magnitude 1 are added up before the step (Dong et al. 2018, Algorithm 1).

    Args:
        decay: of the sum, 1 for none.
    """

    def __init__(self, images: torch.Tensor, threat: ThreatModel, step_size: float, decay: float) -> None:
        super().__init__(images, threat, step_size)
        self.decay, self.sum = decay, torch.zeros_like(images)

    def next(self, here: torch.Tensor, loss: torch.Tensor | None, gradient: torch.Tensor) -> torch.Tensor:
        self.sum = self.decay * self.sum + _of_mean_one(gradient)
        return super().next(here, loss, self.sum)


class AutoSteps:
    """APGD: the step is halved where it does not pay, from the best image on (Croce & Hein 2020).

    Args:
        images, threat: as :class:`SignSteps` has them.
        count: gradients of the whole climb.
    """

    share = 0.75
    """Of the new step in a move, the rest being the one before; of steps that must pay at a checkpoint."""

    def __init__(self, images: torch.Tensor, threat: ThreatModel, count: int) -> None:
        self.project, self.direction = _projection(images, threat), _direction(threat)
        self.size = images.new_full((len(images),), 2 * threat.epsilon)
        self.checkpoints = Checkpoints(count)
        self.best = self.best_gradient = self.before = images
        self.best_loss = self.last_loss = self.best_loss_then = images.new_zeros((), dtype=torch.float64)
        self.paid = torch.zeros(len(images), dtype=torch.int64)
        self.halved_then = torch.ones(len(images), dtype=torch.bool)
        self.made = 0

    def next(self, here: torch.Tensor, loss: torch.Tensor | None, gradient: torch.Tensor) -> torch.Tensor:
        assert loss is not None
        if self.made == 0:
            self.best, self.best_gradient, self.best_loss = here, gradient, loss
            self.before, self.best_loss_then = here, loss
        else:
            self.paid += loss > self.last_loss
            better = loss > self.best_loss
            self.best, self.best_gradient = (
                _where(better, new, old) for new, old in ((here, self.best), (gradient, self.best_gradient))
            )
            self.best_loss = torch.where(better, loss, self.best_loss)
            passed = self.checkpoints.passed(self.made)
            if passed:
                here, gradient = self._checked(passed, here, gradient)
        self.last_loss = loss
        momentum = here - self.before
        aim = self.project(here + _each(self.size, here) * self.direction(gradient))
        weight = 1.0 if self.made == 0 else self.share
        self.before, self.made = here, self.made + 1
        return self.project(here + weight * (aim - here) + (1 - weight) * momentum)

    def _checked(
        self, steps: int, here: torch.Tensor, gradient: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        stuck = ~self.halved_then & (self.best_loss <= self.best_loss_then)
        halved = (self.paid < self.share * steps) | stuck
        self.size = torch.where(halved, self.size / 2, self.size)
        self.halved_then, self.best_loss_then = halved, self.best_loss
        self.paid = torch.zeros_like(self.paid)
        return _where(halved, self.best, here), _where(halved, self.best_gradient, gradient)


class AdaptiveSteps:
    """SA-PGD: momentum over its own second moment, the step halved at every checkpoint.

    Args:
        images, threat, count: as :class:`AutoSteps` has them.
    """

    momentum, second = 0.5, 0.8

    def __init__(self, images: torch.Tensor, threat: ThreatModel, count: int) -> None:
        self.project, self.size = _projection(images, threat), threat.epsilon
        self.checkpoints = Checkpoints(count)
        self.mean: torch.Tensor | None = None
        self.square = torch.zeros_like(images)
        self.made = 0

    def next(self, here: torch.Tensor, loss: torch.Tensor | None, gradient: torch.Tensor) -> torch.Tensor:
        if self.checkpoints.passed(self.made):
            self.size /= 2
        scaled = _of_mean_one(gradient)
        self.mean = scaled if self.mean is None else self.momentum * self.mean + scaled
        squares = scaled.square()
        self.square = self.second * self.square + squares / _each(_mean(squares).clamp(min=_TINY), squares)
        step = self.mean / (self.square.sqrt() + _TINY) * self.size
        self.made += 1
        return self.project(here + step.clamp(-self.size, self.size))


class Checkpoints:
    """After 22 % of the steps, then at distances that shrink by 3 % each time down to 6 %, as APGD has it.

    Args:
        count: steps of the whole climb.
    """

    def __init__(self, count: int) -> None:
        distance, least, shrink = (max(int(share * count), 1) for share in (0.22, 0.06, 0.03))
        self.distances: dict[int, int] = {}
        at = distance
        while at <= count:
            self.distances[at] = distance
            distance = max(distance - shrink, least)
            at += distance

    def passed(self, made: int) -> int:
        """Steps since the checkpoint before, where one lies after ``made`` steps; else 0."""
        return self.distances.get(made, 0)


def _projection(images: torch.Tensor, threat: ThreatModel) -> Callable[[torch.Tensor], torch.Tensor]:
    """The threat model's, with what does not change over a climb computed once."""
    if threat.norm == "linf":
        low, high = linf_box(images, threat.epsilon)
        return lambda candidates: candidates.clamp(low, high)
    return lambda candidates: threat.project(images, candidates)


def _direction(threat: ThreatModel) -> Callable[[torch.Tensor], torch.Tensor]:
    return torch.sign if threat.norm == "linf" else _of_length_one


def _of_length_one(gradient: torch.Tensor) -> torch.Tensor:
    # the largest entry first: squares of small gradients vanish in float32
    scaled = gradient / _each(gradient.flatten(1).abs().amax(1).clamp(min=_SMALLEST), gradient)
    return scaled / _each(scaled.flatten(1).norm(dim=1).clamp(min=_TINY), scaled)


def _of_mean_one(gradient: torch.Tensor) -> torch.Tensor:
    return gradient / _each(_mean(gradient.abs()).clamp(min=_SMALLEST), gradient)


def _mean(values: torch.Tensor) -> torch.Tensor:
    return values.flatten(1).mean(1)


def _each(per_sample: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return per_sample.view(-1, *[1] * (like.dim() - 1))


def _where(chosen: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return torch.where(_each(chosen, one), one, other)
