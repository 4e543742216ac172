"""The search behind every attack on pixels: per sample the worst image so far, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lavarobust.attacks.craft import climb
from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.steps import Steps
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import Queries, Victim
from lavarobust.attacks.words import attack_uniforms


@dataclass(frozen=True, eq=False)
class AttackResult:
    """The worst image found for each of N samples.

    Attributes:
        images: ``(N, C, H, W)`` float32: the first that fools the victim, else the one of highest loss,
            the clean image among them (a sample that is wrong without attack is returned as it is). Of a
            victim whose single answers are not the verdict, the one of highest loss, fooled or not.
        fooled: ``(N,)`` bool, whether the victim's prediction of it is wrong.
        prediction: ``(N,)`` int64, that prediction.
        loss, first_loss: ``(N,)`` float64, of it and of the clean image.
        gradients, zero_gradients: ``(N,)`` int64, how many were computed, and how many of those were
            zero in every pixel.
        queries: executions that the attack took, all samples together.
    """

    images: np.ndarray
    fooled: np.ndarray
    prediction: np.ndarray
    loss: np.ndarray
    first_loss: np.ndarray
    gradients: np.ndarray
    zero_gradients: np.ndarray
    queries: Queries

    @property
    def zero_gradient_share(self) -> float:
        """Share of zero gradients; a high one may mean that the attack failed. 0 if none ran."""
        return float(self.zero_gradients.sum() / max(int(self.gradients.sum()), 1))


class Search:
    """The best image so far of every sample; samples that are fooled for good are not asked about again.

    Images are ranked by the cross-entropy until :meth:`aim` says otherwise.
    """

    def __init__(
        self, victim: Victim, samples: Samples, threat: ThreatModel, seed: int = 0, draw: int = 0
    ) -> None:
        self.victim, self.samples, self.threat = victim, samples, threat
        self.seed, self.draw = seed, draw
        self.before = replace(victim.queries)
        self.best = samples.images.copy()
        self.fooled = np.zeros(len(samples), dtype=bool)
        self.prediction = np.zeros(len(samples), dtype=np.int64)
        self.best_loss = np.full(len(samples), -np.inf)
        self.gradients = np.zeros(len(samples), dtype=np.int64)
        self.zero_gradients = np.zeros_like(self.gradients)
        self._rank, self.loss, self.goal = "cross_entropy", "cross_entropy", Goal(samples.labels)
        self.victim.forget()
        self.clean_logits = self.try_images(samples.images)
        self.first_loss = self.best_loss.copy()

    @property
    def open(self) -> np.ndarray:
        """Positions of the samples that are still asked about."""
        return np.flatnonzero(~(self.fooled & self.victim.decisive))

    def aim(self, loss: str, targets: np.ndarray | None = None) -> None:
        """What the climbs from here on make rise."""
        self.loss, self.goal = loss, Goal(self.samples.labels, targets)
        if targets is None and loss != self._rank:
            self._rank = loss
            self.best_loss, _ = loss_and_direction(loss, self.clean_logits, self.goal)
            self.first_loss = self.best_loss.copy()

    def try_images(self, images: np.ndarray) -> np.ndarray:
        """Keep those of ``(N, C, H, W)`` that are better than what was found; their logits, where asked."""
        open_ = self.open
        logits = self.victim.logits(images[open_], self.samples.indices[open_], self.draw)
        self._keep(open_, images[open_], logits)
        return logits

    def climb(self, steps: Steps, start: np.ndarray, count: int) -> None:
        """Follow gradients from a start, keeping the best of all images on the way."""
        if len(self.open):
            self.victim.forget()
            end = climb(self._slope, torch.from_numpy(start), steps, count)
            if len(self.open):
                self.try_images(end.numpy())

    def result(self) -> AttackResult:
        return AttackResult(
            images=self.best,
            fooled=self.fooled,
            prediction=self.prediction,
            loss=self.best_loss,
            first_loss=self.first_loss,
            gradients=self.gradients,
            zero_gradients=self.zero_gradients,
            queries=self.victim.queries.since(self.before),
        )

    def draws(self, purpose: str, repetition: int) -> np.ndarray:
        """``(N, C, H, W)`` float64 in [0, 1), keyed by seed, purpose, sample index and repetition."""
        shape = self.samples.images.shape
        count = int(np.prod(shape[1:]))
        return attack_uniforms(self.samples.indices, self.seed, purpose, repetition, count).reshape(shape)

    def _slope(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss and gradient; zero where the sample is fooled already, so that it stays."""
        gradients, losses = torch.zeros_like(images), torch.zeros(len(images), dtype=torch.float64)
        open_ = self.open
        if len(open_):
            here, goal = images.numpy()[open_], self.goal.take(open_)
            logits, gradient = self.victim.logits_and_gradient(
                here, goal.labels, self.samples.indices[open_], self.loss, self.draw, goal.targets
            )
            self.gradients[open_] += 1
            self.zero_gradients[open_] += ~gradient.reshape(len(here), -1).any(axis=1)
            self._keep(open_, here, logits)
            gradients[open_] = torch.from_numpy(gradient)
            losses[open_] = torch.from_numpy(loss_and_direction(self.loss, logits, goal)[0])
        return losses, gradients

    def _keep(self, positions: np.ndarray, images: np.ndarray, logits: np.ndarray) -> None:
        labels = self.samples.labels[positions]
        # targets differ from climb to climb, so that images are ranked by a loss without one
        loss, _ = loss_and_direction(self._rank, logits, Goal(labels))
        prediction = logits.argmax(axis=1)
        fooled = prediction != labels
        better = loss >= self.best_loss[positions]
        if self.victim.decisive:
            better |= fooled
        chosen = positions[better]
        self.best[chosen], self.best_loss[chosen] = images[better], loss[better]
        self.prediction[chosen], self.fooled[chosen] = prediction[better], fooled[better]
