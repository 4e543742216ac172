"""SDA: few flips of binary input, each tried before it is taken (Lun et al., CVPR 2025; ``utils/attack.py``).

With the loss ``max(0, z_y - max of the other logits)``, iteration n of a sample looks at its
``(n + 1) * first`` candidates of largest gradient, among the entries whose flip lowers the loss to first
order (0 <= x - sign(g) <= 1). All other entries not yet flipped get random magnitudes below the smallest
of those, so that they come last. Every candidate is flipped by itself; the finite difference FD is the
loss with it less the loss without. Candidates with FD <= 0 join the flips, which only grow; the others
may be tried again later. Once the sample is wrong, a binary search takes back as many flips of the
smallest |FD| as it can while the sample stays wrong.

Unlike the published code, an entry that is flipped is no candidate again, also where fewer others are left
than are looked for, and a search ends where all others were tried in vain, as nothing can change any more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.victim import Queries
from lavarobust.attacks.words import attack_uniforms
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding


@dataclass(frozen=True)
class SDA:
    """How flips are sought.

    Attributes:
        iterations: gradients at most, N.
        first: candidates of the first iteration, k_init; every further one has so many more.
        reduced: whether flips that are not needed are taken back at the end.

    Raises:
        SettingsError: an impossible value.
    """

    iterations: int = 500
    first: int = 10
    reduced: bool = True

    def __post_init__(self) -> None:
        for name, value in (("iterations", self.iterations), ("first", self.first)):
            if value < 1:
                raise SettingsError(f"SDA with {name}={value} does nothing. Give at least 1.")

    @property
    def name(self) -> str:
        return f"SDA-{self.iterations}" + ("" if self.reduced else " without reduction")


@dataclass(frozen=True, eq=False)
class SparseResult:
    """What was found for each of N samples.

    Attributes:
        frames: ``(N, T, C, H, W)`` int8, the attacked encoding; the clean one where nothing was found, and
            where the sample was wrong without attack.
        flips: ``(N,)`` int64, entries that are not the clean ones; l0.
        right: ``(N,)`` bool, samples that were attacked: right without it.
        fooled: ``(N,)`` bool, those of them that the victim gets wrong now.
        gradients, zero_gradients: how many were computed, and how many were zero in every entry.
        queries: executions that the attack took, all samples together.
    """

    frames: np.ndarray
    flips: np.ndarray
    right: np.ndarray
    fooled: np.ndarray
    gradients: int
    zero_gradients: int
    queries: Queries

    @property
    def success_rate(self) -> float:
        """Share of the attacked samples that are wrong now; 0 if there were none."""
        return float(self.fooled.sum() / max(int(self.right.sum()), 1))

    @property
    def mean_flips(self) -> float | None:
        """Over the fooled samples; None where there are none."""
        return float(self.flips[self.fooled].mean()) if self.fooled.any() else None

    @property
    def median_flips(self) -> float | None:
        """Over the fooled samples; None where there are none."""
        return float(np.median(self.flips[self.fooled])) if self.fooled.any() else None

    def share_below(self, flips: int) -> float:
        """Share of the fooled samples that took fewer flips, as published for 200 and 800; 0 of none."""
        return float((self.flips[self.fooled] < flips).sum() / max(int(self.fooled.sum()), 1))


def attack_sparsely(
    settings: SDA,
    victim: EncodingVictim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    seed: int = 0,
    draw: int = 0,
) -> SparseResult:
    """Encode images and flip as few entries of the encoding as it takes for the victim to get them wrong.

    The result of a sample is the same bytes in any batch and order.

    Args:
        settings: how.
        images: ``(N, C, H, W)`` pixels in [0, 1], or event frames ``(N, C, H, W, T)``.
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        seed: key of the magnitudes that stand in for zero gradients.
        draw: of the encoding that is attacked and executed.

    Raises:
        DataError: arrays that do not fit each other or the victim.
        SettingsError: an encoding with other entries than 0 and 1.
    """
    check_binary(victim.deployment.encoding)
    samples = checked_samples(images, labels, indices)
    search = _Search(
        victim, victim.encoded(samples.images, samples.indices, draw), samples.labels, samples.indices, draw
    )
    for iteration in range(settings.iterations):
        if not len(search.open):
            break
        keys, entries = search.indices[search.open], search.flipped.shape[1]
        ranks = search.ranks(attack_uniforms(keys, seed, "sda zero gradients", iteration, entries))
        search.try_best(ranks, (iteration + 1) * settings.first)
    if settings.reduced:
        search.reduce()
    return search.result()


def check_binary(encoding: Encoding) -> None:
    """Raises SettingsError for an encoding with other entries than 0 and 1."""
    if not encoding.binary:
        raise SettingsError(
            f"sda: the encoding {encoding.kind} sends other entries than 0 and 1, and flips are of those. "
            "Give rate, or frames of one level"
        )


class _Search:
    """The flips so far of every sample, entries in flattened (T, C, H, W) order."""

    def __init__(
        self, victim: EncodingVictim, clean: np.ndarray, labels: np.ndarray, indices: np.ndarray, draw: int
    ) -> None:
        self.victim, self.clean, self.labels, self.indices = victim, clean, labels, indices
        self.draw, self.before = draw, replace(victim.queries)
        victim.forget()
        self.flipped = np.zeros((len(clean), clean[0].size), dtype=bool)
        self.gain = np.zeros(self.flipped.shape)
        everyone = np.arange(len(clean))
        self.now, self.right = self.loss(self.flipped, everyone)
        self.fooled = np.zeros(len(clean), dtype=bool)
        self.open = everyone[self.right]
        self.gradients = self.zero_gradients = 0

    def frames(self, flipped: np.ndarray, which: np.ndarray) -> np.ndarray:
        """``(n, T, C, H, W)`` float32: those of samples ``(n,)`` with entries flipped ``(n, D)``."""
        clean = self.clean[which]
        return np.where(flipped.reshape(clean.shape), 1 - clean, clean)

    def loss(self, flipped: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss ``(n,)`` of samples ``(n,)`` with entries flipped ``(n, D)``, and whether they are right."""
        # the index keys what a gate draws; where nothing is drawn, other numbers fill the chunks better,
        # and executed integers are the same in any row
        keys = self.indices[which] if self.victim.stochastic else np.arange(len(which))
        logits = self.victim.logits(self.frames(flipped, which), keys, self.draw)
        return _loss(logits, self.labels[which])

    def ranks(self, zero_ranks: np.ndarray) -> np.ndarray:
        """``(open, D)`` by which candidates are chosen; -1 of entries that are flipped already.

        Args:
            zero_ranks: ``(open, D)`` in [0, 1), which stand in for gradients that lower nothing.
        """
        frames = self.frames(self.flipped[self.open], self.open)
        labels, indices = self.labels[self.open], self.indices[self.open]
        gradient = self.victim.logits_and_gradient(frames, labels, indices, "margin", self.draw)[1]
        # of the strongest rival's margin: a flip changes an entry by 1 - 2 x
        lowering = (gradient * (1 - 2 * frames)).reshape(len(frames), -1).astype(np.float64)
        self.gradients += len(frames)
        self.zero_gradients += int((~lowering.any(axis=1)).sum())
        smallest = np.where(lowering > 0, lowering, np.inf).min(axis=1, keepdims=True)
        smallest[np.isinf(smallest)] = 1
        ranks = np.where(lowering > 0, lowering, zero_ranks * smallest)
        ranks[self.flipped[self.open]] = -1
        return ranks

    def try_best(self, ranks: np.ndarray, count: int) -> None:
        """Flip each open sample's best candidates one by one, and keep those that do not raise the loss."""
        places = (-ranks).argsort(axis=1, kind="stable")[:, :count]
        candidate, row = np.nonzero(np.take_along_axis(ranks, places, 1).T >= 0)
        place = places[row, candidate]
        change = np.empty(len(row))
        for start in range(0, len(row), self.victim.chunk):
            part = slice(start, start + self.victim.chunk)
            which = self.open[row[part]]
            tried = self.flipped[which]
            tried[np.arange(len(tried)), place[part]] = True
            change[part] = self.loss(tried, which)[0] - self.now[which]
        kept = change <= 0
        sample = self.open[row[kept]]
        self.flipped[sample, place[kept]] = True
        self.gain[sample, place[kept]] = -change[kept]
        self.now[self.open], right = self.loss(self.flipped[self.open], self.open)
        self.fooled[self.open] = ~right
        exhausted = ~np.isin(self.open, sample) & ((ranks >= 0).sum(axis=1) <= count)
        self.open = self.open[right & ~exhausted]

    def reduce(self) -> None:
        """Take back as many of each fooled sample's least flips as a binary search finds it can spare."""
        which = np.flatnonzero(self.fooled)
        order = np.where(self.flipped[which], self.gain[which], np.inf).argsort(axis=1, kind="stable")
        position = order.argsort(axis=1)
        spared = np.zeros(len(which), dtype=np.int64)
        needed = self.flipped[which].sum(axis=1) + 1  # so many can't be spared: there are fewer
        while len(unsure := np.flatnonzero(needed - spared > 1)):
            middle = (spared[unsure] + needed[unsure]) // 2
            fewer = self.flipped[which[unsure]] & (position[unsure] >= middle[:, None])
            right = self.loss(fewer, which[unsure])[1]
            needed[unsure[right]], spared[unsure[~right]] = middle[right], middle[~right]
        self.flipped[which] &= position >= spared[:, None]

    def result(self) -> SparseResult:
        self.flipped[~self.fooled] = False
        return SparseResult(
            frames=self.frames(self.flipped, np.arange(len(self.clean))).astype(np.int8),
            flips=self.flipped.sum(axis=1),
            right=self.right,
            fooled=self.fooled,
            gradients=self.gradients,
            zero_gradients=self.zero_gradients,
            queries=self.victim.queries.since(self.before),
        )


def _loss(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss ``(n,)`` of logits ``(n, classes)``, and whether they are right."""
    rows = np.arange(len(logits))
    others = logits.copy()
    others[rows, labels] = -np.inf
    return np.maximum(logits[rows, labels] - others.max(axis=1), 0), logits.argmax(axis=1) == labels
