"""Questions to an evaluation of robustness, and their answers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

NOTICEABLE = 0.05
"""Share of the samples from which on a probe counts as stronger than the evaluation; at least two samples.

Other random starts of one attack fool a sample or two in a hundred that the first did not, as measured on the
digits models: a check that fired for those would fire always. Below five in a hundred a gain is in doubt."""

DEAD = 0.05
"""Share of gradients that may be zero in every pixel: of those that are alive none is, and nearly all are
behind a rounding or a saturated layer, so that any small number separates the two."""


@dataclass(frozen=True)
class Check:
    """One question to an evaluation.

    Attributes:
        name: what was asked.
        fired: whether the answer speaks against the evaluation; never, where it only informs.
        said: the answer in figures.
    """

    name: str
    fired: bool
    said: str


@dataclass(frozen=True)
class Diagnosis:
    """All checks of one evaluation.

    Attributes:
        samples: how many were looked at.
        checks: in order.
    """

    samples: int
    checks: tuple[Check, ...]

    @property
    def unreliable(self) -> bool:
        return any(check.fired for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Of those that fired."""
        return tuple(f"{check.name}: {check.said}" for check in self.checks if check.fired)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {"samples": self.samples, "checks": [asdict(check) for check in self.checks]}


def noticeable(samples: int) -> int:
    """From how many of so many samples on a difference counts."""
    return max(2, math.ceil(NOTICEABLE * samples))
