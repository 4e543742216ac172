"""The Square attack: random search by scores alone, which no surrogate gradient can mislead."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.query_result import QueryResult
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.square_moves import MOVES, Moves
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import Victim
from lavarobust.errors import DataError, SettingsError

VOTES = 5
"""Fresh draws of a stochastic victim that judge an image. An odd number, so that no vote ties."""

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After which of 10000 queries the tiles' share of the image halves (section 5 of the paper)."""


@dataclass(frozen=True)
class Square:
    """The score-based random search of Andriushchenko et al. (ECCV 2020, Algorithms 1 to 3).

    Attributes:
        queries: largest number of images per sample that the victim is asked about, beside the clean one.
        p_init: share of the image that the first tiles cover; the paper's schedule shrinks it, stretched
            to the number of queries.

    Raises:
        SettingsError: an impossible value.
    """

    queries: int = 1000
    p_init: float = 0.8

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise SettingsError(f"Square with queries={self.queries} does nothing. Give at least 1.")
        if not 0 < self.p_init <= 1:
            raise SettingsError(f"Square with p_init={self.p_init} is impossible. Give a share from 0 to 1.")

    @property
    def name(self) -> str:
        return f"Square-{self.queries}"

    def tile_area(self, query: int) -> float:
        """Share of the image that the tile of a query covers; ``query`` counts from 0."""
        place = query * 10000 // self.queries
        return self.p_init / 2 ** sum(place > last for last in _HALVINGS)


def square(
    victim: Victim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    threat: ThreatModel,
    settings: Square = Square(),
    seed: int = 0,
    draw: int = 0,
) -> QueryResult:
    """Search the edge of the box or the ball by random tiles, keeping those that raise the margin.

    Only another prediction ends the search of a sample: a tie that its own class wins doesn't. The result of
    a sample is the same bytes in any batch and order.

    A stochastic victim is asked with fresh draws every time. What looks better than the best so far is asked
    about :data:`VOTES` times more, and those draws alone say what it is worth: their mean margin is its loss,
    their majority its prediction. So a lucky draw neither ends the search nor becomes the mark that all later
    candidates have to beat. All these askings count.

    Args:
        images: ``(N, C, H, W)`` pixels in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        threat: what may be changed.
        seed: key of the tiles.
        draw: repetition of the victim's own draws that is attacked; of a stochastic victim the first one.

    Returns:
        With no gradients.

    Raises:
        DataError: arrays that do not fit each other or the victim.
        ThreatModelError: an image left the threat model, which is a defect.
    """
    samples = checked_samples(images, labels, indices)
    if samples.images.ndim != 4:
        raise DataError(
            f"Square moves tiles over (N, C, H, W), not over {samples.images.shape}. Give images."
        )
    before = replace(victim.queries)
    search = _Search(victim, samples, threat, settings, seed, draw)
    search.run()
    threat.check(samples.images, search.best)
    count = np.zeros(len(samples), dtype=np.int64)
    return QueryResult(
        images=search.best,
        fooled=search.fooled,
        prediction=search.prediction,
        loss=search.loss,
        first_loss=search.clean_loss,
        gradients=count,
        zero_gradients=count.copy(),
        queries=victim.queries.since(before),
        asked=search.asked,
    )


class _Search:
    """Where the search of every sample stands; samples that are fooled are not asked about again."""

    def __init__(
        self, victim: Victim, samples: Samples, threat: ThreatModel, settings: Square, seed: int, draw: int
    ) -> None:
        self.victim, self.samples, self.settings, self.draw = victim, samples, settings, draw
        self.moves: Moves = MOVES[threat.norm](samples, threat, seed)
        self.price = 1 + VOTES if victim.stochastic else 1
        """The most that one candidate takes of the queries."""
        self.best = samples.images.copy()
        self.asked = np.zeros(len(samples), dtype=np.int64)
        self.loss, self.prediction = self._judged(samples.images, samples, 0)
        self.clean_loss = self.loss

    @property
    def fooled(self) -> np.ndarray:
        fooled: np.ndarray = self.prediction != self.samples.labels
        return fooled

    def run(self) -> None:
        # the search goes on from its first candidate, also where the clean image has the higher loss
        self.loss = np.where(self.fooled, self.clean_loss, -np.inf)
        for query in range(self.settings.queries):
            open_ = np.flatnonzero(~self.fooled & (self.asked + self.price <= self.settings.queries))
            if not len(open_):
                break
            if query == 0:
                candidates = self.moves.first(open_)
            else:
                share = self.settings.tile_area(query)
                candidates = self.moves.next(open_, self.best[open_], query, share)
            self._try(open_, candidates, query + 1)
        unmoved = ~self.fooled & (self.loss < self.clean_loss)
        self.best[unmoved] = self.samples.images[unmoved]
        self.loss[unmoved] = self.clean_loss[unmoved]

    def _try(self, open_: np.ndarray, candidates: np.ndarray, turn: int) -> None:
        here, before = self.samples.take(open_), self.loss[open_]
        loss, prediction = self._answers(candidates, here, self._draws(turn)[:1])
        self.asked[open_] += 1
        better = np.flatnonzero((loss > before) | (prediction != here.labels))
        if self.victim.stochastic and len(better):
            loss[better], prediction[better] = self._judged(candidates[better], here.take(better), turn)
            self.asked[open_[better]] += VOTES
            better = better[(loss > before)[better] | (prediction != here.labels)[better]]
        chosen = open_[better]
        self.best[chosen], self.loss[chosen] = candidates[better], loss[better]
        self.prediction[chosen] = prediction[better]

    def _draws(self, turn: int) -> range:
        """Of the victim: the one that a candidate is tried with, and those that judge it."""
        if not self.victim.stochastic:
            return range(self.draw, self.draw + 1)
        first = self.draw + turn * self.price
        return range(first, first + self.price)

    def _judged(self, images: np.ndarray, here: Samples, turn: int) -> tuple[np.ndarray, np.ndarray]:
        draws = self._draws(turn)
        return self._answers(images, here, draws[1:] if self.victim.stochastic else draws)

    def _answers(self, images: np.ndarray, here: Samples, draws: range) -> tuple[np.ndarray, np.ndarray]:
        """Mean margin ``(n,)`` over the draws, and the class ``(n,)`` that most of them say.

        Where most are wrong it is the wrong class with most votes.
        """
        asked = np.stack([self.victim.logits(images, here.indices, draw) for draw in draws])
        loss = np.mean(
            [loss_and_direction("margin", logits, Goal(here.labels))[0] for logits in asked], axis=0
        )
        votes = (asked.argmax(axis=2)[:, :, None] == np.arange(asked.shape[2])).sum(axis=0)
        rows = np.arange(len(images))
        outvoted = 2 * votes[rows, here.labels] < len(draws)
        votes[rows[outvoted], here.labels[outvoted]] = -1
        return loss, votes.argmax(axis=1)
