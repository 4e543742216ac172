"""How a network is trained, whatever its objective."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lavarobust.training.augmentation import Augmentation

AtLeastZero = Annotated[int, Field(ge=0, description="an integer of at least 0")]
AtLeastOne = Annotated[int, Field(ge=1, description="an integer of at least 1")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, description="a number of at least 0")]


class Settings(BaseModel):
    """The training loop's settings; each field's description says what it may be.

    Attributes:
        epochs: passes over the training images.
        frozen_epochs: the last so many of them train with batch-norm statistics and integer scales
            fixed, and the network is selected among these. 0 leaves nothing to select: the last one is it.
        batch_size: images an update.
        optimiser: ``adam`` (Kingma & Ba 2015) or ``sgd`` with ``momentum``.
        learning_rate: at its peak.
        momentum: of ``sgd``.
        weight_decay: added to the gradient.
        schedule: ``cosine`` falls to zero (Loshchilov & Hutter 2017, Eq. 5, one cycle) or ``constant``.
        warmup_epochs: the rate first rises linearly for so long.
        gradient_clip: largest norm of the gradient of all parameters; null for no limit.
        augmentation: of the training images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: AtLeastOne = 30
    frozen_epochs: AtLeastZero = 5
    batch_size: AtLeastOne = 32
    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: Positive = 0.002
    momentum: Annotated[float, Field(ge=0, lt=1, description="a number from 0 to below 1")] = 0.9
    weight_decay: NotNegative = 0.0
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: NotNegative = 0.0
    gradient_clip: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="a number above 0, or null")
    ] = None

    augmentation: Augmentation = Augmentation()

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        for name in ("frozen_epochs", "warmup_epochs"):
            if getattr(self, name) >= self.epochs:
                raise ValueError(
                    f"{name} is {getattr(self, name)} of {self.epochs} epochs. Allowed: fewer than epochs"
                )
        return self

    def learning_rate_at(self, position: float) -> float:
        """The rate at a position in epochs, 0 <= position < epochs."""
        if position < self.warmup_epochs:
            return self.learning_rate * position / self.warmup_epochs
        if self.schedule == "constant":
            return self.learning_rate
        passed = (position - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * passed))

    def selectable(self, epoch: int) -> bool:
        """Whether the network after this epoch (counted from 0) may be the one that is kept."""
        return epoch >= self.epochs - max(self.frozen_epochs, 1)
