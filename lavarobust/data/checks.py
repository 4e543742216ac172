"""What pixels, labels and file sizes must be, with one clear error each."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zipfile import BadZipFile

import numpy as np

from lavarobust.errors import DataError, SettingsError

BYTES_MAX = 1 << 34
"""A data set may claim 16 GiB: a corrupt or hostile header asks for far more than real data do."""

CLASSES_MAX = 10_000
"""More classes than this are taken for a mistake (labels that are not class numbers)."""

LAYOUTS = ("NCHW", "NHWC")

DAMAGE = (OSError, EOFError, ValueError, RuntimeError, LookupError, struct.error, zlib.error, BadZipFile)
"""What the readers of numpy, gzip and zipfile raise on damaged files."""


@contextmanager
def reading(where: object, remedy: str) -> Iterator[None]:
    """Turns whatever a damaged file makes its reader raise into one DataError."""
    try:
        yield
    except DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise DataError(f"{where}: can't be read ({reason}). {remedy}") from error


def check_size(size: int, where: object) -> None:
    """Refuses a declared size in bytes beyond ``BYTES_MAX`` before anything is allocated."""
    if size > BYTES_MAX:
        raise DataError(
            f"{where}: claims {size} bytes, more than the {BYTES_MAX} that are read. "
            "The file is damaged or not what its name says; get it again, or split the data set"
        )


def as_array(values: Any, where: object) -> np.ndarray:
    """Values as an array of numbers; ragged or object arrays raise DataError."""
    with reading(where, "Give one array with the same shape for every sample"):
        array = np.asarray(values)
    if array.dtype.hasobject or array.dtype.kind not in "biuf":
        raise DataError(
            f"{where}: holds {array.dtype}, not numbers. Give uint8 or float images, integer labels"
        )
    return array


def channels_first(images: np.ndarray, layout: str | None, where: object) -> np.ndarray:
    """``(N, C, H, W)`` view of images in any supported layout; event frames as they are.

    ``(N, H, W)`` is grey, ``(N, C, H, W, T)`` are event frames. Of four axes the channel axis is the one
    shorter than both others, unless ``layout`` names it.
    """
    if layout is not None and layout not in LAYOUTS:
        raise SettingsError(f"layout is {layout!r}. Give one of {', '.join(LAYOUTS)}")
    if images.ndim == 3:
        return images[:, None]
    if images.ndim == 5:
        return images
    if images.ndim != 4:
        raise DataError(
            f"{where}: images have shape {images.shape}. Give (N, H, W), (N, C, H, W) or (N, H, W, C), event "
            "frames as (N, C, H, W, T); reshape flat images to their height and width"
        )
    first, middle, last = images.shape[1:]
    if layout is None:
        if first < min(middle, last):
            layout = "NCHW"
        elif last < min(first, middle):
            layout = "NHWC"
        else:
            raise DataError(
                f"{where}: images have shape {images.shape}, and no axis is clearly the channels. "
                "Call from_arrays(images, labels, layout='NCHW') or layout='NHWC'"
            )
    return images if layout == "NCHW" else images.transpose(0, 3, 1, 2)


def check_pixels(images: np.ndarray, where: object) -> np.ndarray:
    """Images in their own shape, as uint8 where it is uint8, else as float32 in [0, 1]; refuses all else."""
    if images.size == 0:
        raise DataError(f"{where}: holds no image (shape {images.shape}). Give at least one")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise DataError(f"{where}: pixels are {images.dtype}. Give uint8 (0 to 255) or float (0 to 1)")
    low, high = images.min(), images.max()
    if not np.isfinite(low) or not np.isfinite(high):
        raise DataError(f"{where}: pixels are NaN or infinite. Give finite values from 0 to 1")
    if low < 0 or high > 1:
        raise DataError(
            f"{where}: pixels run from {low} to {high}. Give float pixels from 0 to 1 (divide by 255), or "
            "uint8; normalisation belongs to the encoding (mean, std)"
        )
    return images.astype(np.float32)


def check_labels(labels: np.ndarray, samples: int, classes: int | None, where: object) -> np.ndarray:
    """``(N,)`` int64 labels from 0 to below ``classes`` (``CLASSES_MAX`` where None)."""
    if labels.dtype.kind not in "iu":
        raise DataError(f"{where}: labels are {labels.dtype}. Give integers that count the classes from 0")
    if labels.ndim != 1:
        raise DataError(
            f"{where}: labels have shape {labels.shape}. Give one integer per image: "
            "labels.argmax(axis=1) of one-hot rows, labels.reshape(-1) of a column"
        )
    if labels.shape[0] != samples:
        raise DataError(f"{where}: {labels.shape[0]} labels for {samples} images. Give one label per image")
    limit = CLASSES_MAX if classes is None else classes
    wrong = np.flatnonzero((labels < 0) | (labels >= limit))
    if wrong.size:
        raise DataError(
            f"{where}: label {labels[wrong[0]]} of sample {wrong[0]} is not a class number from 0 to "
            f"{limit - 1}. Number the classes from 0"
        )
    return labels.astype(np.int64)
