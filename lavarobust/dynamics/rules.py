"""Gradient rules: how a gradient goes back through a layer of spiking neurons, for attackers.

The forward pass is the exact integers under each of them. Backpropagation through time with one of the
surrogates (:class:`lavarobust.dynamics.Surrogate`) is the usual one; where it vanishes, or misleads, an
attack that follows it alone takes a model for more robust than it is. Those here need a whole window.

Potentials and currents count in units of the threshold, so that a spike's derivative with respect to a
sum has the weight ``1 / threshold`` in every layer and every path to it counts for what it adds. Currents
are linear in the sums, and gradients pass them exactly: under the rules without memory only the potential
is taken to have none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from lavarobust.dynamics.recording import Recording
from lavarobust.dynamics.sharpness import AdaptiveSharpness, Recall
from lavarobust.dynamics.surrogate import SURROGATES, Surrogate
from lavarobust.errors import SettingsError


@dataclass(frozen=True)
class RateMask:
    """A neuron that spiked at all passes its gradient on as it is, one that did not passes none (BPTR).

    No step hears of another. Ding et al., NeurIPS 2022 (SNN-RAT); as ``RateBp`` has it in the code of
    Ozdenizci & Legenstein 2024 (``TUG: models/layers.py``), there in units of the drive.
    """

    carried: ClassVar[bool] = False
    averaged: ClassVar[bool] = False

    def slopes(self, seen: Recording, recall: Recall | None = None) -> torch.Tensor:
        """``(1, N, *shape)`` 0 or 1."""
        return seen.fired.float().unsqueeze(0)


@dataclass(frozen=True)
class RateGradient:
    """The slope of a piecewise linear rate curve at the drive's average over the window (RGA).

    With y the average current in thresholds, tau the share of its potential that a neuron keeps, and all
    else 0: ``low`` where 0 <= y < 1 - tau, ``(1 - low (1 - tau)) / (tau + reach - 1)`` where
    1 - tau <= y <= reach. For a neuron that does not leak that is ``1 / reach`` throughout. No step hears
    of another. Bu et al., CVPR 2023 (``SNN_attack_RGA: models/layers.py``), whose threshold is 1, and its
    generalisation to other thresholds by :meth:`at`.

    Attributes:
        low: slope below the current that sustains spikes.
        reach: current from which on a neuron spikes in every step.

    Raises:
        SettingsError: a slope outside [0, 1] or a reach that is not beyond 1.
    """

    low: float = 0.2
    reach: float = 2.0
    carried: ClassVar[bool] = False
    averaged: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not (0 <= self.low <= 1 and 1 < self.reach < math.inf):
            raise SettingsError(
                f"rate gradient with low={self.low} and reach={self.reach}. Give a low of 0 to 1 and a reach "
                "above 1."
            )

    def at(self, threshold: float) -> RateGradient:
        """The same one where the threshold is in units of drive, in which ``low`` is then, 1 at most."""
        return replace(self, low=min(self.low * threshold, 1.0))

    def slopes(self, seen: Recording, recall: Recall | None = None) -> torch.Tensor:
        """``(1, N, *shape)``."""
        drive, tau = seen.drive, seen.kept
        high = (1 - self.low * (1 - tau)) / (tau + self.reach - 1)
        below = (drive >= 0) & (drive < 1 - tau)
        above = (drive >= 0) & (drive >= 1 - tau) & (drive <= self.reach)
        return (below * self.low + above * high).float().unsqueeze(0)


@dataclass(frozen=True)
class Averaged:
    """The triangular surrogate at every step, with the drive's gradient averaged over the window (HART).

    The potential that a step takes over counts as a constant, and every step then gets the steps' mean.
    Hao et al., ICLR 2024 (``HART: models/layers.py``, mode ``avg``).

    Attributes:
        width: gamma, in thresholds.

    Raises:
        SettingsError: a width that is not positive and finite.
    """

    width: float = 1.0
    carried: ClassVar[bool] = False
    averaged: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.width) and self.width > 0):
            raise SettingsError(f"averaged gradient of width {self.width}. Give a positive number.")

    def slopes(self, seen: Recording, recall: Recall | None = None) -> torch.Tensor:
        """``(T, N, *shape)``."""
        return SURROGATES["triangular"](seen.distance, self.width)


@dataclass(frozen=True)
class PotentialDependent:
    """Through time, with a Gaussian as wide as the potentials of the steps so far are spread (PDSG).

    ``exp(-((u - sigma / 2) / (sqrt 2 sigma))^2) / (sqrt(2 pi) sigma)`` at the distance u from the
    threshold; sigma is the standard deviation (that of a sample of n, over n - 1) of a channel, or of a
    dense layer, over its neurons and the steps up to this one, and 1 where it is 0 or of one value only.
    Lun et al., CVPR 2025 (``PDSG-SDA: utils/attack.py``) - who take it over a batch too. Here it is each
    SAMPLE's own: nothing that an attack finds may depend on who else is in its batch.

    Attributes:
        through_reset: whether the reset is differentiated too.
    """

    through_reset: bool = False
    carried: ClassVar[bool] = True
    averaged: ClassVar[bool] = False

    def slopes(self, seen: Recording, recall: Recall | None = None) -> torch.Tensor:
        """``(T, N, *shape)``."""
        sigma = _spread(seen.potential) / seen.unit
        sigma = torch.where(sigma > 0, sigma, 1.0).to(torch.float32)
        scaled = seen.distance.div_(sigma).sub_(0.5)
        return scaled.square_().mul_(-0.5).exp_().div_(sigma * math.sqrt(2 * math.pi))


@dataclass(frozen=True)
class Analog:
    """The gradient of the analog twin: the same integer weights and biases with ReLU for spikes (T = 0).

    It is another function, with logits of its own: those choose the direction of the loss, as the last
    member of Ozdenizci & Legenstein's ensemble has it, and what it finds is judged on the exact integers.
    """


WindowRule = RateMask | RateGradient | Averaged | PotentialDependent | AdaptiveSharpness
"""Rules that take the place of a surrogate in the backward pass of a window."""

GradientRule = Surrogate | WindowRule | Analog


def _spread(potential: torch.Tensor) -> torch.Tensor:
    """Standard deviations of ``(T, N, *shape)`` over all steps up to each: ``(T, N, C, 1, 1)`` of
    channels, ``(T, N, 1)`` of a dense layer, in float64; 0 where there is one value."""
    grouped = potential.flatten(3) if potential.dim() == 5 else potential.flatten(2).unsqueeze(2)
    # taken from one of its own values, so that equal potentials have a spread of exactly 0
    away = grouped.double() - grouped[:1, ..., :1].double()
    count = torch.arange(1, len(away) + 1, dtype=torch.float64, device=away.device)[:, None, None]
    count = count * away.shape[3]
    total, squares = away.sum(3).cumsum(0), away.square().sum(3).cumsum(0)
    variance = (squares - total.square() / count).clamp_(min=0) / (count - 1).clamp_(min=1)
    spread = variance.sqrt()
    return spread[..., None, None] if potential.dim() == 5 else spread
