"""Whether a robustness figure can be believed: what a masked gradient, or a lazy attack, would show.

The checks are those of Athalye et al. 2018 (section 3.1), Carlini et al. 2019 and Croce et al. 2022, with the
spiking ones of methods that follow single surrogates. Each probe is held against the evaluation's own verdict
on the same samples: one that fools what the evaluation calls robust shows that the figure is too high.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
import torch

from lavarobust.attacks.craft import craft_linf
from lavarobust.attacks.dispatch import PixelAttack, run_attack
from lavarobust.attacks.expectation import ExpectedVictim
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.search import AttackResult
from lavarobust.attacks.settings import FGSM, PGD, Noise
from lavarobust.attacks.square import Square
from lavarobust.attacks.suites import Member, Suite, rule_name
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.verdict import FILTER_DRAWS, judge
from lavarobust.attacks.victim import Victim
from lavarobust.dynamics import Averaged, GradientRule, RateGradient, RateMask, Surrogate, straight_through

NOTICEABLE = 0.05
"""Share of the samples from which on a probe counts as stronger than the evaluation; at least two samples."""

DEAD = 0.05
"""Share of gradients that may be zero in every pixel."""

SAMPLES = 100
"""Samples that are looked at: the first that the model has right."""


@dataclass(frozen=True)
class Check:
    """One question to an evaluation.

    Attributes:
        name: what was asked.
        fired: whether the answer speaks against the evaluation.
        said: the answer in figures.
    """

    name: str
    fired: bool
    said: str


@dataclass(frozen=True)
class Diagnosis:
    """All checks of one evaluation.

    Attributes:
        samples: how many were looked at.
        checks: in order.
    """

    samples: int
    checks: tuple[Check, ...]

    @property
    def unreliable(self) -> bool:
        return any(check.fired for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Of those that fired."""
        return tuple(f"{check.name}: {check.said}" for check in self.checks if check.fired)


class Attackable(Protocol):
    """What is diagnosed: see :class:`lavarobust.attacks.campaign.Target`."""

    @property
    def seed(self) -> int: ...

    @property
    def expectation(self) -> int: ...

    @property
    def votes(self) -> int: ...

    def victim(self, rule: GradientRule) -> Victim:
        """The model, one draw at a time."""
        ...

    def attacked(self, member: Member) -> Victim:
        """What an attack of the evaluation asks."""
        ...


def diagnose(
    target: Attackable,
    suite: Suite,
    samples: Samples,
    threat: ThreatModel,
    robust: np.ndarray,
    told: Callable[[str], None] = lambda what: None,
) -> Diagnosis:
    """Ask every question about an evaluation.

    Args:
        target: what was attacked, and how it was asked.
        suite: what ran.
        samples: N samples.
        threat: of the evaluation.
        robust: ``(N,)`` bool, what the evaluation calls robust.
        told: called before each probe.
    """
    right = judge(target.victim(suite.rule), samples, target.votes, FILTER_DRAWS).prediction == samples.labels
    chosen = np.flatnonzero(right)[:SAMPLES]
    if not len(chosen):
        return Diagnosis(0, (Check("clean accuracy", True, "no sample is right without attack"),))
    probes = _Probes(target, suite, samples.take(chosen), threat, robust[chosen])
    checks = []
    for ask in (
        probes.gradients,
        probes.single_step,
        probes.noise,
        probes.scores,
        probes.more_steps,
        probes.restarts,
        probes.surrogates,
        probes.draws,
        probes.radius,
        probes.above_clean,
    ):
        told(ask.__name__.replace("_", " "))
        checks += ask()
    return Diagnosis(len(chosen), tuple(checks))


