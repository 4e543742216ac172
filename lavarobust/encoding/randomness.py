"""How random drawn encodings are, and how many flips an l_inf attack on the pixels amounts to.

Counted are entries in which two encodings of a frame differ, on average. Two independent encodings of
the same image differ in k1 (``rate``) or k2 (``signed_rate``) of them (Mukhoty et al., ICLR 2025). A
change of the pixels adds to that, where the encodings are independent; where both take the same draws,
it alone makes them differ. Source of the former: ``utils.py`` of the paper's code, ``compute_k`` and
``help_signed_k``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lavarobust.errors import DataError

Flips = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of values and of their changes, both ``(N, C, H, W)``, the expected flips per entry."""


def rate_randomness(images: np.ndarray) -> np.ndarray:
    """``(N,)`` k1 = 2 <x, 1 - x> of images ``(N, C, H, W)`` in [0, 1]."""
    pixels = images.astype(np.float64)
    return _per_image(2 * pixels * (1 - pixels))


def signed_randomness(centred: np.ndarray) -> np.ndarray:
    """``(N,)`` k2 = 2 <|x|, 1 - |x|> of images less their mean ``(N, C, H, W)``, in [-1, 1]."""
    magnitude = np.abs(centred.astype(np.float64))
    return _per_image(2 * magnitude * (1 - magnitude))


@dataclass(frozen=True)
class Randomness:
    """The paper's Table 1 for one set of images.

    Attributes:
        k1, k2: means over the images.
        k3: mean over the images of their own k1 / k2.
    """

    k1: float
    k2: float
    k3: float


def randomness(images: np.ndarray, mean_image: np.ndarray) -> Randomness:
    """Table 1 of images ``(N, C, H, W)`` in [0, 1] and the mean training image ``(C, H, W)``.

    Raises:
        DataError: no images, or one that a drawn encoder sends without any randomness.
    """
    k1, k2 = rate_randomness(images), signed_randomness(images.astype(np.float64) - mean_image)
    if not len(images) or k2.min() == 0:
        raise DataError("k1 / k2 needs images that are not all black and white. Give others")
    return Randomness(float(k1.mean()), float(k2.mean()), float((k1 / k2).mean()))


def rate_flips(values: np.ndarray, change: np.ndarray) -> np.ndarray:
    """What a change d of pixels x adds to k1, per entry: ``d (1 - 2 x)``; below 0 where it takes away."""
    return change * (1 - 2 * values)


def signed_flips(values: np.ndarray, change: np.ndarray) -> np.ndarray:
    """What a change of centred pixels adds to k2, per entry.

    With x and y before and after, ``|y| (1 - |x|) + |x| - x+ y+ - x- y- - 2 |x| (1 - |x|)``, x+ and x-
    being the positive and the negative part.
    """
    x, y = values, values + change
    same_sign = np.maximum(x, 0) * np.maximum(y, 0) + np.minimum(x, 0) * np.minimum(y, 0)
    magnitude = np.abs(x)
    return np.abs(y) * (1 - magnitude) + magnitude - same_sign - 2 * magnitude * (1 - magnitude)


def coupled_flips(values: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Flips per entry between encodings in the same draws, of either kind.

    An entry differs where its draw lies between ``|x|`` and ``|y|``, and across a change of sign where it
    lies below the larger of them.
    """
    x, y = values, values + change
    crossing = np.sign(x) * np.sign(y) < 0
    larger, smaller = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
    return np.where(crossing, larger, larger - smaller)


def flips_of_epsilon(
    flips: Flips, images: np.ndarray, epsilon: float, mean_image: np.ndarray | None = None
) -> float:
    """Most expected flips per frame that an l_inf attack causes, averaged over images.

    Args:
        flips: :func:`rate_flips`, :func:`signed_flips` or :func:`coupled_flips`.
        images: ``(N, C, H, W)`` in [0, 1].
        epsilon: in pixel units.
        mean_image: ``(C, H, W)`` that a signed encoder takes off; None for none.
    """
    pixels = images.astype(np.float64)
    mean = 0.0 if mean_image is None else mean_image.astype(np.float64)
    # the expectation is linear in a pixel but for a kink at the mean, so its most is at one of three places
    places = (np.maximum(pixels - epsilon, 0), np.minimum(pixels + epsilon, 1))
    kink = np.clip(np.broadcast_to(mean, pixels.shape), *places)
    worst = np.maximum.reduce([flips(pixels - mean, place - pixels) for place in (*places, kink)])
    return float(_per_image(worst).mean())


def epsilon_of_flips(
    flips: Flips, images: np.ndarray, budget: float, mean_image: np.ndarray | None = None
) -> float:
    """The smallest epsilon at which :func:`flips_of_epsilon` reaches ``budget``.

    Raises:
        DataError: no attack on the pixels causes so many.
    """
    most = flips_of_epsilon(flips, images, 1.0, mean_image)
    if not 0 <= budget <= most:
        raise DataError(
            f"{budget} flips per frame: attacks on these pixels cause 0 to {most:.4g}. Give fewer"
        )
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if flips_of_epsilon(flips, images, middle, mean_image) < budget:
            low = middle
        else:
            high = middle
    return high


def _per_image(values: np.ndarray) -> np.ndarray:
    total: np.ndarray = values.reshape(len(values), -1).sum(axis=1)
    return total
