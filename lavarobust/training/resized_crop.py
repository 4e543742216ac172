"""A stretch of each training image, enlarged to the image's own size: ImageNet's random resized crop.

A box covers 8 % to 100 % of the image, its width over its height runs from 3/4 to 4/3 with a uniform
logarithm, and it lies anywhere inside (Szegedy et al., CVPR 2015, section 6; figures and the ten tries of
torchvision's RandomResizedCrop). It never is larger than the image, so no anti-aliasing is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.encoding.draws import uniform_draws

_SHARES = (0.08, 1.0)
_RATIOS = (3 / 4, 4 / 3)
_TRIES = 10
_POINTS = 64
"""Of the integral over widths, per pixel."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """The stretches of N images, ``(N,)`` integers each: upper left corner and size."""

    rows: np.ndarray
    columns: np.ndarray
    heights: np.ndarray
    widths: np.ndarray


def boxes_of(key: int, indices: np.ndarray, height: int, width: int) -> Boxes:
    """Each image's box, of the key and the image's own index.

    The first of ten tries that fits in the image, and where none does, the largest box in its middle that
    has an allowed ratio.
    """
    tries = slice(0, _TRIES), slice(_TRIES, 2 * _TRIES)
    # draw 1: draw 0 of an image belongs to its other changes
    draws = np.stack([uniform_draws(key, int(index), 1, 2 * _TRIES + 2) for index in indices])
    area = height * width * (_SHARES[0] + (_SHARES[1] - _SHARES[0]) * draws[:, tries[0]])
    low, high = np.log(_RATIOS)
    ratio = np.exp(low + (high - low) * draws[:, tries[1]])
    widths = np.rint(np.sqrt(area * ratio)).astype(np.int64)
    heights = np.rint(np.sqrt(area / ratio)).astype(np.int64)
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = fits.argmax(axis=1)[:, None]
    middle, found = _middle(height, width), fits.any(axis=1)
    heights = np.where(found, np.take_along_axis(heights, first, 1)[:, 0], middle.heights)
    widths = np.where(found, np.take_along_axis(widths, first, 1)[:, 0], middle.widths)
    rows = (draws[:, -2] * (height - heights + 1)).astype(np.int64)
    columns = (draws[:, -1] * (width - widths + 1)).astype(np.int64)
    return Boxes(
        np.where(found, rows, middle.rows), np.where(found, columns, middle.columns), heights, widths
    )


def resized(images: np.ndarray, boxes: Boxes) -> np.ndarray:
    """Each box of images ``(N, C, H, W, ...)`` in their size, bilinear between the middles of pixels."""
    height, width = images.shape[2:4]
    enlarged = np.empty_like(images)
    places = zip(boxes.rows, boxes.columns, boxes.heights, boxes.widths, strict=True)
    for place, (row, column, tall, wide) in enumerate(places):
        rows = _stretched(images[place], 1, row, tall, height)
        enlarged[place] = _stretched(rows, 2, column, wide, width)
    return enlarged


def expected_resized(image: np.ndarray) -> np.ndarray:
    """The mean of an image ``(C, H, W)`` over all its boxes, float64.

    Where a box lies is drawn for rows and columns apart, so a size's mean is a product of two matrices.
    """
    height, width = image.shape[1:]
    by_height, by_width = _mean_stretches(height), _mean_stretches(width)
    shares = _size_shares(height, width)
    middle = _middle(height, width)
    left = (1 - shares.sum()) ** _TRIES
    centre: np.ndarray = left * resized(image[None].astype(np.float64), middle)[0]
    found = np.einsum("hw,hij,cjk,wlk->cil", shares, by_height, image, by_width, optimize=True)
    mean: np.ndarray = centre + found * ((1 - left) / shares.sum() if left < 1 else 0.0)
    return mean


def _middle(height: int, width: int) -> Boxes:
    """The box of an image for which no try fits."""
    low, high = _RATIOS
    tall = min(height, round(width / low))
    wide = min(width, round(height * high))
    return Boxes(*(np.array([end]) for end in ((height - tall) // 2, (width - wide) // 2, tall, wide)))


def _stretched(image: np.ndarray, axis: int, start: int, length: int, size: int) -> np.ndarray:
    """``length`` places of an axis from ``start`` on, interpolated at ``size`` places; borders repeat."""
    place = np.maximum((2 * np.arange(size) + 1) * length / (2 * size) - 0.5, 0)
    before = place.astype(np.int64)
    after = np.minimum(before + 1, length - 1)
    weight = (place - before).astype(image.dtype)
    weight = weight.reshape(-1, *(1,) * (image.ndim - axis - 1))
    stretched: np.ndarray = image.take(start + before, axis) * (1 - weight)
    return stretched + image.take(start + after, axis) * weight


def _mean_stretches(size: int) -> np.ndarray:
    """``(size, size, size)``: of every length from 1 on, the matrix of its stretch, averaged over starts."""
    unit = np.eye(size)
    return np.stack(
        [
            np.mean([_stretched(unit, 0, start, length, size) for start in range(size - length + 1)], axis=0)
            for length in range(1, size + 1)
        ]
    )


def _size_shares(height: int, width: int) -> np.ndarray:
    """``(H, W)``: how often one try gives a box of that height and width, from 1 on.

    With p the width and q the height before rounding, a uniform area p q and a uniform log (p / q) have
    the constant density 2 / (range of areas * range of logarithms) over p and q. The heights of a width
    are an interval; over the widths, the integral is the midpoint rule's.
    """
    smallest, largest = (share * height * width for share in _SHARES)
    low, high = _RATIOS
    across = 0.5 + (np.arange(width * _POINTS) + 0.5) / _POINTS
    down = np.arange(1, height + 1)[:, None]
    bottom = np.maximum(np.maximum(smallest / across, across / high), down - 0.5)
    top = np.minimum(np.minimum(largest / across, across / low), down + 0.5)
    lengths = np.maximum(top - bottom, 0).reshape(height, width, _POINTS).mean(axis=2)
    shares: np.ndarray = lengths * 2 / ((largest - smallest) * np.log(high / low))
    return shares
