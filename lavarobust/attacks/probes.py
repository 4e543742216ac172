"""The probes of a diagnosis: small attacks on what an evaluation calls robust."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from math import prod, sqrt

import numpy as np
import torch

from lavarobust.attacks.attackable import Attackable
from lavarobust.attacks.checks import DEAD, NOTICEABLE, Check, noticeable
from lavarobust.attacks.craft import climb
from lavarobust.attacks.dispatch import PixelAttack, run_attack
from lavarobust.attacks.expectation import ExpectedVictim
from lavarobust.attacks.rule_names import rule_name
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.search import AttackResult
from lavarobust.attacks.settings import FGSM, PGD, Noise
from lavarobust.attacks.square import Square
from lavarobust.attacks.steps import SignSteps
from lavarobust.attacks.suites import OTHER_MODEL, Member, Suite, passes_recurrent
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.verdict import FILTER_DRAWS, Verdict, judge
from lavarobust.dynamics import (
    Analog,
    Averaged,
    GradientRule,
    RateGradient,
    RateMask,
    Surrogate,
    straight_through,
)

_PROBE_DRAWS = FILTER_DRAWS + (1 << 20)
"""First of the draws that judge probes: no verdict of the evaluation had them."""

_EIGHT_BITS = 255

_CARRIED = PGD(20, random_start=False, momentum=1.0)


class Probes:
    """Each answers with its checks.

    Args:
        target, suite, threat: as :func:`lavarobust.attacks.diagnosis.diagnose` has them.
        samples: N that are right without attack.
        robust: ``(N,)`` bool, what the evaluation calls robust.
    """

    def __init__(
        self, target: Attackable, suite: Suite, samples: Samples, threat: ThreatModel, robust: np.ndarray
    ) -> None:
        self.target, self.suite, self.samples, self.threat = target, suite, samples, threat
        self.robust = robust
        self.verdicts = 0
        self.enough = noticeable(len(samples))
        self.own = self._craft(PGD(20), suite.rule)
        self.own_fooled = self._fooled(self.own.images)

    def gradients(self) -> list[Check]:
        """Whether there are any, and whether they lead upwards."""
        share = self.own.zero_gradient_share
        stuck = int(((self.own.loss <= self.own.first_loss) & ~self.own.fooled).sum())
        said = f"not at all on {stuck} of the {int((~self.own.fooled).sum())} samples not fooled"
        return [
            Check("zero gradients", share > DEAD, f"{share:.1%} of those of {self.own_name}"),
            Check("the loss rises", stuck >= self.enough, said),
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
        """The black box, of images alone."""
        if self.samples.images.ndim != 4:
            return []
        settings = Square(500)
        fooled = self._fooled(self._craft(settings, None).images)
        return [self._beats(f"{settings.name}, which knows scores alone,", fooled)]

    def more_steps(self) -> list[Check]:
        """A sweep from a third of the steps to five times as many."""
        found = {20: self.own_fooled}
        for steps in (7, 40, 100):
            found[steps] = self._fooled(self._craft(PGD(steps), self.suite.rule).images)
        check = self._beats("a PGD of more steps", found[40] | found[100])
        sweep = ", ".join(f"{steps} steps {self._share(found[steps])}" for steps in sorted(found))
        return [replace(check, said=f"{check.said}; {sweep}")]

    def restarts(self) -> list[Check]:
        fooled = self._fooled(self._craft(PGD(20, restarts=5), self.suite.rule).images)
        return [self._beats("a PGD of five restarts", fooled)]

    def surrogates(self) -> list[Check]:
        """Other gradients; what counts is their minimum, sample by sample."""
        rules = [rule for rule in _RULES if passes_recurrent(rule) or not self.target.recurrent]
        found = {rule: self._fooled(self._craft(PGD(20), rule).images) for rule in rules}
        best = max(found, key=lambda rule: int(found[rule].sum()))
        together = np.logical_or.reduce(list(found.values()))
        check = self._beats(f"PGD-20 through {len(found)} gradients", together)
        most = f"most through {rule_name(best)}: {self._share(found[best])}"
        return [replace(check, said=f"{check.said}; {most}")]

    def transfer(self) -> list[Check]:
        """Images of momentum, which carry over best (Dong et al. 2018): of the twin without spikes, and of
        another model where there is one."""
        sources = {}
        if not self.target.recurrent:
            sources["the analog twin"] = Member(_CARRIED, Analog())
        if self.target.other is not None:
            sources["another model"] = Member(_CARRIED, Surrogate(), OTHER_MODEL)
        return [
            self._beats(f"transfer from {name}", self._fooled(self._made(member, self.threat).images))
            for name, member in sources.items()
        ]

    def draws(self) -> list[Check]:
        """Of a model that draws: whether the expectation has converged in the number of its draws."""
        if not self.target.victim(self.suite.rule).stochastic:
            return []
        many = max(10, 2 * self.target.expectation)
        found = {self.target.expectation: self.own_fooled}
        for count in (1, many):
            if count not in found:
                found[count] = self._fooled(self._over(count, PGD(20)).images)
        check = self._beats(f"a gradient over {many} draws", found[many])
        sweep = ", ".join(f"over {count} {self._share(found[count])}" for count in sorted(found))
        return [replace(check, said=f"{check.said}; {sweep}")]

    def input_levels(self) -> list[Check]:
        """Where a model rounds its input to few levels: steps that each lead to the next one.

        A step of less than half a level may change no integer, and the walk is then along one gradient.
        """
        level = self.target.level
        if self.threat.norm != "linf" or level is None or level <= 1 / _EIGHT_BITS:
            return []
        fooled = self._fooled(self._craft(PGD(20, step_size=level), self.suite.rule).images)
        return [self._beats(f"PGD-20 by whole levels of {level:.3g}", fooled)]

    def radius(self) -> list[Check]:
        """Accuracy falls with epsilon, and to nothing without a bound."""
        accuracies = [(self.threat.epsilon, 1 - float(self.own_fooled.mean()))]
        for threat in _radii(self.threat, self.samples.images.shape[1:]):
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

    def help(self, samples: Samples) -> list[Check]:
        """One whole step, kept whatever it does: it may neither right samples nor make them more certain.

        Args:
            samples: right and wrong ones, as they come.
        """
        victim = self.target.attacked(Member(FGSM(), self.suite.rule))

        def slope(images: torch.Tensor) -> tuple[None, torch.Tensor]:
            arrays = (images.numpy(), samples.labels, samples.indices)
            return None, torch.from_numpy(victim.loss_gradient(*arrays))

        victim.forget()
        images = torch.from_numpy(samples.images)
        step = SignSteps(images, self.threat, self.threat.epsilon)
        clean = self._judged(samples)
        after = self._judged(replace(samples, images=climb(slope, images, step, 1).numpy()))
        before, now = (float((each.prediction == samples.labels).mean()) for each in (clean, after))
        right = clean.prediction == samples.labels
        better = float((after.margin < clean.margin)[right].mean())
        said = (
            f"one step of epsilon: {now:.1%} right instead of {before:.1%}, "
            f"{better:.1%} of the right ones further from every other class"
        )
        return [Check("an attack does not help the model", now > before + NOTICEABLE or better > 0.5, said)]

    def rounded_images(self) -> list[Check]:
        """For information: what is left of the attack in images of few bits."""
        found = self.own_fooled
        as_files = int((self._fooled(_of_bits(self.own.images, 8)) & found).sum())
        shares = []
        for bits in (4, 2, 1):
            clean, attacked = (
                1 - self._fooled(_of_bits(images, bits)).mean()
                for images in (self.samples.images, self.own.images)
            )
            shares.append(f"{bits}-bit: {clean:.1%} clean, {attacked:.1%} attacked")
        return [
            Check("as images of 8 bits", False, f"{as_files} of {int(found.sum())} found still fool"),
            Check("right where the input has fewer bits", False, "; ".join(shares)),
        ]

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
        return self._made(Member(settings, rule), threat or self.threat)

    def _made(self, member: Member, threat: ThreatModel) -> AttackResult:
        victim = self.target.attacked(member)
        return run_attack(member.settings, victim, self.samples, threat, self.target.seed)

    def _over(self, draws: int, settings: PixelAttack) -> AttackResult:
        victim = ExpectedVictim(self.target.victim(self.suite.rule), draws)
        return run_attack(settings, victim, self.samples, self.threat, self.target.seed)

    def _fooled(self, images: np.ndarray) -> np.ndarray:
        """By a vote of draws that no other verdict had."""
        self.verdicts += 1
        verdict = self._judged(replace(self.samples, images=images), self.verdicts)
        wrong: np.ndarray = verdict.prediction != self.samples.labels
        return wrong

    def _judged(self, samples: Samples, verdict: int = 0) -> Verdict:
        first, votes = _PROBE_DRAWS + verdict * self.target.votes, self.target.votes
        return judge(self.target.victim(self.suite.rule), samples, votes, first)


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


def _radii(threat: ThreatModel, shape: tuple[int, ...]) -> Iterator[ThreatModel]:
    """Half, twice and four times the radius, and the diameter of all images, which bounds nothing."""
    everything = 1.0 if threat.norm == "linf" else sqrt(prod(shape))
    for factor in (0.5, 2.0, 4.0):
        if threat.epsilon * factor < everything:
            yield replace(threat, epsilon=threat.epsilon * factor)
    yield replace(threat, epsilon=everything)


def _of_bits(images: np.ndarray, bits: int) -> np.ndarray:
    """Images rounded to integers of so many bits, as float32 pixels."""
    most = 2**bits - 1
    rounded: np.ndarray = (np.round(images * most) / most).astype(np.float32)
    return rounded
