"""HopSkipJump: an attack that is told nothing but the predicted class (the extra ``art``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lavarobust.attacks.art import numpy_seeded
from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.query_result import QueryResult
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.threat import ThreatModel, linf_box
from lavarobust.attacks.victim import Victim
from lavarobust.attacks.words import attack_uniforms, attack_words
from lavarobust.errors import SettingsError
from lavarobust.optional import optional_module

_STARTS = 100
"""Random images that are tried for one of another class, as ART does."""


@dataclass(frozen=True)
class HopSkipJump:
    """The decision-based attack of Chen, Jordan & Wainwright (IEEE S&P 2020, Algorithm 2), as ART runs it.

    Attributes:
        queries: largest number of images per sample that the victim is asked about, beside the clean one.

    Raises:
        SettingsError: no queries.
    """

    queries: int = 5000

    def __post_init__(self) -> None:
        if self.queries < 1:
            raise SettingsError(f"HopSkipJump with queries={self.queries} does nothing. Give at least 1.")

    @property
    def name(self) -> str:
        return f"HopSkipJump-{self.queries}"


def hop_skip_jump(
    victim: Victim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    threat: ThreatModel,
    settings: HopSkipJump = HopSkipJump(),
    seed: int = 0,
    draw: int = 0,
) -> QueryResult:
    """Walk along the decision boundary towards every image, until one inside the linf box is misclassified.

    ART looks for the nearest image of another class. Here its search of a sample ends with the first one
    inside the threat model, whichever it asked about, and with the last query. Each sample is searched on
    its own, with its own start and draws: its result is the same bytes in any batch and order.

    Args:
        victim: deterministic; of a model that draws its :class:`MeanVictim`, and fresh draws must judge then.
        images: ``(N, C, H, W)`` pixels in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        threat: what may be changed.
        seed: key of starts and draws; numpy's global generator is put back.
        draw: handed to the victim.

    Returns:
        With no gradients; the clean image where no image was found.

    Raises:
        MissingPackageError: ART is not installed.
        DataError: arrays that do not fit each other or the victim.
        SettingsError: a threat model of another norm, or a stochastic victim.
        ThreatModelError: an image left the threat model, which is a defect.
    """
    if threat.norm not in ("linf",):
        raise SettingsError(f"HopSkipJump is run in the linf box, not in that of {threat.norm}. Give linf.")
    if victim.stochastic:
        raise SettingsError(
            f"{victim.name}: its answers are drawn, and HopSkipJump would walk along a boundary that moves. "
            "Give the MeanVictim of it, and judge by other draws."
        )
    evasion = optional_module("art.attacks.evasion", "art")
    classification = optional_module("art.estimators.classification", "art")
    samples = checked_samples(images, labels, indices)
    before = replace(victim.queries)
    logits = victim.logits(samples.images, samples.indices, draw)
    first_margin = loss_and_direction("margin", logits, Goal(samples.labels))[0]
    box = [bound.numpy() for bound in linf_box(torch.from_numpy(samples.images), threat.epsilon)]
    found, asked = samples.images.copy(), np.zeros(len(samples), dtype=np.int64)

    def attack(estimator: Any) -> Any:
        return evasion.HopSkipJump(estimator, norm=np.inf, max_iter=settings.queries, verbose=False)

    for position in np.flatnonzero(logits.argmax(axis=1) == samples.labels):
        watch = _Watch(
            victim,
            samples.take(slice(position, position + 1)),
            box[0][position],
            box[1][position],
            settings,
            draw,
        )
        estimator = classification.BlackBoxClassifierNeuralNetwork(
            watch.scores, samples.images.shape[1:], logits.shape[1], clip_values=(0.0, 1.0)
        )
        _search(watch, attack(estimator), seed)
        asked[position] = watch.asked
        if watch.found is not None:
            found[position] = watch.found
    threat.check(samples.images, found)
    # once more with the samples' own indices, by which a victim in floating point may round otherwise
    logits = victim.logits(found, samples.indices, draw)
    margin = loss_and_direction("margin", logits, Goal(samples.labels))[0]
    nothing = np.zeros(len(samples), dtype=np.int64)
    return QueryResult(
        images=found,
        fooled=logits.argmax(axis=1) != samples.labels,
        prediction=logits.argmax(axis=1),
        loss=margin,
        first_loss=first_margin,
        gradients=nothing,
        zero_gradients=nothing.copy(),
        queries=victim.queries.since(before),
        asked=asked,
    )


class _Over(Exception):  # noqa: N818
    """Leaves ART's search, which knows neither a threat model nor a budget."""


class _Watch:
    """One sample's victim in ART's words; the first image that counts ends the search, as does the last."""

    def __init__(
        self,
        victim: Victim,
        sample: Samples,
        low: np.ndarray,
        high: np.ndarray,
        settings: HopSkipJump,
        draw: int,
    ) -> None:
        self.victim, self.sample, self.low, self.high, self.draw = victim, sample, low, high, draw
        self.settings, self.asked = settings, 0
        self.found: np.ndarray | None = None

    def scores(self, images: np.ndarray) -> np.ndarray:
        images = images[: self.settings.queries - self.asked].astype(np.float32)
        logits = self.victim.logits(images, np.arange(len(images)), self.draw)
        inside = ((images >= self.low) & (images <= self.high)).reshape(len(images), -1).all(axis=1)
        counts = inside & (logits.argmax(axis=1) != self.sample.labels)
        if counts.any():
            self.found = images[counts.argmax()]
            self.asked += int(counts.argmax()) + 1
            raise _Over
        self.asked += len(images)
        if self.asked >= self.settings.queries:
            raise _Over
        scores: np.ndarray = logits - logits.max(axis=1, keepdims=True)
        return scores


def _search(watch: _Watch, attack: Any, seed: int) -> None:
    """Give ART a start of the sample's own, since the one that it draws itself can't be seeded."""
    indices, shape = watch.sample.indices, watch.sample.images.shape
    try:
        for trial in range(_STARTS):
            uniform = attack_uniforms(indices, seed, "hop skip jump start", trial, int(np.prod(shape)))
            start = uniform.astype(np.float32).reshape(shape)
            if watch.scores(start).argmax(axis=1) != watch.sample.labels:
                words = attack_words(indices, seed, "hop skip jump", 0, 4)
                with numpy_seeded(words.view(np.uint32).ravel()):
                    attack.generate(watch.sample.images, x_adv_init=start)
                return
    except _Over:
        return
