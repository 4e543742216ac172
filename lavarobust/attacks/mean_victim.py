"""A stochastic victim as a function that draws nothing: its mean over draws that stay."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np

from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.victim import ChunkedVictim, Queries
from lavarobust.errors import SettingsError


class MeanVictim:
    """A stochastic victim's mean logits over the same draws every time: a function that draws nothing.

    For attacks that take a model's answers for certain and do not say which samples they ask about. All
    samples meet the same draws, whatever their index, so that an image has one answer. Ties are broken as in
    every draw. What is found may fool those draws alone, and must be judged on others.

    Args:
        victim: whose draws are averaged over.
        draws: executions per answer.
        first: the first of them.

    Raises:
        SettingsError: draws below 1.
    """

    stochastic = False
    decisive = False

    def __init__(self, victim: ChunkedVictim, draws: int = 10, first: int = 0) -> None:
        if draws < 1:
            raise SettingsError(f"a mean over {draws} draws. Give at least 1.")
        self.victim, self.draws, self.first = victim, draws, first

    @property
    def name(self) -> str:
        return self.victim.name

    @property
    def queries(self) -> Queries:
        return self.victim.queries

    def forget(self) -> None:
        """See :class:`Victim`."""
        self.victim.forget()

    def held(self) -> AbstractContextManager[None]:
        """See :class:`Victim`."""
        return self.victim.held()

    def logits(self, images: np.ndarray, indices: np.ndarray, draw: int = 0) -> np.ndarray:
        """Means over the draws; else as :class:`Victim`."""
        key, places = self._keyed(images)
        return np.mean([self.victim.logits(images, key, one, places) for one in self._same(draw)], axis=0)

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
        """Of the loss of the mean logits; every draw is executed twice. See :class:`Victim`."""
        logits = self.logits(images, indices, draw)
        direction = loss_and_direction(loss, logits, Goal(labels, targets))[1]
        return logits, self.vector_jacobian(images, indices, direction, draw)

    def vector_jacobian(
        self, images: np.ndarray, indices: np.ndarray, direction: np.ndarray, draw: int = 0
    ) -> np.ndarray:
        """See :meth:`lavarobust.attacks.victim.ChunkedVictim.vector_jacobian`."""
        key, places = self._keyed(images)
        # samples of one key would share what a gradient rule learns of them
        with self.victim.held():
            parts = [
                self.victim.vector_jacobian(images, key, direction, one, places) for one in self._same(draw)
            ]
        mean: np.ndarray = np.mean(np.stack(parts), axis=0)
        return mean

    def _keyed(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The key of all samples' draws, and places that fill the victim's chunks."""
        places = np.arange(len(images))
        return np.zeros_like(places), places

    def _same(self, draw: int) -> range:
        start = self.first + draw * self.draws
        return range(start, start + self.draws)
