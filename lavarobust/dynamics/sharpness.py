"""Surrogates whose sharpness follows each neuron's own potentials from one attack iteration to the next."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar

import torch

from lavarobust.dynamics.recording import Recording
from lavarobust.dynamics.surrogate import SURROGATES
from lavarobust.errors import SettingsError

_SMALLEST = 1e-4
"""Added to the spread, which may be 0."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Moments of the distances from the threshold, each ``(T, N, *shape)`` float32.

    Attributes:
        mean: M, of their magnitude.
        deviation: D, of what that deviates from M.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    @classmethod
    def first(cls, like: torch.Tensor) -> Statistics:
        """Before anything was seen: M = 1 and D = 0."""
        return cls(torch.ones_like(like), torch.zeros_like(like))


Recall = Callable[[torch.Tensor], Statistics]
"""The statistics to take at distances ``(T, N, *shape)``, those already counted where they are to be."""


@dataclass(frozen=True)
class AdaptiveSharpness:
    """Through time, with a surrogate as sharp as keeps the expected vanishing of gradients in bounds (ASSG).

    Per sample, layer, neuron and step, updated once for each iteration of an attack and before use::

        M <- mean_share M + (1 - mean_share) |u|
        D <- deviation_share D + (1 - deviation_share) | |u| - M |
        alpha = a / (M + relaxation D + 0.0001)

    with u the distance from the threshold, in thresholds, M = 1 and D = 0 before the first. The derivative
    is ``alpha g(alpha u)`` for a ``g`` of area 1, and the vanishing expected, ``E[G(alpha u)]`` with
    ``G(x)`` the area of g within x of 0, stays below A = 2 ``bound`` for ``a = G^-1(A)``. The reset is a
    constant. The arctangent is the paper's; its code takes ``a`` itself as the parameter of the others.
    arXiv 2512.22522 (``craree: my_node.py``, ASSGrad).

    Attributes:
        shape: one of :data:`SHAPES`.
        bound: A / 2, between 0 and 1/2.
        relaxation: gamma.
        mean_share, deviation_share: beta_1 and beta_2, what an update leaves of M and D.

    Raises:
        SettingsError: an impossible value.
    """

    shape: str = "arctangent"
    bound: float = 0.425
    relaxation: float = 1.5
    mean_share: float = 0.9
    deviation_share: float = 0.9
    through_reset: ClassVar[bool] = False
    carried: ClassVar[bool] = True
    averaged: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise SettingsError(
                f"shape {self.shape!r} has no adaptive form. Choose from: {', '.join(SHAPES)}."
            )
        if not 0 < self.bound < 0.5:
            raise SettingsError(f"adaptive sharpness with bound={self.bound}. Give one between 0 and 0.5.")
        if not 0 <= self.relaxation < math.inf:
            raise SettingsError(f"adaptive sharpness with relaxation={self.relaxation}. Give 0 or more.")
        for name in ("mean_share", "deviation_share"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(
                    f"adaptive sharpness with {name}={getattr(self, name)}. Give one from 0 to below 1."
                )

    @property
    def stretch(self) -> float:
        """``a``, of which alpha is made."""
        return SHAPES[self.shape](2 * self.bound)

    def updated(self, statistics: Statistics, distance: torch.Tensor) -> Statistics:
        """Statistics with one more iteration's distances ``(T, N, *shape)`` counted."""
        size = distance.abs()
        mean = self.mean_share * statistics.mean + (1 - self.mean_share) * size
        away = (size - mean).abs_()
        deviation = self.deviation_share * statistics.deviation + (1 - self.deviation_share) * away
        return Statistics(mean, deviation)

    def slopes(self, seen: Recording, recall: Recall | None = None) -> torch.Tensor:
        """``(T, N, *shape)``; without a memory, as in an attack's first iteration."""
        distance = seen.distance
        if recall is None:
            now = self.updated(Statistics.first(distance), distance)
        else:
            now = recall(distance)
        alpha = self.stretch / (now.mean + self.relaxation * now.deviation + _SMALLEST)
        return SURROGATES[self.shape](distance, _WIDTHS[self.shape](alpha))


SHAPES: dict[str, Callable[[float], float]] = {
    "arctangent": lambda area: 2 / math.pi * math.tan(math.pi / 2 * area),
    "rectangular": lambda area: area,
    "triangular": lambda area: 1 - math.sqrt(1 - area),
    "sigmoid": lambda area: 2 * math.atanh(area),
    "gaussian": lambda area: NormalDist().inv_cdf((1 + area) / 2),
}
"""By shape, how far from 0 the sharpness-1 surrogate holds an area (``G^-1``)."""

_WIDTHS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "arctangent": lambda alpha: alpha,
    "rectangular": lambda alpha: 2 / alpha,
    "triangular": lambda alpha: 1 / alpha,
    "sigmoid": lambda alpha: alpha,
    "gaussian": lambda alpha: 1 / alpha,
}
"""What :data:`SURROGATES` calls the width, of a sharpness alpha."""
