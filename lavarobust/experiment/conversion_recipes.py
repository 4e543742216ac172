"""Defences of a recipe that begin with an analog network: HIRE-SNN and robust conversion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lavarobust.defenses.conversion import Calibration
from lavarobust.defenses.hire import PeriodicNoise
from lavarobust.experiment.objective_recipes import TrainingRecipe
from lavarobust.experiment.sections import Section
from lavarobust.training.objective import Objective
from lavarobust.training.settings import AtLeastOne, Positive, Settings


class CalibrationRecipe(Section):
    """Thresholds from activations; see :class:`lavarobust.defenses.conversion.Calibration`.

    Attributes:
        batches, batch_size: of training images.
    """

    percentile: Annotated[float, Field(gt=0, le=100, description="above 0 and up to 100")] = 99.7
    taken_over: Literal["step", "batch"] = "batch"
    steps: AtLeastOne = 100
    scaling: Positive = 0.3
    second: Literal["own", "published"] = "own"
    batches: AtLeastOne = 11
    batch_size: AtLeastOne = 64

    def settings(self) -> Calibration:
        """What the calibration itself is told."""
        return Calibration(self.percentile, self.taken_over, self.steps, self.scaling, self.second)


class HireRecipe(Section):
    """HIRE-SNN; see :class:`lavarobust.defenses.hire.PeriodicNoise`.

    Attributes:
        pretraining: of the analog network whose weights and activations training starts from; null
            starts from random weights.
        calibration: of the thresholds, behind a pretraining.
    """

    kind: Literal["hire"]
    periods: AtLeastOne = 2
    epsilon: Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")] = 0.013
    noise: Literal["crafted", "gaussian"] = "crafted"
    pretraining: TrainingRecipe | None = None
    calibration: CalibrationRecipe = CalibrationRecipe(taken_over="step", batches=1, batch_size=512)

    def refusal(self, objective: str) -> str | None:
        """It has inner noise of its own."""
        if objective == "vanilla":
            return None
        return "it crafts its own noise. Use the objective vanilla"

    def defended(self, objective: Objective, training: Settings) -> Objective:
        """Cross-entropy under carried noise, in place of the objective."""
        return PeriodicNoise(self.periods, self.epsilon, self.noise)


class ConversionRecipe(Section):
    """Robust conversion: a robust analog network, its thresholds, then the objective as fine-tuning."""

    kind: Literal["conversion"]
    pretraining: TrainingRecipe
    calibration: CalibrationRecipe = CalibrationRecipe()

    def refusal(self, objective: str) -> str | None:
        """Any objective can fine-tune."""
        return None

    def defended(self, objective: Objective, training: Settings) -> Objective:
        """The objective itself, on the converted network."""
        return objective


def pretraining_of(defense: Section) -> TrainingRecipe | None:
    """That of the analog network which a defence starts from; None where it starts from none."""
    return defense.pretraining if isinstance(defense, HireRecipe | ConversionRecipe) else None
