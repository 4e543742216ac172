"""A recipe's ``training``: the loop's settings and its objective, one section per kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lavarobust.experiment.sections import Epsilon, Section
from lavarobust.training.objective import AdversarialPGD, Objective, Vanilla
from lavarobust.training.settings import AtLeastOne, Settings


class VanillaRecipe(Section):
    """Cross-entropy on the images as they are."""

    kind: Literal["vanilla"] = "vanilla"

    def build(self) -> Objective:
        """The objective that the section describes."""
        return Vanilla()


class PGDRecipe(Section):
    """Adversarial training; see :class:`lavarobust.training.objective.AdversarialPGD`."""

    kind: Literal["pgd"]
    epsilon: Epsilon
    step_size: Annotated[
        float | None, Field(gt=0, le=1, description="a number above 0 and up to 1, or null")
    ] = None
    steps: AtLeastOne = 7

    def build(self) -> Objective:
        """The objective that the section describes."""
        return AdversarialPGD(self.epsilon, self.step_size, self.steps)


ObjectiveRecipe = Annotated[VanillaRecipe | PGDRecipe, Field(discriminator="kind")]


class TrainingRecipe(Settings):
    """The loop's settings and what it minimises."""

    objective: ObjectiveRecipe = VanillaRecipe()
