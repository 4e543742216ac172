"""What an attacker may do to an image, and the check that nothing else was done."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from lavarobust.errors import LavarobustError, SettingsError

Norm = Literal["linf", "l2"]
NORMS: tuple[Norm, ...] = ("linf", "l2")


_TINY = 1e-12


class ThreatModelError(LavarobustError):
    """An attack returned images that its threat model does not allow: a defect of that attack."""


@dataclass(frozen=True)
class ThreatModel:
    """The set of images an attacker may choose from.

    Attributes:
        epsilon: in pixel units, 8/255 and not 8: the largest change of any pixel (``linf``), or the
            Euclidean length of all changes of an image (``l2``).
        norm: one of :data:`NORMS`.

    Raises:
        SettingsError: another norm, a negative epsilon, or one of ``linf`` above 1.
    """

    epsilon: float
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise SettingsError(f"norm {self.norm!r} is unknown. Choose from: {', '.join(NORMS)}.")
        if not (math.isfinite(self.epsilon) and self.epsilon >= 0):
            raise SettingsError(f"epsilon {self.epsilon} is impossible. Give a number from 0 on.")
        if self.norm == "linf" and self.epsilon > 1:
            raise SettingsError(
                f"epsilon {self.epsilon} is impossible: pixels lie in [0, 1]. Write 8/255 as {8 / 255:.4f}."
            )

    def __str__(self) -> str:
        return f"{self.norm} {self.epsilon:.4g}"

    def project(self, images: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """The allowed image next to each candidate ``(N, C, H, W)``, of clean images of that shape."""
        if self.norm == "linf":
            return candidates.clamp(*linf_box(images, self.epsilon))
        return l2_ball(images, candidates, self.epsilon).clamp(0, 1)

    def uniform(self, images: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """An allowed image from anywhere around each clean one.

        Args:
            draws: ``(N, C, H, W)`` float64 in [0, 1). Of ``linf`` each pixel's place in the box; of ``l2``
                normal deviates are made of them, and their sum's fraction gives the radius.
        """
        if self.norm == "linf":
            return self.project(images, (images + self.epsilon * (2 * draws - 1)).to(images.dtype))
        normal = torch.special.ndtri(draws.clamp(min=2.0**-54))
        size = normal.flatten(1).norm(dim=1).clamp(min=_TINY)
        radius = (draws.flatten(1).sum(1) % 1.0) ** (1 / normal[0].numel())
        moved = images + self.epsilon * normal * (radius / size).view(-1, *[1] * (images.dim() - 1))
        return self.project(images, moved.to(images.dtype))

    def edge(self, images: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        """An image around each clean one, as far away as is allowed: APGD's start (Croce & Hein 2020).

        Args:
            draws: as :meth:`uniform` has them.
        """
        if self.norm == "l2":
            normal = torch.special.ndtri(draws.clamp(min=2.0**-54))
            size = normal.flatten(1).norm(dim=1)
        else:
            normal = 2 * draws - 1
            size = normal.flatten(1).abs().amax(1)
        share = (self.epsilon / size.clamp(min=_TINY)).view(-1, *[1] * (images.dim() - 1))
        return self.project(images, (images + normal * share).to(images.dtype))

    def check(self, images: np.ndarray, adversarial: np.ndarray) -> None:
        """Hold adversarial images ``(N, C, H, W)`` against the clean ones, without any tolerance.

        The difference is taken in float64, where that of two float32 pixels is rounded correctly: it
        may not exceed epsilon, so no float32 difference exceeds float32(epsilon) either.

        Raises:
            ThreatModelError: a pixel outside the box or outside [0, 1], or NaN, or another shape.
        """
        if images.shape != adversarial.shape:
            raise ThreatModelError(f"{adversarial.shape} adversarial images for {images.shape} images.")
        change = np.abs(adversarial.astype(np.float64) - images.astype(np.float64)).reshape(len(images), -1)
        size = change.max(axis=1) if self.norm == "linf" else np.sqrt((change**2).sum(axis=1))
        pixels = adversarial.reshape(len(images), -1)
        inside = (size <= self.epsilon) & ((pixels >= 0) & (pixels <= 1)).all(axis=1)
        if not inside.all():
            outside = ~inside
            raise ThreatModelError(
                f"{int(outside.sum())} adversarial images leave {self.norm} {self.epsilon}, the "
                f"first at position {int(outside.argmax())}: largest change {size.max()}, pixels from "
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


def l2_ball(images: torch.Tensor, candidates: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Candidates ``(N, C, H, W)`` brought back to within Euclidean distance epsilon of the images.

    Pixels are rounded to their own type, which may put a sum of squares beyond epsilon again: then the
    change is made smaller by more and more last places.
    """
    exact, moved = images.double(), candidates
    for attempt in range(8):
        change = moved.double() - exact
        size = change.flatten(1).norm(dim=1)
        far = size > epsilon
        if not far.any():
            return moved
        share = (epsilon / size.clamp(min=_TINY)) * (1 - 2.0 ** (2 * attempt - 22))
        share = torch.where(far, share, torch.ones_like(share)).view(-1, *[1] * (images.dim() - 1))
        back = (exact + change * share).to(images.dtype)
        moved = torch.where(far.view_as(share), back, moved)
    return torch.where(far.view_as(share), images, moved)
