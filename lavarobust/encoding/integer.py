"""Pixels to integers in numpy: what every backend is sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np

from lavarobust.draws import Keys
from lavarobust.encoding.draws import uniform_draws
from lavarobust.errors import DataError, SettingsError
from lavarobust.netx.deployment import Encoding, EncodingKind
from lavarobust.record import Stimulus

INTEGER_MAX = 1 << 24
"""float32 holds every integer up to here, so SLAYER is sent the same numbers as Lava."""


def encode(
    encoding: Encoding, images: np.ndarray, steps: int, indices: np.ndarray, draw: int = 0
) -> Stimulus:
    """The integers that the first layer receives.

    Args:
        encoding: kind, and integer scale or seed.
        images: ``(N, C, H, W)`` float, pixels in [0, 1]; ``(N, C, H, W, T)`` for ``frames``.
        steps: T.
        indices: ``(N,)`` integers, each sample's index in its data set; keys the draws.
        draw: which of the independent repetitions of those draws.

    Returns:
        frames ``(N, C, H, W, 1)`` for ``direct``, else ``(N, C, H, W, T)``. The analog kinds and ``frames``
        round halves to even; ``rate`` spikes with probability x in every step, ``signed_rate`` with
        probability |x - mean| and that difference's sign, which is a payload. Its keys are indices and draw.

    Raises:
        DataError: pixels outside [0, 1] or NaN, wrong shapes.
        SettingsError: an impossible encoding, or steps below 1.
    """
    images = np.asarray(images)
    check_request(encoding, images.shape, steps, indices)
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise DataError(outside_range(images.min(), images.max()))
    if encoding.drawn:
        frames = np.moveaxis(drawn_spikes(encoding, images, steps, indices, draw), 0, -1)
    elif encoding.kind == "frames":
        frames = quantise(encoding, images)
    else:
        repetitions = 1 if encoding.kind == "direct" else steps
        frames = np.repeat(quantise(encoding, images)[..., None], repetitions, axis=-1)
    keys = Keys(np.asarray(indices), draw)
    return Stimulus(np.ascontiguousarray(frames, dtype=np.int32), steps, not encoding.binary, keys)


def quantise(encoding: Encoding, images: np.ndarray) -> np.ndarray:
    """Float64 in the images' shape: ``(x - mean) / std * levels``, halves rounded to even."""
    scaled = images.astype(np.float64)
    if encoding.mean:
        scaled = (scaled - per_channel(encoding.mean)) / per_channel(encoding.std)
    rounded: np.ndarray = np.rint(scaled * np.float64(encoding.levels))
    return rounded


def per_channel(values: Sequence[float]) -> np.ndarray:
    """``(C, 1, 1)`` float64."""
    return np.array(values, dtype=np.float64)[:, None, None]


def drawn_spikes(
    encoding: Encoding, images: np.ndarray, steps: int, indices: np.ndarray, draw: int
) -> np.ndarray:
    """``(T, N, C, H, W)`` int8: the pixel's sign where its magnitude is above its draw, else 0.

    Pixels may lie outside [0, 1]: what is below 0 never spikes, what is above 1 always does. A sample's
    draws are taken step by step, so a longer window begins with the shorter one.
    """
    magnitude, sign = _odds(encoding, images.astype(np.float64))
    spikes = np.empty((steps, *images.shape), dtype=np.int8)
    for sample, index in enumerate(indices):
        shape = spikes[:, sample].shape
        draws = uniform_draws(encoding.seed, int(index), draw, math.prod(shape)).reshape(shape)
        spikes[:, sample] = (draws < magnitude[sample]) * sign[sample]
    return spikes


