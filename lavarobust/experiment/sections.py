"""What the sections of a recipe share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Frozen data that refuses keys it does not know; each field's description says what it may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Epsilon = Annotated[
    float, Field(gt=0, le=1, description="a number above 0 and up to 1 (pixels are in [0, 1])")
]

SuiteName = Annotated[
    Literal["quick", "standard", "adaptive", "exhaustive"],
    Field(description="a suite of attacks: quick, standard, adaptive or exhaustive"),
]
