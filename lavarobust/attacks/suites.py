"""Suites: which attacks run, through which gradients, one after the other on what is still robust."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lavarobust.attacks.dispatch import AutoAttack, PixelAttack
from lavarobust.attacks.hop_skip_jump import HopSkipJump
from lavarobust.attacks.rule_names import rule_name
from lavarobust.attacks.settings import APGD, FGSM, PGD, SAPGD, Noise
from lavarobust.attacks.square import Square
from lavarobust.attacks.threat import Norm
from lavarobust.dynamics import (
    AdaptiveSharpness,
    Analog,
    Averaged,
    GradientRule,
    RateGradient,
    RateMask,
    Surrogate,
    straight_through,
)
from lavarobust.errors import SettingsError

WHITE_BOX = ""
OTHER_MODEL = "other model"


@dataclass(frozen=True)
class Member:
    """One attack of a suite.

    Attributes:
        settings: the attack.
        rule: how its gradients go through spikes; None for an attack that asks for none.
        source: whose gradients: the model's own, or :data:`OTHER_MODEL`, from where images are transferred.
    """

    settings: PixelAttack
    rule: GradientRule | None = None
    source: str = WHITE_BOX

    @property
    def name(self) -> str:
        through = "" if self.rule is None else f", {rule_name(self.rule)}"
        origin = f", from {self.source}" if self.source else ""
        return f"{self.settings.name}{through}{origin}"

    @property
    def knows(self) -> str:
        """What its attacker knows of the model."""
        kinds = (known for kind, known in _KNOWN.items() if isinstance(self.settings, kind))
        return "another model" if self.source else next(kinds, "everything")


_KNOWN = {Square: "scores", HopSkipJump: "decisions", Noise: "nothing"}
"""To attacks that ask for no gradient."""


@dataclass(frozen=True)
class Suite:
    """Attacks in the order in which they run.

    Attributes:
        name: as it is asked for.
        members: each runs on the samples that withstood all before it.
        rule: whose gradients the diagnosis takes for the evaluation's own.
    """

    name: str
    members: tuple[Member, ...]
    rule: GradientRule = Surrogate()


def quick(rule: GradientRule = Surrogate()) -> Suite:  # noqa: B008
    """What most papers report: one surrogate, one step and twenty, and noise beside it."""
    return Suite("quick", (Member(Noise("uniform")), Member(FGSM(), rule), Member(PGD(20), rule)), rule)


def adaptive(rule: GradientRule = Surrogate(), other: bool = False) -> Suite:  # noqa: B008
    """Adaptive attacks first, then gradients of eight kinds, targets, transfer and scores alone.

    Args:
        rule: the model's own surrogate: those that do not say otherwise take it.
        other: whether there is another model from which images are transferred.
    """
    pgd = PGD(20)
    own = () if rule in _SWEEP else (Member(pgd, rule),)
    transfer = (Member(pgd, Surrogate(), OTHER_MODEL),) if other else ()
    return Suite(
        "adaptive",
        (
            Member(pgd, Surrogate()),
            Member(SAPGD(100), AdaptiveSharpness()),
            Member(APGD(100), AdaptiveSharpness()),
            *own,
            *(Member(pgd, each) for each in _SWEEP[1:]),
            Member(APGD(20, loss="targeted_dlr", targets=9), Surrogate()),
            *transfer,
            Member(Square(1000)),
        ),
        rule,
    )


def exhaustive(rule: GradientRule = Surrogate(), other: bool = False) -> Suite:  # noqa: B008
    """The adaptive suite, SA-PGD at other bounds, APGD through :func:`ensemble`, and queries."""
    bounds = tuple(Member(SAPGD(100), AdaptiveSharpness(bound=bound)) for bound in _BOUNDS)
    more = tuple(Member(APGD(100, restarts=5), each) for each in ensemble())
    queries = (Member(Square(5000)), Member(HopSkipJump(5000)))
    return Suite("exhaustive", (*adaptive(rule, other).members[:-1], *bounds, *more, *queries), rule)


def standard(rule: GradientRule = Surrogate()) -> Suite:  # noqa: B008
    """The reference AutoAttack, its gradients taken through one rule."""
    return Suite("standard", (Member(AutoAttack(), rule),), rule)


_SWEEP: tuple[GradientRule, ...] = (
    Surrogate("triangular", 1.0),
    Surrogate("triangular", 0.5),
    Surrogate("exponential", 1.0),
    Surrogate("rectangular", 2.0),
    straight_through(),
    RateMask(),
    RateGradient(),
    Averaged(),
    Analog(),
)
"""Whose gradients the adaptive suite follows with PGD-20; the last is transfer from the analog twin."""


_BOUNDS = (0.35, 0.38, 0.455, 0.485)
"""Of adaptive sharpness, beside its default. Its authors search [0.35, 0.49] for the one that is best for all
samples (``craree: attack.py``); each sample's best of these is asked here."""


