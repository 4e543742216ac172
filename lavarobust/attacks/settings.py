"""How the attacks are set: frozen, checked, and named as they are reported."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lavarobust.attacks.losses import LOSSES, TARGETED
from lavarobust.errors import SettingsError

Distribution = Literal["uniform", "gaussian"]
Targets = int | Literal["random"]
"""Classes a targeted attack pushes each sample towards, one after the other: so many of those that score
highest beside the true one, or one that is drawn."""


@dataclass(frozen=True)
class FGSM:
    """Fast gradient sign method: one step of epsilon (Goodfellow et al. 2015, Eq. in section 4).

    Attributes:
        loss: what rises, one of :data:`lavarobust.attacks.losses.LOSSES` without a target.

    Raises:
        SettingsError: an unknown loss.
    """

    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        _check_loss(self.loss, None)

    @property
    def name(self) -> str:
        return "FGSM" + _loss_suffix(self.loss)


@dataclass(frozen=True)
class RFGSM:
    """A random sign step and a gradient sign step that share epsilon (Tramer et al. 2018, Eq. 7).

    Attributes:
        share: of epsilon that the random step takes; half of it as the conversion paper's code has it.
        loss: what rises, one of :data:`lavarobust.attacks.losses.LOSSES` without a target.

    Raises:
        SettingsError: an impossible value.
    """

    share: float = 0.5
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        _check_loss(self.loss, None)
        if not 0 < self.share < 1:
            raise SettingsError(f"R-FGSM with share={self.share}. Give a number between 0 and 1.")

    @property
    def name(self) -> str:
        return "R-FGSM" + _loss_suffix(self.loss)


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent (Madry et al. 2018, section 2.1); with momentum, MIM (Dong et al. 2018).

    Attributes:
        steps: gradients per restart.
        step_size: in pixel units; None is 2.5 * epsilon / steps.
        random_start: begin anywhere in the box instead of at the image.
        restarts: independent searches; more than one needs random starts.
        loss: what rises, one of :data:`lavarobust.attacks.losses.LOSSES`.
        targets: of a targeted loss.
        momentum: decay of the sum of gradients that a step follows; None follows each gradient alone.

    Raises:
        SettingsError: an impossible value.
    """

    steps: int = 20
    step_size: float | None = None
    random_start: bool = True
    restarts: int = 1
    loss: str = "cross_entropy"
    targets: Targets | None = None
    momentum: float | None = None

    def __post_init__(self) -> None:
        _check_loss(self.loss, self.targets)
        _check_counts("PGD", steps=self.steps, restarts=self.restarts)
        for name, value in (("step size", self.step_size), ("momentum", self.momentum)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise SettingsError(f"PGD {name} {value} is impossible. Give a positive number.")
        if self.restarts > 1 and not self.random_start:
            raise SettingsError(
                f"PGD would repeat one search {self.restarts} times. Give random_start=True or restarts=1."
            )

    @property
    def name(self) -> str:
        kind = "PGD" if self.momentum is None else "MIM"
        return f"{kind}-{self.steps}{_times(self.restarts)}{_loss_suffix(self.loss, self.targets)}"

    def step_for(self, epsilon: float) -> float:
        """Step size in pixel units at this epsilon."""
        return 2.5 * epsilon / self.steps if self.step_size is None else self.step_size


@dataclass(frozen=True)
class APGD:
    """Auto-PGD: no step size to choose (Croce & Hein 2020); with targets, APGD-T.

    Attributes:
        steps: gradients per restart and target.
        restarts: independent searches.
        loss: what rises, one of :data:`lavarobust.attacks.losses.LOSSES`.
        targets: of a targeted loss.

    Raises:
        SettingsError: an impossible value.
    """

    steps: int = 100
    restarts: int = 1
    loss: str = "cross_entropy"
    targets: Targets | None = None

    def __post_init__(self) -> None:
        _check_loss(self.loss, self.targets)
        _check_counts("APGD", steps=self.steps, restarts=self.restarts)

    @property
    def name(self) -> str:
        return f"APGD-{self.steps}{_times(self.restarts)}{_loss_suffix(self.loss, self.targets)}"


@dataclass(frozen=True)
class SAPGD:
    """PGD whose step is normalised by its own second moment and halves at APGD's checkpoints.

    Published with the adaptive surrogate :class:`lavarobust.dynamics.AdaptiveSharpness`.

    Attributes:
        steps: gradients per restart.
        restarts: independent searches.
        loss: what rises, one of :data:`lavarobust.attacks.losses.LOSSES` without a target.

    Raises:
        SettingsError: an impossible value.
    """

    steps: int = 100
    restarts: int = 1
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        _check_loss(self.loss, None)
        _check_counts("SA-PGD", steps=self.steps, restarts=self.restarts)

    @property
    def name(self) -> str:
        return f"SA-PGD-{self.steps}{_times(self.restarts)}{_loss_suffix(self.loss)}"


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
        _check_counts("noise", draws=self.draws)

    @property
    def name(self) -> str:
        return f"{self.distribution} noise" + (f" x{self.draws}" if self.draws > 1 else "")


GradientAttack = FGSM | RFGSM | PGD | APGD | SAPGD
AttackSettings = GradientAttack | Noise


def _check_loss(loss: str, targets: Targets | None) -> None:
    if loss not in LOSSES:
        raise SettingsError(f"attack loss {loss!r} is unknown. Choose from: {', '.join(LOSSES)}.")
    if (targets is not None) != (loss in TARGETED):
        need = "needs targets" if loss in TARGETED else "has no targets"
        raise SettingsError(f"attack loss {loss!r} {need}. Give targets=9 with one of {', '.join(TARGETED)}.")
    if targets is not None and targets != "random" and targets < 1:
        raise SettingsError(f"{targets} targets: give at least 1, or 'random'.")


def _check_counts(attack: str, **counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise SettingsError(f"{attack} with {name}={count} does nothing. Give at least 1.")


def _times(restarts: int) -> str:
    return f"x{restarts}" if restarts > 1 else ""


def _loss_suffix(loss: str, targets: Targets | None = None) -> str:
    said = {"cross_entropy": "", "dlr": "DLR", "targeted_dlr": "DLR"}.get(loss, loss.replace("_", " "))
    if targets is not None:
        said = f"{said}, {targets} target{'s' if targets not in (1, 'random') else ''}"
    return f" ({said})" if said else ""
