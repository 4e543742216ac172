"""The image that a signed encoder takes off every other, as a value that can be compared and hashed."""

from __future__ import annotations

import numpy as np


class MeanImage:
    """Pixels ``(C, H, W)`` float32, kept as they are and never changed; equal where every bit is.

    Args:
        pixels: any real array; it is copied.
    """

    __slots__ = ("pixels",)

    def __init__(self, pixels: np.ndarray) -> None:
        with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, a problem as well
            self.pixels = np.array(pixels, dtype=np.float32, order="C")
        self.pixels.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MeanImage) and self._value() == other._value()

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        return f"MeanImage(shape={self.pixels.shape}, mean={float(self.pixels.mean()):.4f})"

    def _value(self) -> tuple[tuple[int, ...], bytes]:
        return self.pixels.shape, self.pixels.tobytes()

    def problem(self) -> str | None:
        """What keeps it from being a mean of images, in words; None where nothing does."""
        if self.pixels.ndim != 3 or self.pixels.size == 0:
            return f"has shape {self.pixels.shape}, not (C, H, W)"
        if not (self.pixels.min() >= 0 and self.pixels.max() <= 1):
            return f"has pixels from {self.pixels.min()} to {self.pixels.max()}, not from 0 to 1"
        return None
