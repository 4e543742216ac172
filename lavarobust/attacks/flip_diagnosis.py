"""Whether a figure of robustness to flips can be believed: what a gradient that is followed once would hide.

Training under flips by one gradient teaches a network to mislead that gradient: Table 2 of Mukhoty et al.
(ICLR 2025) has models that are more accurate under attack than without. Each probe is held against what the
evaluation calls robust, as in :mod:`lavarobust.attacks.diagnosis`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod

import numpy as np
import torch

from lavarobust.attacks.checks import DEAD, NOTICEABLE, Check, Diagnosis, noticeable
from lavarobust.attacks.diagnosis import SAMPLES
from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.flips import Flips, Slope, craft_flips, lowest_entry
from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.sea import SEA, FlipBudget, FlipResult, attack_encoding
from lavarobust.attacks.words import attack_uniforms

ITERATED = SEA(iterations=20)
"""At budgets below 20 one flip at a time, each by a gradient of its own."""

FRESH = SEA(iterations=5, encodings=10)

_RANDOM = 10
"""Draws of random flips, of which the worst counts."""


def diagnose_flips(
    victim: EncodingVictim,
    settings: SEA,
    budget: FlipBudget,
    samples: Samples,
    robust: np.ndarray,
    seed: int = 0,
    draw: int = 0,
    told: Callable[[str], None] = lambda what: None,
) -> Diagnosis:
    """Ask every question about an evaluation of flips.

    Args:
        victim: what was attacked.
        settings, budget: how, and with how many flips.
        samples: N samples.
        robust: ``(N,)`` bool, what the evaluation calls robust.
        seed: of random flips.
        draw: of the encoding that was attacked and executed.
        told: called before each probe.

    Raises:
        SettingsError: an encoding that sends no spikes.
    """
    samples, robust = samples.take(slice(SAMPLES)), robust[:SAMPLES]
    probes = _FlipProbes(victim, settings, budget, samples, robust, seed, draw)
    if not probes.right.any():
        return Diagnosis(len(samples), (Check("clean accuracy", True, "no sample is right without attack"),))
    left = int((robust & probes.right).sum())
    if left < probes.enough:
        said = f"{left} of {int(probes.right.sum())} are called robust, and no figure is far below that"
        return Diagnosis(len(samples), (Check("room for an overestimate", False, said),))
    questions: dict[str, Callable[[], list[Check]]] = {
        "gradients": probes.gradients,
        "flips that help": probes.help,
        "more gradients": probes.iterated,
        "fresh encodings": probes.fresh,
        "random flips": probes.random,
        "budgets": probes.budgets,
    }
    checks = []
    for what, ask in questions.items():
        told(what)
        checks += ask()
    return Diagnosis(len(samples), tuple(checks))


class _FlipProbes:
    """Each answers with its checks, on samples right and wrong."""

    def __init__(
        self,
        victim: EncodingVictim,
        settings: SEA,
        budget: FlipBudget,
        samples: Samples,
        robust: np.ndarray,
        seed: int,
        draw: int,
    ) -> None:
        self.victim, self.settings, self.budget = victim, settings, budget
        self.samples, self.robust, self.seed, self.draw = samples, robust, seed, draw
        self.lowest = lowest_entry(victim.deployment.encoding)
        self.clean = victim.encoded(samples.images, samples.indices, draw)
        self.right = self._predicted(self.clean) == samples.labels
        self.enough = noticeable(int(self.right.sum()))
        self.own = self._attack(settings, budget.flips)

    def gradients(self) -> list[Check]:
        share = self.own.zero_gradients / max(self.own.gradients, 1)
        return [Check("zero gradients", share > DEAD, f"{share:.1%} of those of {self.settings.name}")]

    def help(self) -> list[Check]:
        """The published step, kept whatever it does: it may neither right samples nor make them certain."""
        here, clean = self.samples, torch.from_numpy(self.clean)

        def slope(flips: Flips, iteration: int) -> Slope:
            frames = flips.applied(clean)
            gradient = self.victim.loss_gradient(frames.numpy(), here.labels, here.indices, draw=self.draw)
            return Slope.at(frames, torch.from_numpy(gradient))

        flips = craft_flips(slope, clean, self.lowest, self.budget.flips)
        before, now = (
            self.victim.logits(frames, here.indices, self.draw)
            for frames in (self.clean, flips.applied(clean).numpy())
        )
        accuracies = [float((logits.argmax(axis=1) == here.labels).mean()) for logits in (before, now)]
        margins = [loss_and_direction("margin", logits, Goal(here.labels))[0] for logits in (before, now)]
        better = float((margins[1] < margins[0])[self.right].mean())
        said = (
            f"flips by one gradient: {accuracies[1]:.1%} right instead of {accuracies[0]:.1%}, "
            f"{better:.1%} of the right ones further from every other class"
        )
        helped = accuracies[1] > accuracies[0] + NOTICEABLE or better > 0.5
        return [Check("an attack does not help the model", helped, said)]

    def iterated(self) -> list[Check]:
        found = self._attack(ITERATED, self.budget.flips)
        return [self._beats(ITERATED.name, found.prediction != self.samples.labels)]

    def fresh(self) -> list[Check]:
        """An attacker who does not know the encoding is not the stronger one."""
        found = self._attack(FRESH, self.budget.flips)
        return [self._beats(FRESH.name, found.prediction != self.samples.labels)]

    def random(self) -> list[Check]:
        fooled = np.zeros(len(self.samples), dtype=bool)
        for repetition in range(_RANDOM):
            frames = random_flips(
                self.clean, self.samples.indices, self.budget.flips, self.lowest, self.seed, repetition
            )
            fooled |= self._predicted(frames) != self.samples.labels
        return [self._beats(f"the worst of {_RANDOM} draws of random flips", fooled)]

    def budgets(self) -> list[Check]:
        """Accuracy falls with the budget, and to nothing where all entries may be changed."""
        entries = prod(self.clean.shape[2:])
        counts = {max(1, self.budget.flips // 2), 2 * self.budget.flips, 4 * self.budget.flips}
        sweep = {self.budget.flips: self._accuracy(self.own)}
        for count in counts - {self.budget.flips}:
            sweep[count] = self._accuracy(self._attack(self.settings, count))
        values = [sweep[count] for count in sorted(sweep)]
        rises = any(later > earlier + NOTICEABLE for earlier, later in pairwise(values))
        said = ", ".join(f"{sweep[count]:.0%} at {count}" for count in sorted(sweep))
        left = int((self._attack(ITERATED, entries).prediction == self.samples.labels).sum())
        return [
            Check("a larger budget is not weaker", rises, said),
            Check(
                "without a bound nothing is robust", left > 1, f"{left} right with {entries} flips a frame"
            ),
        ]

    def _beats(self, what: str, fooled: np.ndarray) -> Check:
        fooled = fooled & self.right
        extra = int((fooled & self.robust).sum())
        said = f"fools {int(fooled.sum())} of {int(self.right.sum())}, of which {extra} were called robust"
        return Check(f"{what} is not stronger", extra >= self.enough, said)

    def _attack(self, settings: SEA, flips: int) -> FlipResult:
        here = self.samples
        return attack_encoding(
            settings, self.victim, here.images, here.labels, here.indices, FlipBudget(flips), self.draw
        )

    def _accuracy(self, found: FlipResult) -> float:
        return float((found.prediction == self.samples.labels).mean())

    def _predicted(self, frames: np.ndarray) -> np.ndarray:
        predicted: np.ndarray = self.victim.logits(frames, self.samples.indices, self.draw).argmax(axis=1)
        return predicted


def random_flips(
    frames: np.ndarray, indices: np.ndarray, flips: int, lowest: int, seed: int, repetition: int
) -> np.ndarray:
    """Frames ``(N, T, C, H, W)`` with so many entries of each at another value, which ones and what drawn.

    Args:
        indices: ``(N,)`` each sample's index in its data set, the key of its draws.
        flips: per frame; all entries where there are no more.
        lowest: entries run from it to 1.
        seed, repetition: which draws.
    """
    flat = frames.reshape(*frames.shape[:2], -1)
    shape, values = flat.shape, 1 - lowest
    place, value = (
        attack_uniforms(indices, seed, f"random flips, {what}", repetition, prod(shape[1:])).reshape(shape)
        for what in ("place", "value")
    )
    chosen = np.zeros(shape, dtype=bool)
    np.put_along_axis(chosen, np.argsort(place, axis=2, kind="stable")[..., :flips], True, axis=2)
    # the next value, or the one after, around the range: never the entry itself
    others = (flat - lowest + 1 + np.floor(value * values)) % (values + 1) + lowest
    flipped: np.ndarray = np.where(chosen, others, flat).astype(frames.dtype).reshape(frames.shape)
    return flipped
