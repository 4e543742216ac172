"""A suite against one model: attack after attack, each on the samples that are not safely fooled yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from lavarobust.attacks.dispatch import AutoAttack, run_attack
from lavarobust.attacks.expectation import ExpectedVictim
from lavarobust.attacks.hop_skip_jump import HopSkipJump
from lavarobust.attacks.integer_victim import IntegerVictim
from lavarobust.attacks.mean_victim import MeanVictim
from lavarobust.attacks.query_result import QueryResult
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.square import Square
from lavarobust.attacks.suites import OTHER_MODEL, Member, Suite
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.verdict import FILTER_DRAWS, FILTER_VOTES, judge
from lavarobust.attacks.victim import Queries, Victim
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model

_TAKE_FOR_CERTAIN = (HopSkipJump, AutoAttack)
"""Attacks that take a model's answers for certain. Square deals with draws itself."""

ROBUST, WRONG_BEFORE = -1, -2
"""In ``Standing.decided``: withstood every attack so far; wrong without any."""

SAFE = 0.6
"""Lead in votes from which on a sample is left alone. The few draws that judge in the end may say otherwise:
where each names another class with a chance of eight in ten, 11 of them do once in a hundred times, and with
one of six in ten once in four."""


@dataclass(frozen=True, eq=False)
class Target:
    """A deployed model, and all that its attacker has.

    Attributes:
        model, deployment: what is attacked.
        other: another model of the same task, from which images are transferred; None for none.
        seed: key of the attacks' draws.
        expectation: draws that a gradient is averaged over, where the model draws.
        votes: draws that judge an image in the end, then.
    """

    model: Model
    deployment: Deployment
    other: tuple[Model, Deployment] | None = None
    seed: int = 0
    expectation: int = 10
    votes: int = 11

    @property
    def level(self) -> float | None:
        """Largest distance of neighbouring input levels in pixel units; None where the input is drawn."""
        encoding = self.deployment.encoding
        return None if encoding.drawn else max(encoding.std or (1.0,)) / encoding.levels

    @property
    def recurrent(self) -> bool:
        """Whether some of its layers are, through which no rule goes that looks at a whole window."""
        return self.model.recurrent

    def victim(self, rule: GradientRule = Surrogate()) -> IntegerVictim:  # noqa: B008
        """The model itself, one draw at a time."""
        return IntegerVictim(self.model, self.deployment, rule)

    def attacked(self, member: Member) -> Victim:
        """What a member asks: the model or another one, in expectation where it draws.

        Raises:
            SettingsError: images from another model, and there is none.
        """
        rule = member.rule or Surrogate()
        if member.source != OTHER_MODEL:
            victim = self.victim(rule)
        elif self.other is not None:
            victim = IntegerVictim(*self.other, rule)
        else:
            raise SettingsError(f"{member.name}: there is no other model. Give one.")
        if isinstance(member.settings, Square):
            return victim
        if isinstance(member.settings, _TAKE_FOR_CERTAIN):
            return MeanVictim(victim, self.expectation) if victim.stochastic else victim
        if victim.stochastic:
            return ExpectedVictim(victim, self.expectation)
        # what fools the other model need not fool this one: its answers, even single ones, end no search
        return ExpectedVictim(victim, 1) if member.source == OTHER_MODEL else victim


@dataclass(frozen=True)
class MemberCount:
    """What one member did.

    Attributes:
        attempted, fooled: samples that it was tried on, and those robust until then that fell to it.
        gradients, zero_gradients: how many were computed, and how many were zero in every pixel.
        queries: executions of single samples, verdicts not among them.
        seconds: of wall time.
    """

    attempted: int
    fooled: int
    gradients: int
    zero_gradients: int
    queries: Queries
    seconds: float


@dataclass(frozen=True, eq=False)
class Standing:
    """How N samples stand after some members of a suite.

    Attributes:
        images: ``(N, C, H, W)`` float32: what fooled the model, else what came closest to it. Of a model that
            draws, that of the strongest verdict: fooled, by the largest lead, then by the largest margin.
        first: ``(N, C, H, W)`` float32, the images as the first member left them.
        margin: ``(N,)`` float64 of ``images``.
        lead: ``(N,)`` float64 of them: share of draws for the strongest other class, less that for the label.
        decided: ``(N,)`` int64: the member whose image fools the model, :data:`ROBUST` or
            :data:`WRONG_BEFORE`.
        asked: ``(N,)`` int64 queries of the last attack by scores on what withstood all before it, until the
            sample fell, or all of them; -1 where none was tried.
        members: what has run so far.
    """

    images: np.ndarray
    first: np.ndarray
    margin: np.ndarray
    lead: np.ndarray
    decided: np.ndarray
    asked: np.ndarray
    members: tuple[MemberCount, ...] = field(default=())

    @property
    def robust(self) -> np.ndarray:
        """``(N,)`` bool."""
        robust: np.ndarray = self.decided == ROBUST
        return robust

    @property
    def open(self) -> np.ndarray:
        """``(N,)`` bool, what the next member is tried on: what is not fooled with a lead of :data:`SAFE`.

        Of a model that draws nothing, those that are robust.
        """
        unsafe: np.ndarray = self.robust | (self.lead < SAFE)
        return unsafe