class _Probes:
    """The questions; each answers with its checks."""

    def __init__(
        self, target: Attackable, suite: Suite, samples: Samples, threat: ThreatModel, robust: np.ndarray
    ) -> None:
        self.target, self.suite, self.samples, self.threat = target, suite, samples, threat
        self.robust = robust
        self.verdicts = 0
        self.enough = max(2, int(np.ceil(NOTICEABLE * len(samples))))
        self.own = self._craft(PGD(20), suite.rule)
        self.own_fooled = self._fooled(self.own.images)

    def gradients(self) -> list[Check]:
        share = self.own.zero_gradient_share
        open_ = ~self.own.fooled
        stuck = float((self.own.loss[open_] <= self.own.first_loss[open_]).mean()) if open_.any() else 0.0
        return [
            Check("zero gradients", share > DEAD, f"{share:.1%} of those of {self.own_name}"),
            Check("the loss rises", stuck > DEAD, f"not at all on {stuck:.1%} of the samples not fooled"),
        ]

    def single_step(self) -> list[Check]:
        once = self._fooled(self._craft(FGSM(), self.suite.rule).images)
        said = f"one step fools {self._share(once)}, {self.own_name} {self._share(self.own_fooled)}"
        more = int((once & ~self.own_fooled).sum())
        stronger = once.sum() > self.own_fooled.sum() and more >= self.enough
        return [Check("one step is not stronger than many", bool(stronger), said)]

    def noise(self) -> list[Check]:
        fooled = self._fooled(self._craft(Noise("uniform", draws=10), None).images)
        return [self._beats("noise", fooled)]

    def scores(self) -> list[Check]:
        if self.threat.norm != "linf" or self.samples.images.ndim != 4:
            return []
        settings = Square(500)
        fooled = self._fooled(self._craft(settings, None).images)
        return [self._beats(f"{settings.name}, which knows scores alone", fooled)]

    def more_steps(self) -> list[Check]:
        fooled = self._fooled(self._craft(PGD(100), self.suite.rule).images)
        return [self._beats("five times the steps", fooled)]

    def restarts(self) -> list[Check]:
        fooled = self._fooled(self._craft(PGD(20, restarts=5), self.suite.rule).images)
        return [self._beats("five restarts", fooled)]

    def surrogates(self) -> list[Check]:
        found = {rule: self._fooled(self._craft(PGD(20), rule).images) for rule in _RULES}
        best = max(found, key=lambda rule: int(found[rule].sum()))
        together = np.logical_or.reduce(list(found.values()))
        check = self._beats(f"PGD-20 through {len(found)} gradients", together)
        most = f"most through {rule_name(best)}: {self._share(found[best])}"
        return [replace(check, said=f"{check.said}; {most}")]

    def draws(self) -> list[Check]:
        """Of a model that draws: expectation over one draw and over ten, side by side."""
        victim = self.target.victim(self.suite.rule)
        if not victim.stochastic:
            return []
        fooled = {count: self._fooled(self._over(count, PGD(20)).images) for count in (1, 10)}
        check = self._beats("a gradient over 10 draws", fooled[10])
        sides = ", ".join(f"over {count}: {self._share(each)}" for count, each in fooled.items())
        return [replace(check, said=f"{check.said}; {sides}")]

    def radius(self) -> list[Check]:
        """Accuracy falls with epsilon, and to nothing without a bound."""
        accuracies = [(self.threat.epsilon, 1 - float(self.own_fooled.mean()))]
        for threat in _radii(self.threat):
            found = self._craft(PGD(40, random_start=False), self.suite.rule, threat)
            accuracies.append((threat.epsilon, 1 - float(self._fooled(found.images).mean())))
        accuracies.sort()
        values = [accuracy for _, accuracy in accuracies]
        rises = any(later > earlier + NOTICEABLE for earlier, later in pairwise(values))
        said = ", ".join(f"{accuracy:.0%} at {epsilon:.3g}" for epsilon, accuracy in accuracies)
        return [
            Check("a larger epsilon is not weaker", rises, said),
            Check("without a bound nothing is robust", values[-1] > 1 / len(self.samples), said),
        ]

    def above_clean(self) -> list[Check]:
        """One whole step on samples that are right: none may have a lower loss for it but by accident."""
        victim, samples = self.target.attacked(Member(FGSM(), self.suite.rule)), self.samples
        if self.threat.norm != "linf":
            return []

        def gradient(images: torch.Tensor) -> torch.Tensor:
            arrays = (images.numpy(), samples.labels, samples.indices)
            return torch.from_numpy(victim.loss_gradient(*arrays))

        victim.forget()
        stepped = craft_linf(
            gradient, torch.from_numpy(samples.images), self.threat.epsilon, self.threat.epsilon, 1
        ).numpy()
        judges = self.target.victim(self.suite.rule)
        clean, after = (
            judge(judges, replace(samples, images=images), self.target.votes, FILTER_DRAWS).margin
            for images in (samples.images, stepped)
        )
        better = float((after < clean).mean())
        said = f"one step of epsilon moves {better:.1%} of the samples away from every other class"
        return [Check("an attack does not help the model", better > 0.5, said)]

    @property
    def own_name(self) -> str:
        return f"PGD-20, {rule_name(self.suite.rule)}"

    def _beats(self, what: str, fooled: np.ndarray) -> Check:
        extra = int((fooled & self.robust).sum())
        said = f"fools {self._share(fooled)}, of which {extra} were called robust"
        return Check(f"{what} is not stronger", extra >= self.enough, said)

    def _share(self, fooled: np.ndarray) -> str:
        return f"{int(fooled.sum())} of {len(fooled)}"

    def _craft(
        self, settings: PixelAttack, rule: GradientRule | None, threat: ThreatModel | None = None
    ) -> AttackResult:
        victim = self.target.attacked(Member(settings, rule))
        return run_attack(settings, victim, self.samples, threat or self.threat, self.target.seed)

    def _over(self, draws: int, settings: PixelAttack) -> AttackResult:
        victim = ExpectedVictim(self.target.victim(self.suite.rule), draws)
        return run_attack(settings, victim, self.samples, self.threat, self.target.seed)

    def _fooled(self, images: np.ndarray) -> np.ndarray:
        """By a vote of draws that no other verdict had."""
        self.verdicts += 1
        first = FILTER_DRAWS + (1 << 20) + self.verdicts * self.target.votes
        samples = replace(self.samples, images=images)
        victim = self.target.victim(self.suite.rule)
        wrong: np.ndarray = judge(victim, samples, self.target.votes, first).prediction != samples.labels
        return wrong


_RULES: tuple[GradientRule, ...] = (
    Surrogate("triangular", 0.5),
    Surrogate("triangular", 2.0),
    Surrogate("exponential", 1.0),
    Surrogate("rectangular", 2.0),
    straight_through(),
    RateMask(),
    RateGradient(),
    Averaged(),
)


def _radii(threat: ThreatModel) -> Iterator[ThreatModel]:
    """Half, twice and four times the radius, and one that bounds nothing."""
    everything = 1.0 if threat.norm == "linf" else 1e6
    for factor in (0.5, 2.0, 4.0):
        if threat.epsilon * factor < everything:
            yield replace(threat, epsilon=threat.epsilon * factor)
    yield replace(threat, epsilon=everything)
