"""A recipe's ``defense``: what is done beside the objective, one section per published method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lavarobust.defenses.rat import Lipschitz, Parseval
from lavarobust.defenses.sr import SparseGradients
from lavarobust.defenses.stog import StochasticGating
from lavarobust.experiment.conversion_recipes import ConversionRecipe, HireRecipe
from lavarobust.experiment.sections import Section
from lavarobust.training.objective import Objective
from lavarobust.training.settings import NotNegative, Positive, Settings


class NoDefenseRecipe(Section):
    """The objective alone."""

    kind: Literal["none"] = "none"

    def refusal(self, objective: str) -> str | None:
        """Why the defence can't be combined with an objective of that kind; None where it can."""
        return None

    def defended(self, objective: Objective, training: Settings) -> Objective:
        """The objective with what the defence adds to it, in a training of these settings."""
        return objective


class ParsevalRecipe(Section):
    """SNN-RAT's projection, behind any objective; see :class:`lavarobust.defenses.rat.Parseval`."""

    kind: Literal["rat"]
    beta: Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")] = 0.004

    def refusal(self, objective: str) -> str | None:
        """As :meth:`NoDefenseRecipe.refusal`."""
        return None

    def defended(self, objective: Objective, training: Settings) -> Objective:
        """As :meth:`NoDefenseRecipe.defended`."""
        return Parseval(objective, self.beta)


class LipschitzRecipe(Section):
    """SNN-RAT's penalty, with any objective; see :class:`lavarobust.defenses.rat.Lipschitz`."""

    kind: Literal["lipschitz"]
    weight: Positive

    def refusal(self, objective: str) -> str | None:
        """As :meth:`NoDefenseRecipe.refusal`."""
        return None

    def defended(self, objective: Objective, training: Settings) -> Objective:
        """As :meth:`NoDefenseRecipe.defended`."""
        return Lipschitz(objective, self.weight)


class StochasticGatingRecipe(Section):
    """StoG, with any objective; see :class:`lavarobust.defenses.stog.StochasticGating`.

    Attributes:
        gate_epochs: null for the first half of all epochs, as in the paper.
        parseval: ``beta`` of SNN-RAT's projection (the paper's RAT + StoG); null for none.
    """

    kind: Literal["stog"]
    gamma: NotNegative = 5e-6
    gate_epochs: Annotated[int | None, Field(ge=0, description="an integer of at least 0, or null")] = None
    learning_rate: Positive = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1, description="a number from 0 to below 1")] = 0.9
    parseval: Annotated[float | None, Field(ge=0, le=1, description="a number from 0 to 1, or null")] = None

    def refusal(self, objective: str) -> str | None:
        """As :meth:`NoDefenseRecipe.refusal`."""
        return None

    def defended(self, objective: Objective, training: Settings) -> Objective:
        """As :meth:`NoDefenseRecipe.defended`."""
        if self.parseval is not None:
            objective = Parseval(objective, self.parseval)
        gate_epochs = training.epochs // 2 if self.gate_epochs is None else self.gate_epochs
        return StochasticGating(
            objective, training.epochs, gate_epochs, self.gamma, self.learning_rate, self.momentum
        )


class SparseGradientsRecipe(Section):
    """SR, alone or on adversarial images; see :class:`lavarobust.defenses.sr.SparseGradients`.

    Attributes:
        weight: lambda, which the paper does not state.
    """

    kind: Literal["sr"]
    weight: Positive
    step: Positive = 0.01

    def refusal(self, objective: str) -> str | None:
        """As :meth:`NoDefenseRecipe.refusal`."""
        if objective in _CROSS_ENTROPIES:
            return None
        return f"the regulariser needs one set of images. Allowed: {', '.join(_CROSS_ENTROPIES)}"

    def defended(self, objective: Objective, training: Settings) -> Objective:
        """As :meth:`NoDefenseRecipe.defended`."""
        return SparseGradients(objective, self.weight, self.step)


_CROSS_ENTROPIES = ("vanilla", "pgd", "fgsm", "rfgsm", "rfgsm-normal", "gaussian")

DefenseRecipe = Annotated[
    NoDefenseRecipe
    | HireRecipe
    | ConversionRecipe
    | SparseGradientsRecipe
    | StochasticGatingRecipe
    | ParsevalRecipe
    | LipschitzRecipe,
    Field(discriminator="kind"),
]