def ensemble() -> tuple[GradientRule, ...]:
    """The 19 gradients of the conversion paper's ensemble (its code's ``attack/ensemble.py``).

    There the exponential derivative is ``exp(-g |u|)`` and ``0.3 exp(-g |u|)``, with u in thresholds of 1;
    here its width is 1 / g and its area 1 times ``scale``.
    """

    def exponential(slope: float, height: float) -> Surrogate:
        return Surrogate("exponential", 1 / slope, through_reset=True, scale=2 * height / slope)

    triangular = [Surrogate("triangular", width, True) for width in (1.0, 2.0, 3.0, 0.5, 0.25)]
    rectangular = [Surrogate("rectangular", width, True) for width in (0.25, 0.5, 1.0, 2.0, 4.0)]
    falling = [exponential(slope, height) for height in (0.3, 1.0) for slope in (0.5, 1.0, 2.0)]
    return (*triangular, *falling, *rectangular, straight_through(), RateMask(), Analog())


def fitted(suite: Suite, norm: Norm, axes: int, recurrent: bool = False) -> tuple[Suite, tuple[str, ...]]:
    """A suite without the attacks that can't be made on some images and model, and why each is left out.

    Args:
        norm: of the threat models.
        axes: of the images: 4, or 5 of event frames.
        recurrent: whether the model has recurrent layers.

    Raises:
        SettingsError: nothing is left.
    """
    reasons = {member: _hindrance(member, norm, axes, recurrent) for member in suite.members}
    left = tuple(member for member in suite.members if not reasons[member])
    said = tuple(f"{member.name} is left out: {reason}" for member, reason in reasons.items() if reason)
    if not left:
        raise SettingsError(f"suite {suite.name}: {'; '.join(said)}. Choose another suite.")
    return replace(suite, members=left), said


def _hindrance(member: Member, norm: Norm, axes: int, recurrent: bool) -> str:
    if isinstance(member.settings, Square | HopSkipJump | AutoAttack) and axes != 4:
        return "it changes images, not event frames"
    if isinstance(member.settings, HopSkipJump) and norm != "linf":
        return "it searches the linf box"
    if recurrent and not member.source and not passes_recurrent(member.rule):
        return "its gradients look at whole windows at once, and the model has recurrent layers"
    return ""


def passes_recurrent(rule: GradientRule | None) -> bool:
    """Whether gradients of a rule go back through recurrent layers too; none do, where none are asked for."""
    return rule is None or isinstance(rule, Surrogate)


def named_suite(name: str, rule: GradientRule = Surrogate(), other: bool = False) -> Suite:  # noqa: B008
    """A suite by its name.

    Raises:
        SettingsError: an unknown name.
    """
    if name == "quick":
        return quick(rule)
    if name == "standard":
        return standard(rule)
    if name == "adaptive":
        return adaptive(rule, other)
    if name == "exhaustive":
        return exhaustive(rule, other)
    raise SettingsError(f"suite {name!r} is unknown. Choose from: {', '.join(SUITES)}.")


SUITES = ("quick", "standard", "adaptive", "exhaustive")
