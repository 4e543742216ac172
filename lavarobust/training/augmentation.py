"""Random changes of training images: crops, horizontal flip, cutout, keyed by each image's own index.

Images are ``(N, C, H, W)``; event frames ``(N, C, H, W, T)`` are changed alike in all frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lavarobust.encoding.draws import uniform_draws
from lavarobust.errors import SettingsError
from lavarobust.training.resized_crop import boxes_of, expected_resized, resized

Padding = Literal["reflect", "zero"]
_PAD_MODES = {"reflect": "reflect", "zero": "constant"}
_Side = Annotated[int, Field(ge=0, description="an integer of at least 0 (pixels)")]
_Choice = Annotated[bool, Field(description="true or false")]
_Share = Annotated[float, Field(ge=0, le=1)]


class Augmentation(BaseModel):
    """What is changed, in this order; nothing by default.

    Of the papers: HIRE-SNN crop 4 (reflect) and flip; conversion, SR and signed rate encoding crop 4
    (zero) and flip; conversion's ANN also cutout 8 in the channels' means; StoG crop 4 (zero), flip and
    cutout 16. For TinyImageNet, conversion takes resized crops and flip.

    Attributes:
        resized_crop: a stretch of the image, enlarged (:mod:`lavarobust.training.resized_crop`).
        crop: pixels added on each side, before a window of the image's own size is cut out.
        padding: what is added: the image mirrored at its border, or zeros.
        flip: left and right change places in half of the images.
        cutout: side of a square that is painted over, its middle anywhere in the image (DeVries & Taylor
            2017, arXiv:1708.04552); 0 for none.
        fill: of the square, a value per channel; empty for zero.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resized_crop: _Choice = False
    crop: _Side = 0
    padding: Padding = "reflect"
    flip: _Choice = False
    cutout: _Side = 0
    fill: Annotated[tuple[_Share, ...], Field(description="one number from 0 to 1 per channel, or []")] = ()

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return bool(self.resized_crop or self.crop or self.flip or self.cutout)


@dataclass(frozen=True, eq=False)
class Draws:
    """Where the changes of N images fall, ``(N,)`` each in [0, 1)."""

    row: np.ndarray
    column: np.ndarray
    flip: np.ndarray
    cut_row: np.ndarray
    cut_column: np.ndarray


def draws_of(key: int, indices: np.ndarray) -> Draws:
    """Each image's draws: of the key (one per seed and epoch) and its own index, not of its batch.

    All five are drawn, whatever is changed, so that one change leaves the others where they are.
    """
    return Draws(*np.stack([uniform_draws(key, int(index), 0, 5) for index in indices], axis=1))


def augmented(images: np.ndarray, augmentation: Augmentation, key: int, indices: np.ndarray) -> np.ndarray:
    """The images with every change of the augmentation, as float32 of the same shape.

    Args:
        images: ``(N, C, H, W)`` or ``(N, C, H, W, T)`` in [0, 1].
        key: of the epoch's draws, 0 .. 2**64 - 1.
        indices: ``(N,)`` each image's index in its data set.

    Raises:
        SettingsError: a crop or fill that does not fit the images.
    """
    check_fits(augmentation, images.shape)
    if not augmentation.changes or not len(images):
        return images
    draws = draws_of(key, indices)
    if augmentation.resized_crop:
        images = resized(images, boxes_of(key, indices, *images.shape[2:4]))
    if augmentation.crop:
        places = 2 * augmentation.crop + 1
        rows, columns = ((draw * places).astype(np.int64) for draw in (draws.row, draws.column))
        images = cropped(images, rows, columns, augmentation.crop, augmentation.padding)
    if augmentation.flip:
        images = flipped(images, draws.flip < 0.5)
    if augmentation.cutout:
        rows = (draws.cut_row * images.shape[2]).astype(np.int64)
        columns = (draws.cut_column * images.shape[3]).astype(np.int64)
        images = cut_out(images, rows, columns, augmentation.cutout, augmentation.fill)
    return images


