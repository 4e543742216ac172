"""A recipe's ``defense``: what is done beside the objective, one section per published method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lavarobust.experiment.sections import Section
from lavarobust.training.objective import Objective


class NoDefenseRecipe(Section):
    """The objective alone."""

    kind: Literal["none"] = "none"

    def refusal(self, objective: str) -> str | None:
        """Why the defence can't be combined with an objective of that kind; None where it can."""
        return None

    def defended(self, objective: Objective) -> Objective:
        """The objective with what the defence adds to it."""
        return objective


DefenseRecipe = Annotated[NoDefenseRecipe, Field()]
