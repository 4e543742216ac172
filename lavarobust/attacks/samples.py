"""The images under attack, with their labels and their places in the data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.errors import DataError


@dataclass(frozen=True, eq=False)
class Samples:
    """N images that belong together with their labels and indices.

    Attributes:
        images: ``(N, C, H, W)`` float32, pixels in [0, 1], or event frames ``(N, C, H, W, T)``.
        labels: ``(N,)`` int64 true classes.
        indices: ``(N,)`` int64, each sample's index in its data set: the key of every draw.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: np.ndarray | slice) -> Samples:
        """The samples that a mask, a slice or positions choose."""
        return Samples(self.images[chosen], self.labels[chosen], self.indices[chosen])


def checked_samples(images: np.ndarray, labels: np.ndarray, indices: np.ndarray) -> Samples:
    """The three arrays as one, once they fit each other.

    Raises:
        DataError: no samples, shapes that do not fit, pixels outside [0, 1] or NaN, classes or indices
            that are not integers from 0 on.
    """
    images, labels, indices = np.asarray(images), np.asarray(labels), np.asarray(indices)
    if images.ndim not in (4, 5) or len(images) == 0:
        raise DataError(
            f"images to attack have shape {images.shape}. Give (N, C, H, W), or event frames "
            "(N, C, H, W, T), N of at least 1."
        )
    for name, values in (("labels", labels), ("indices", indices)):
        if values.shape != (len(images),) or values.dtype.kind not in "iu" or values.min() < 0:
            raise DataError(
                f"{name} of {len(images)} images have shape {values.shape} and type {values.dtype}. "
                "Give one integer from 0 on per image."
            )
    if images.dtype.kind != "f" or not (images.min() >= 0 and images.max() <= 1):
        raise DataError(
            f"images to attack are {images.dtype} from {images.min()} to {images.max()}. "
            "Give floating point pixels in [0, 1]."
        )
    return Samples(images.astype(np.float32), labels.astype(np.int64), indices.astype(np.int64))