ARRAYS = ("images", "first", "margin", "lead", "decided", "asked")
"""What a standing has of every sample."""

Told = Callable[[Member, int], None]
"""Called before each member with how many samples it is tried on."""


def opening(target: Target, samples: Samples) -> Standing:
    """How samples stand before any attack."""
    verdict = judge(target.victim(), samples, FILTER_VOTES, FILTER_DRAWS)
    right = verdict.prediction == samples.labels
    return Standing(
        images=samples.images,
        first=samples.images,
        margin=verdict.margin,
        lead=verdict.lead,
        decided=np.where(right, ROBUST, WRONG_BEFORE),
        asked=np.full(len(samples), -1, dtype=np.int64),
    )


def advance(
    target: Target, suite: Suite, samples: Samples, threat: ThreatModel, before: Standing
) -> Standing:
    """Run the next member of a suite on the samples that are not safely fooled by those before it."""
    place = len(before.members)
    member, open_ = suite.members[place], np.flatnonzero(before.open)
    start = time.perf_counter()
    if not len(open_):
        idle = MemberCount(0, 0, 0, 0, Queries(), 0.0)
        return replace(before, members=(*before.members, idle))
    part = samples.take(open_)
    found = run_attack(member.settings, target.attacked(member), part, threat, target.seed)
    # every member is judged on draws of its own
    first = FILTER_DRAWS + (place + 1) * FILTER_VOTES
    verdict = judge(target.victim(), replace(part, images=found.images), FILTER_VOTES, first)
    fooled = verdict.prediction != part.labels
    withstood = before.robust[open_]
    stronger = _above(
        (fooled, verdict.lead, verdict.margin),
        (~withstood, before.lead[open_], before.margin[open_]),
    )
    images, lead, margin, decided, asked = (
        getattr(before, name).copy() for name in ("images", "lead", "margin", "decided", "asked")
    )
    kept = open_[stronger]
    images[kept], lead[kept] = found.images[stronger], verdict.lead[stronger]
    margin[kept] = verdict.margin[stronger]
    decided[open_[stronger & fooled]] = place
    if isinstance(found, QueryResult):
        asked[open_[withstood]] = found.asked[withstood]
    count = MemberCount(
        attempted=len(open_),
        fooled=int((fooled & withstood).sum()),
        gradients=int(found.gradients.sum()),
        zero_gradients=int(found.zero_gradients.sum()),
        queries=found.queries,
        seconds=time.perf_counter() - start,
    )
    return Standing(
        images=images,
        first=images if place == 0 else before.first,
        margin=margin,
        lead=lead,
        decided=decided,
        asked=asked,
        members=(*before.members, count),
    )


def _above(ones: tuple[np.ndarray, ...], others: tuple[np.ndarray, ...]) -> np.ndarray:
    """``(N,)`` bool, whether the first key that differs is larger."""
    above, equal = np.zeros(len(ones[0]), dtype=bool), np.ones(len(ones[0]), dtype=bool)
    for one, other in zip(ones, others, strict=True):
        above |= equal & (one > other)
        equal &= one == other
    return above


def run_suite(
    target: Target,
    suite: Suite,
    samples: Samples,
    threat: ThreatModel,
    told: Told = lambda member, tried: None,
    kept: Callable[[Standing], None] = lambda standing: None,
    standing: Standing | None = None,
) -> Standing:
    """Run what is left of a suite.

    Args:
        told: called before each member.
        kept: called after each, with all that is needed to go on.
        standing: where to go on; None begins.

    Raises:
        DataError, SettingsError, BackendError: as the attacks and victims.
    """
    if standing is None:
        standing = opening(target, samples)
        kept(standing)
    for member in suite.members[len(standing.members) :]:
        told(member, int(standing.open.sum()))
        standing = advance(target, suite, samples, threat, standing)
        kept(standing)
    return standing


def joined(parts: list[Standing]) -> Standing:
    """Standings of disjoint samples as one."""
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS}
    members = tuple(_summed(each) for each in zip(*(part.members for part in parts), strict=True))
    return Standing(**arrays, members=members)


def _summed(counts: tuple[MemberCount, ...]) -> MemberCount:
    numbers = ("attempted", "fooled", "gradients", "zero_gradients", "seconds")
    queries = Queries(
        sum(each.queries.forward for each in counts), sum(each.queries.backward for each in counts)
    )
    sums = {name: sum(getattr(each, name) for each in counts) for name in numbers}
    return MemberCount(**sums, queries=queries)
