"""How the attacks are set: frozen, checked, and named as they are reported."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lavarobust.attacks.losses import LOSSES
from lavarobust.errors import SettingsError

Distribution = Literal["uniform", "gaussian"]


@dataclass(frozen=True)
class FGSM:
    """Fast gradient sign method: one step of epsilon (Goodfellow et al. 2015, Eq. in section 4).

    Attributes:
        loss: what rises, one of :data:`lavarobust.attacks.losses.LOSSES`.

    Raises:
        SettingsError: an unknown loss.
    """

    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        _check_loss(self.loss)

    @property
    def name(self) -> str:
        return "FGSM" + _loss_suffix(self.loss)


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent on the box (Madry et al. 2018, section 2.1).

    Attributes:
        steps: gradients per restart.
        step_size: in pixel units; None is 2.5 * epsilon / steps.
        random_start: begin anywhere in the box instead of at the image.
        restarts: independent searches; more than one needs random starts.
        loss: what rises, one of :data:`lavarobust.attacks.losses.LOSSES`.

    Raises:
        SettingsError: an impossible value.
    """

    steps: int = 20
    step_size: float | None = None
    random_start: bool = True
    restarts: int = 1
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        _check_loss(self.loss)
        for name, value in (("steps", self.steps), ("restarts", self.restarts)):
            if value < 1:
                raise SettingsError(f"PGD with {name}={value} does nothing. Give at least 1.")
        if self.step_size is not None and not (math.isfinite(self.step_size) and self.step_size > 0):
            raise SettingsError(f"PGD step size {self.step_size} is impossible. Give a positive number.")
        if self.restarts > 1 and not self.random_start:
            raise SettingsError(
                f"PGD would repeat one search {self.restarts} times. Give random_start=True or restarts=1."
            )

    @property
    def name(self) -> str:
        restarts = f"x{self.restarts}" if self.restarts > 1 else ""
        return f"PGD-{self.steps}{restarts}{_loss_suffix(self.loss)}"

    def step_for(self, epsilon: float) -> float:
        """Step size in pixel units at this epsilon."""
        return 2.5 * epsilon / self.steps if self.step_size is None else self.step_size


@dataclass(frozen=True)
class Noise:
    """Draws from the box that ask the victim for no gradient: what an attack has to beat.

    Attributes:
        distribution: ``uniform`` in the box, or ``gaussian`` with standard deviation epsilon, cut to it.
        draws: independent draws per sample, of which the worst counts.

    Raises:
        SettingsError: an impossible value.
    """

    distribution: Distribution = "uniform"
    draws: int = 1

    def __post_init__(self) -> None:
        if self.distribution not in ("uniform", "gaussian"):
            raise SettingsError(f"noise {self.distribution!r} is unknown. Choose from: uniform, gaussian.")
        if self.draws < 1:
            raise SettingsError(f"noise with draws={self.draws} does nothing. Give at least 1.")

    @property
    def name(self) -> str:
        return f"{self.distribution} noise" + (f" x{self.draws}" if self.draws > 1 else "")


AttackSettings = FGSM | PGD | Noise


def _check_loss(loss: str) -> None:
    if loss not in LOSSES:
        raise SettingsError(f"attack loss {loss!r} is unknown. Choose from: {', '.join(LOSSES)}.")


def _loss_suffix(loss: str) -> str:
    return "" if loss == "cross_entropy" else f" ({loss})"
