"""What an attacker may do to an image, and the check that nothing else was done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from lavarobust.errors import LavarobustError, SettingsError

Norm = Literal["linf"]


class ThreatModelError(LavarobustError):
    """An attack returned images that its threat model does not allow: a defect of that attack."""


@dataclass(frozen=True)
class ThreatModel:
    """The set of images an attacker may choose from.

    Attributes:
        epsilon: largest change of any pixel, in pixel units: 8/255 and not 8.
        norm: ``linf``.

    Raises:
        SettingsError: another norm, or epsilon outside [0, 1].
    """

    epsilon: float
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        if self.norm != "linf":
            raise SettingsError(f"norm {self.norm!r} is unknown. Choose from: linf.")
        if not (math.isfinite(self.epsilon) and 0 <= self.epsilon <= 1):
            raise SettingsError(
                f"epsilon {self.epsilon} is impossible: pixels lie in [0, 1]. Write 8/255 as {8 / 255:.4f}."
            )

    def check(self, images: np.ndarray, adversarial: np.ndarray) -> None:
        """Hold adversarial images ``(N, C, H, W)`` against the clean ones, without any tolerance.

        The difference is taken in float64, where that of two float32 pixels is rounded correctly: it
        may not exceed epsilon, so no float32 difference exceeds float32(epsilon) either.

        Raises:
            ThreatModelError: a pixel outside the box or outside [0, 1], or NaN, or another shape.
        """
        if images.shape != adversarial.shape:
            raise ThreatModelError(f"{adversarial.shape} adversarial images for {images.shape} images.")
        change = np.abs(adversarial.astype(np.float64) - images.astype(np.float64))
        inside = (change <= self.epsilon) & (adversarial >= 0) & (adversarial <= 1)
        if not inside.all():
            outside = ~inside.reshape(len(images), -1).all(axis=1)
            raise ThreatModelError(
                f"{int(outside.sum())} adversarial images leave the {self.norm} box of {self.epsilon}, the "
                f"first at position {int(outside.argmax())}: largest change {change.max()}, pixels from "
                f"{adversarial.min()} to {adversarial.max()}."
            )


def linf_box(images: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Smallest and largest allowed pixels of images ``(N, C, H, W)``, in their own floating type.

    Where rounding put a bound beyond epsilon, the next number inside is taken.
    """
    exact = images.double()
    low, high = ((exact + side * epsilon).clamp(0, 1).to(images.dtype) for side in (-1, 1))
    low = torch.where(exact - low.double() > epsilon, torch.nextafter(low, torch.ones_like(low)), low)
    high = torch.where(high.double() - exact > epsilon, torch.nextafter(high, torch.zeros_like(high)), high)
    return low, high
