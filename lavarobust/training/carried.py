"""Noise on the pixels that is carried over from batch to batch, although the images there are others."""

from __future__ import annotations

from collections.abc import Mapping

import torch

_NAME = "noise"


def stepped(noise: torch.Tensor, gradient: torch.Tensor, step_size: float, limit: float) -> torch.Tensor:
    """``clip(noise + step_size * sign(gradient), -limit, limit)``, in pixel units.

    Equation 6 of Kundu et al. (ICCV 2021); with ``step_size = limit``, Algorithm 1 of Shafahi et al.
    (NeurIPS 2019).
    """
    return (noise + step_size * gradient.sign()).clamp(-limit, limit)


class CarriedNoise:
    """One row of noise per place in a batch; zeros until a batch has been there."""

    def __init__(self) -> None:
        self._rows: torch.Tensor | None = None

    def rows(self, images: torch.Tensor) -> torch.Tensor:
        """The rows of images ``(N, ...)``, to be changed in place; a smaller batch takes the first ones."""
        if self._rows is None:
            self._rows = torch.zeros_like(images)
        self._rows = self._rows.to(images.device)  # a checkpoint's are on the CPU
        if len(self._rows) < len(images):
            self._rows = torch.cat([self._rows, torch.zeros_like(images[len(self._rows) :])])
        return self._rows[: len(images)]

    def state(self) -> Mapping[str, torch.Tensor]:
        """For a checkpoint."""
        return {} if self._rows is None else {_NAME: self._rows}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue with what :meth:`state` gave."""
        self._rows = state[_NAME].clone() if _NAME in state else None