def cropped(
    images: np.ndarray, rows: np.ndarray, columns: np.ndarray, border: int, padding: Padding
) -> np.ndarray:
    """A window of each image with a border added, its upper left corner at ``(N,)`` rows and columns."""
    around = ((0, 0), (0, 0), (border, border), (border, border), (0, 0))[: images.ndim]
    bordered = np.pad(images, around, mode=_PAD_MODES[padding])  # type: ignore[call-overload]
    height, width = images.shape[2:4]
    windows = np.empty_like(images)
    for place, (row, column) in enumerate(zip(rows, columns, strict=True)):
        windows[place] = bordered[place, :, row : row + height, column : column + width]
    return windows


def flipped(images: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Images mirrored left to right where ``chosen`` ``(N,)`` is True."""
    mirrored = images.copy()
    mirrored[chosen] = images[chosen][:, :, :, ::-1]
    return mirrored


def cut_out(
    images: np.ndarray, rows: np.ndarray, columns: np.ndarray, side: int, fill: tuple[float, ...]
) -> np.ndarray:
    """Images with a square around ``(N,)`` rows and columns painted over; what lies outside is lost.

    A square of even side reaches one pixel further up and left of its middle than down and right.
    """
    painted = images.copy()
    colour = np.zeros(1) if not fill else np.array(fill)
    colour = colour.astype(images.dtype).reshape(-1, *(1,) * (images.ndim - 2))
    for place, (row, column) in enumerate(zip(rows - side // 2, columns - side // 2, strict=True)):
        painted[place, :, max(row, 0) : max(row + side, 0), max(column, 0) : max(column + side, 0)] = colour
    return painted


def expected_image(image: np.ndarray, augmentation: Augmentation) -> np.ndarray:
    """The mean of an image ``(C, H, W)`` over everything that the augmentation may make of it, float64.

    Every change is linear in the pixels, so of a mean training image this is the mean over the augmented
    training set, which signed rate encoding subtracts (Mukhoty et al., ICLR 2025, code: data_loaders.py),
    without the chance of one epoch's draws.

    Raises:
        SettingsError: a crop or fill that does not fit the image.
    """
    mean = image.astype(np.float64)[None]
    check_fits(augmentation, mean.shape)
    height, width = mean.shape[2:4]
    if augmentation.resized_crop:
        mean = expected_resized(mean[0])[None]
    if augmentation.crop:
        places = np.arange(2 * augmentation.crop + 1)
        rows, columns = (axis.reshape(-1) for axis in np.meshgrid(places, places, indexing="ij"))
        windows = (
            cropped(mean, rows[one], columns[one], augmentation.crop, augmentation.padding)
            for one in (slice(place, place + 1) for place in range(rows.size))
        )
        mean = sum(windows, np.zeros_like(mean)) / rows.size
    if augmentation.flip:
        mean = (mean + mean[:, :, :, ::-1]) / 2
    if augmentation.cutout:
        covered = [_covered(length, augmentation.cutout) for length in (height, width)]
        share = np.outer(*covered)
        colour = np.array(augmentation.fill or (0.0,)).reshape(-1, 1, 1)
        mean = mean * (1 - share) + colour * share
    expectation: np.ndarray = mean[0]
    return expectation


def check_fits(augmentation: Augmentation, shape: tuple[int, ...]) -> None:
    """Raises SettingsError for an augmentation that images of this shape ``(N, C, H, W, ...)`` can't have."""
    channels, height, width = shape[1:4]
    if augmentation.crop >= min(height, width):
        raise SettingsError(
            f"augmentation.crop is {augmentation.crop}, and images are {height} x {width}. Give a smaller one"
        )
    if augmentation.fill and len(augmentation.fill) != channels:
        raise SettingsError(
            f"augmentation.fill has {len(augmentation.fill)} values, and images {channels} channels. Give "
            "one per channel, or none"
        )


def _covered(length: int, side: int) -> np.ndarray:
    """``(length,)`` probability that a stretch of ``side`` around a random place covers each place."""
    starts = np.arange(length)[:, None] - side // 2
    places = np.arange(length)[None]
    shares: np.ndarray = ((places >= starts) & (places < starts + side)).mean(0)
    return shares