def _odds(encoding: Encoding, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability and sign of a spike, each of the shape of pixels ``(N, C, H, W)`` float64."""
    if encoding.kind == "rate":
        return pixels, np.ones(pixels.shape, dtype=np.int8)
    assert encoding.mean_image is not None
    centred = pixels - encoding.mean_image.pixels.astype(np.float64)
    return np.abs(centred), np.sign(centred).astype(np.int8)


def input_range(encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest integer that any pixel in [0, 1] can become.

    Returns:
        two int64 arrays ``(C,)``, or ``(1,)`` where one range holds for every channel.

    Raises:
        SettingsError: an impossible encoding.
    """
    check_encoding(encoding)
    low, high = _range(encoding)
    return low.astype(np.int64), high.astype(np.int64)


def _range(encoding: Encoding) -> tuple[np.ndarray, np.ndarray]:
    if encoding.kind == "rate":
        return np.zeros(1), np.ones(1)
    if encoding.mean_image is not None and encoding.kind == "signed_rate":
        mean = encoding.mean_image.pixels
        return -np.ceil(mean.max((1, 2))), np.ceil(1 - mean.min((1, 2)))
    # Rounding is monotonic, so the ends of [0, 1] become the ends of the range.
    channels = max(1, len(encoding.mean))
    low, high = quantise(encoding, np.array([0.0, 1.0])[:, None, None, None].repeat(channels, axis=1))
    return low[:, 0, 0], high[:, 0, 0]


def check_encoding(encoding: Encoding) -> None:
    """Raises SettingsError for an encoding that can't be carried out exactly."""
    if encoding.kind not in get_args(EncodingKind):
        raise SettingsError(f"encoding is {encoding.kind!r}. Give one of {', '.join(get_args(EncodingKind))}")
    if encoding.kind == "signed_rate":
        mean = encoding.mean_image
        problem = "is missing" if mean is None else mean.problem()
        if problem:
            raise SettingsError(
                f"encoding is signed_rate, and its mean image {problem}. Give the mean training image"
            )
    if encoding.drawn:
        return
    if encoding.levels < 1:
        raise SettingsError(f"encoding has {encoding.levels} levels. Give an integer scale of at least 1")
    if len(encoding.mean) != len(encoding.std):
        raise SettingsError(
            f"encoding has {len(encoding.mean)} means and {len(encoding.std)} standard deviations. Give "
            "one of each per channel, or none"
        )
    if encoding.kind == "frames" and encoding.mean:
        raise SettingsError(
            "encoding frames has a mean, which would send an event where there was none. Give no mean and std"
        )
    if not np.isfinite([*encoding.mean, *encoding.std]).all() or min(encoding.std, default=1.0) <= 0:
        raise SettingsError(
            f"encoding has mean {encoding.mean} and std {encoding.std}. Give finite numbers, std above 0"
        )
    largest = max(float(np.abs(end).max()) for end in _range(encoding))
    if largest > INTEGER_MAX:
        raise SettingsError(
            f"encoding makes integers up to {largest:.0f}, and float32 holds them exactly up to "
            f"{INTEGER_MAX}. Give fewer levels, or a larger std"
        )


def check_request(encoding: Encoding, shape: Sequence[int], steps: int, indices: np.ndarray) -> None:
    """Raises for images, steps or indices that don't fit the encoding or each other."""
    check_encoding(encoding)
    if steps < 1:
        raise SettingsError(f"steps is {steps}. Give at least 1")
    _check_shape(encoding, tuple(shape), steps)
    if np.shape(indices) != (shape[0],):
        raise DataError(f"{np.shape(indices)} sample indices for {shape[0]} images. Give one index per image")
    if np.asarray(indices).dtype.kind not in "iu":
        raise DataError(f"sample indices are {np.asarray(indices).dtype}. Give integers")
    mean = encoding.mean_image
    if encoding.kind == "signed_rate" and mean is not None and mean.pixels.shape != tuple(shape[1:]):
        raise DataError(
            f"images have shape {tuple(shape[1:])} and the mean image {mean.pixels.shape}. Give images of "
            "the data set whose mean it is"
        )
    if not encoding.drawn and encoding.mean and len(encoding.mean) != shape[1]:
        raise DataError(
            f"images have {shape[1]} channels and the encoding {len(encoding.mean)}. Give the encoding "
            "one mean and std per channel"
        )


def _check_shape(encoding: Encoding, shape: tuple[int, ...], steps: int) -> None:
    if encoding.kind != "frames":
        if len(shape) != 4:
            raise DataError(
                f"images have shape {shape}. Give (N, C, H, W)"
                + (", or event data the encoding frames" if len(shape) == 5 else "")
            )
    elif len(shape) != 5:
        raise DataError(f"event frames have shape {shape}. Give (N, C, H, W, T), or images another encoding")
    elif shape[-1] != steps:
        raise DataError(
            f"samples have {shape[-1]} frames and the window {steps} steps. Give one frame per step: as many "
            "time bins as steps"
        )


def outside_range(low: float, high: float) -> str:
    """What an error says of pixels outside [0, 1]."""
    return f"pixels run from {low} to {high}. Give pixels from 0 to 1; clip what an attack has changed"
