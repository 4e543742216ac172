"""A stochastic victim as an attacker sees it who does not know its draws: averages over fresh ones."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np

from lavarobust.attacks.losses import Goal, log_factor
from lavarobust.attacks.victim import Queries, Victim
from lavarobust.errors import SettingsError


class ExpectedVictim:
    """Mean logits and gradients over draws for every call (EOT; Athalye et al. 2018).

    The gradients of the losses are averaged with their own sizes, not their signs. A call's draws follow
    from how many calls there were since :meth:`forget`, that is in its climb, so that those of a sample do
    not depend on its company. An answer is no verdict: what is found must be judged on other draws.

    Args:
        victim: whose draws are averaged over.
        draws: executions per answer.
        first: the first of them; an evaluation keeps away from it those that it judges on.

    Raises:
        SettingsError: draws below 1.
    """

    decisive = False

    def __init__(self, victim: Victim, draws: int = 10, first: int = 0) -> None:
        if draws < 1:
            raise SettingsError(f"expectation over {draws} draws. Give at least 1.")
        self.victim, self.draws, self.first = victim, draws, first
        self._calls = 0

    @property
    def name(self) -> str:
        return self.victim.name

    @property
    def stochastic(self) -> bool:
        return self.victim.stochastic

    @property
    def queries(self) -> Queries:
        return self.victim.queries

    def forget(self) -> None:
        """See :class:`Victim`; the draws begin again."""
        self._calls = 0
        self.victim.forget()

    def held(self) -> AbstractContextManager[None]:
        """See :class:`Victim`."""
        return self.victim.held()

    def logits(self, images: np.ndarray, indices: np.ndarray, draw: int = 0) -> np.ndarray:
        """Means over the draws; else as :class:`Victim`."""
        return np.mean([self.victim.logits(images, indices, one) for one in self._fresh(draw)], axis=0)

    def loss_gradient(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        loss: str = "cross_entropy",
        draw: int = 0,
        targets: np.ndarray | None = None,
    ) -> np.ndarray:
        """See :class:`Victim`."""
        return self.logits_and_gradient(images, labels, indices, loss, draw, targets)[1]

    def logits_and_gradient(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        loss: str = "cross_entropy",
        draw: int = 0,
        targets: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Victim`."""
        arguments = (images, labels, indices, loss)
        first, *others = self._fresh(draw)
        answers = [self.victim.logits_and_gradient(*arguments, first, targets)]
        with self.victim.held():
            answers += [self.victim.logits_and_gradient(*arguments, one, targets) for one in others]
        logits = np.stack([answer[0] for answer in answers])
        sizes = np.stack([log_factor(loss, each, Goal(labels, targets)) for each in logits])
        weights = np.exp(sizes - sizes.max(axis=0))
        pixels = (slice(None),) + (None,) * (images.ndim - 1)
        gradient = sum(weight[pixels] * answer[1] for weight, answer in zip(weights, answers, strict=True))
        return logits.mean(axis=0), np.asarray(gradient, dtype=np.float32)

    def _fresh(self, draw: int) -> range:
        start = self.first + (draw + self._calls) * self.draws
        self._calls += 1
        return range(start, start + self.draws)
