"""A recipe's ``training``: the loop's settings and its objective, one section per kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lavarobust.experiment.sections import Epsilon, Section
from lavarobust.training.adversarial import (
    AdversarialFGSM,
    AdversarialPGD,
    GaussianNoise,
    RandomNormalFGSM,
    RandomSignFGSM,
)
from lavarobust.training.divergence import Mart, RandomSignDivergence, Trades
from lavarobust.training.free import Free
from lavarobust.training.objective import Objective, Vanilla
from lavarobust.training.settings import AtLeastOne, Positive, Settings
from lavarobust.training.sparse_encoding import SparseEncoding

StepSize = Annotated[float | None, Field(gt=0, le=1, description="a number above 0 and up to 1, or null")]


class _Objective(Section):
    """What the sections have in common."""

    def refusal(self, encoding: str) -> str | None:
        """Why the objective can't be trained with an encoding of that kind; None where it can."""
        return None


class VanillaRecipe(_Objective):
    """Cross-entropy on the images as they are."""

    kind: Literal["vanilla"] = "vanilla"

    def build(self) -> Objective:
        """The objective that the section describes."""
        return Vanilla()


class PGDRecipe(_Objective):
    """Adversarial training; see :class:`lavarobust.training.adversarial.AdversarialPGD`."""

    kind: Literal["pgd"]
    epsilon: Epsilon
    step_size: StepSize = None
    steps: AtLeastOne = 7

    def build(self) -> Objective:
        """The objective that the section describes."""
        return AdversarialPGD(self.epsilon, self.step_size, self.steps)


class FGSMRecipe(_Objective):
    """One step; see :class:`lavarobust.training.adversarial.AdversarialFGSM`."""

    kind: Literal["fgsm"]
    epsilon: Epsilon

    def build(self) -> Objective:
        """The objective that the section describes."""
        return AdversarialFGSM(self.epsilon)


class _RandomStep(_Objective):
    """A random step of ``alpha`` first, null for half of epsilon."""

    epsilon: Epsilon
    alpha: StepSize = None

    @model_validator(mode="after")
    def _alpha_leaves_a_step(self) -> _RandomStep:
        if self.alpha is not None and self.alpha >= self.epsilon:
            raise ValueError(f"alpha is {self.alpha} of epsilon {self.epsilon}. Allowed: below epsilon")
        return self


class RandomSignFGSMRecipe(_RandomStep):
    """See :class:`lavarobust.training.adversarial.RandomSignFGSM`."""

    kind: Literal["rfgsm"]

    def build(self) -> Objective:
        """The objective that the section describes."""
        return RandomSignFGSM(self.epsilon, self.alpha)


class RandomNormalFGSMRecipe(_RandomStep):
    """See :class:`lavarobust.training.adversarial.RandomNormalFGSM`."""

    kind: Literal["rfgsm-normal"]

    def build(self) -> Objective:
        """The objective that the section describes."""
        return RandomNormalFGSM(self.epsilon, self.alpha)


class RandomSignDivergenceRecipe(_RandomStep):
    """See :class:`lavarobust.training.divergence.RandomSignDivergence`."""

    kind: Literal["rfgsm-kl"]
    beta: Positive = 2.0

    def build(self) -> Objective:
        """The objective that the section describes."""
        return RandomSignDivergence(self.epsilon, self.beta, self.alpha)


class GaussianRecipe(_Objective):
    """Noise; see :class:`lavarobust.training.adversarial.GaussianNoise`."""

    kind: Literal["gaussian"]
    epsilon: Epsilon

    def build(self) -> Objective:
        """The objective that the section describes."""
        return GaussianNoise(self.epsilon)


class TradesRecipe(_Objective):
    """See :class:`lavarobust.training.divergence.Trades`."""

    kind: Literal["trades"]
    epsilon: Epsilon
    beta: Positive = 6.0
    step_size: StepSize = None
    steps: AtLeastOne = 10

    def build(self) -> Objective:
        """The objective that the section describes."""
        return Trades(self.epsilon, self.beta, self.step_size, self.steps)


class MartRecipe(_Objective):
    """See :class:`lavarobust.training.divergence.Mart`."""

    kind: Literal["mart"]
    epsilon: Epsilon
    beta: Positive = 4.0
    step_size: StepSize = None
    steps: AtLeastOne = 10

    def build(self) -> Objective:
        """The objective that the section describes."""
        return Mart(self.epsilon, self.beta, self.step_size, self.steps)


class FreeRecipe(_Objective):
    """See :class:`lavarobust.training.free.Free`."""

    kind: Literal["free"]
    epsilon: Epsilon
    replays: AtLeastOne = 4

    def build(self) -> Objective:
        """The objective that the section describes."""
        return Free(self.epsilon, self.replays)


class SparseEncodingRecipe(_Objective):
    """See :class:`lavarobust.training.sparse_encoding.SparseEncoding`."""

    kind: Literal["sea"]
    flips: AtLeastOne
    iterations: AtLeastOne = 1

    def refusal(self, encoding: str) -> str | None:
        """Its attack changes single spikes."""
        if encoding in ("direct", "repeat"):
            return "flips are of spikes. Use the encoding rate, signed_rate or frames"
        return None

    def build(self) -> Objective:
        """The objective that the section describes."""
        return SparseEncoding(self.flips, self.iterations)


ObjectiveRecipe = Annotated[
    VanillaRecipe
    | PGDRecipe
    | FGSMRecipe
    | RandomSignFGSMRecipe
    | RandomNormalFGSMRecipe
    | GaussianRecipe
    | TradesRecipe
    | MartRecipe
    | RandomSignDivergenceRecipe
    | FreeRecipe
    | SparseEncodingRecipe,
    Field(discriminator="kind"),
]


class TrainingRecipe(Settings):
    """The loop's settings and what it minimises."""

    objective: ObjectiveRecipe = VanillaRecipe()
