"""Surrogate gradients: what stands for the derivative of a spike in the backward pass.

Each is a function of the relative distance to threshold ``z = potential / threshold - 1`` and has
a width; all but the flat ones have their peak at the threshold. Sources: triangular, rectangular,
identity, sigmoid and arctangent as in the papers' code (Ozdenizci & Legenstein 2024; Liu et al. 2024);
exponential as in SLAYER (Shrestha & Orchard 2018); Gaussian as in Mukhoty et al. 2025.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from lavarobust.errors import SettingsError

Width = float | torch.Tensor
"""One for all spikes, or one for each."""


def _triangular(z: torch.Tensor, width: Width) -> torch.Tensor:
    return (width - z.abs()).clamp_(min=0).div_(width * width)


def _rectangular(z: torch.Tensor, width: Width) -> torch.Tensor:
    return (z.abs() < width / 2).to(z.dtype).div_(width)


def _exponential(z: torch.Tensor, width: Width) -> torch.Tensor:
    return z.abs().div_(-width).exp_().div_(2 * width)


def _arctangent(z: torch.Tensor, width: Width) -> torch.Tensor:
    return (z * (math.pi / 2 * width)).square_().add_(1).reciprocal_().mul_(width / 2)


def _sigmoid(z: torch.Tensor, width: Width) -> torch.Tensor:
    gate = torch.sigmoid(z * width)
    return gate.mul_(1 - gate).mul_(width)


def _gaussian(z: torch.Tensor, width: Width) -> torch.Tensor:
    return (z / width).square_().mul_(-0.5).exp_().div_(width * math.sqrt(2 * math.pi))


def _identity(z: torch.Tensor, width: Width) -> torch.Tensor:
    return torch.ones_like(z)


SURROGATES: dict[str, Callable[[torch.Tensor, Width], torch.Tensor]] = {
    "triangular": _triangular,
    "rectangular": _rectangular,
    "exponential": _exponential,
    "arctangent": _arctangent,
    "sigmoid": _sigmoid,
    "gaussian": _gaussian,
    "identity": _identity,
}

_NARROWER_WITH_WIDTH = ("arctangent", "sigmoid")


@dataclass(frozen=True)
class Surrogate:
    """A surrogate derivative by name.

    Attributes:
        name: one of :data:`SURROGATES`.
        width: in units of the threshold (for ``sigmoid`` and ``arctangent`` a slope: larger is
            narrower, as their papers have it); positive. ``identity``, which is 1 everywhere, has none.
        through_reset: whether the reset is differentiated too (the papers' code does) or
            treated as a constant (SLAYER and HIRE-SNN do).
        scale: factor of the derivative; HIRE-SNN has 0.3 (Kundu et al. 2021, Eq. 5).
        relative: whether the width grows with a trained threshold, as HIRE-SNN has it; else it is in
            units of the layer's drive, as in the other papers' code (see :meth:`at`). The two
            differ in the gradient of the threshold too, and not at all at a threshold of 1. A deployed
            model whose record holds no thresholds is taken to have had them at 1.

    Raises:
        SettingsError: unknown name, or a width or scale that is not positive and finite.
    """

    name: str = "triangular"
    width: float = 1.0
    through_reset: bool = False
    scale: float = 1.0
    relative: bool = True

    def __post_init__(self) -> None:
        if self.name not in SURROGATES:
            raise SettingsError(f"surrogate {self.name!r} is unknown. Choose from: {', '.join(SURROGATES)}.")
        for what in ("width", "scale"):
            value = getattr(self, what)
            if not (math.isfinite(value) and value > 0):
                raise SettingsError(f"surrogate {what} {value} is impossible. Give a positive number.")

    def derivative(self, z: torch.Tensor) -> torch.Tensor:
        """Derivative of the spike with respect to ``z``, in the shape of ``z``."""
        slope = SURROGATES[self.name](z, self.width)
        return slope if self.scale == 1 else slope.mul_(self.scale)

    def at(self, threshold: float) -> Surrogate:
        """The same one with its width in units of a threshold, which is given in units of drive."""
        if self.relative or threshold == 1:
            return self
        if self.name == "identity":
            return replace(self, scale=self.scale * threshold)
        narrower = self.name in _NARROWER_WITH_WIDTH
        return replace(self, width=self.width * threshold if narrower else self.width / threshold)


def straight_through() -> Surrogate:
    """The identity in place of every spike's derivative, through the reset too: the "STE" of Ozdenizci &
    Legenstein's attacks (``TUG: models/layers.py``)."""
    return Surrogate("identity", through_reset=True)
