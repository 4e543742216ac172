"""The Square attack: random search by scores alone, which no surrogate gradient can mislead."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.query_result import QueryResult
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.threat import ThreatModel, linf_box
from lavarobust.attacks.victim import Victim
from lavarobust.attacks.words import attack_words
from lavarobust.errors import DataError, SettingsError

VOTES = 5
"""Fresh draws of a stochastic victim that judge an image. An odd number, so that no vote ties."""

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""After which of 10000 queries the tiles' share of the image halves (section 5 of the paper)."""


@dataclass(frozen=True)
class Square:
    """The score-based random search of Andriushchenko et al. (ECCV 2020, Algorithms 1 and 2).

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
    """Search the corners of the linf box by stripes and tiles of random sign, keeping what raises the margin.

    Only another prediction ends the search of a sample: a tie that its own class wins doesn't. A tile that
    would change no pixel takes the opposite signs (the paper's code draws again). The result of a sample is
    the same bytes in any batch and order.

    A stochastic victim is asked with fresh draws every time. What looks better than the best so far is asked
    about :data:`VOTES` times more, and those draws alone say what it is worth: their mean margin is its loss,
    their majority its prediction. So a lucky draw neither ends the search nor becomes the mark that all later
    candidates have to beat. All these askings count.

    Args:
        images: ``(N, C, H, W)`` pixels in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        threat: what may be changed.
        seed: key of the stripes and tiles.
        draw: repetition of the victim's own draws that is attacked; of a stochastic victim the first one.

    Returns:
        With no gradients.

    Raises:
        DataError: arrays that do not fit each other or the victim.
        SettingsError: a threat model of another norm.
        ThreatModelError: an image left the threat model, which is a defect.
    """
    if threat.norm not in ("linf",):
        raise SettingsError(f"Square searches the corners of the linf box, not of {threat.norm}. Give linf.")
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
        self.victim, self.samples, self.settings, self.seed, self.draw = victim, samples, settings, seed, draw
        self.low, self.high = (
            bound.numpy() for bound in linf_box(torch.from_numpy(samples.images), threat.epsilon)
        )
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
        # the search goes on from the stripes, also where the clean image has the higher loss
        self.loss = np.where(self.fooled, self.clean_loss, -np.inf)
        for query in range(self.settings.queries):
            open_ = np.flatnonzero(~self.fooled & (self.asked + self.price <= self.settings.queries))
            if not len(open_):
                break
            self._try(open_, self._stripes(open_) if query == 0 else self._tiles(open_, query), query + 1)
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

    def _stripes(self, open_: np.ndarray) -> np.ndarray:
        """``(n, C, H, W)`` corners of the box whose columns have one random sign per channel."""
        _, channels, _, columns = self.best.shape
        words = self._words(open_, "square stripes", 0, channels * columns)
        signs = _coins(words).reshape(len(open_), channels, 1, columns)
        return np.where(signs, self.high[open_], self.low[open_])

    def _tiles(self, open_: np.ndarray, query: int) -> np.ndarray:
        """``(n, C, H, W)`` the best images with a tile of one random sign per channel."""
        _, channels, height, width = self.best.shape
        side = max(round(math.sqrt(self.settings.tile_area(query) * height * width)), 1)
        words = self._words(open_, "square tiles", query, 2 + channels)
        inside = (
            _span(words[:, 0], height, side)[:, None, :, None]
            & _span(words[:, 1], width, side)[:, None, None, :]
        )
        signs, best = _coins(words[:, 2:])[:, :, None, None], self.best[open_]
        low, high = self.low[open_], self.high[open_]
        tiled = np.where(inside, np.where(signs, high, low), best)
        unchanged = (tiled == best).reshape(len(open_), -1).all(axis=1)[:, None, None, None]
        return np.where(inside & unchanged, np.where(signs, low, high), tiled)

    def _words(self, open_: np.ndarray, purpose: str, repetition: int, count: int) -> np.ndarray:
        return attack_words(self.samples.indices[open_], self.seed, purpose, repetition, count)


def _coins(words: np.ndarray) -> np.ndarray:
    """Bool in the shape of the words: their upper bits."""
    coins: np.ndarray = words >> np.uint64(63) == 1
    return coins


def _span(words: np.ndarray, length: int, side: int) -> np.ndarray:
    """``(n, length)`` bool: ``side`` places in a row, at most all, anywhere from the first to the last."""
    side = min(side, length)
    start = (words % np.uint64(length - side + 1)).astype(np.int64)[:, None]
    place = np.arange(length)
    span: np.ndarray = (place >= start) & (place < start + side)
    return span
