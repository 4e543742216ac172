"""Pixels, labels and layouts that can't be labelled images get one clear error each."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.data.checks import (
    BYTES_MAX,
    as_array,
    channels_first,
    check_labels,
    check_pixels,
    check_size,
)
from lavarobust.errors import DataError, SettingsError


@pytest.mark.parametrize(
    "shape, layout, expected",
    [
        ((2, 5, 6), None, (2, 1, 5, 6)),
        ((2, 3, 5, 6), None, (2, 3, 5, 6)),
        ((2, 5, 6, 3), None, (2, 3, 5, 6)),
        ((2, 28, 28, 1), None, (2, 1, 28, 28)),
        ((2, 3, 3, 3), "NCHW", (2, 3, 3, 3)),
        ((2, 4, 3, 5), "NHWC", (2, 5, 4, 3)),
    ],
)
def test_channels_come_first(shape, layout, expected):
    assert channels_first(np.zeros(shape), layout, "here").shape == expected


def test_channels_last_keep_their_pixels():
    images = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    assert channels_first(images, None, "here")[1, 2, 3, 4] == images[1, 3, 4, 2]


@pytest.mark.parametrize("shape", [(2, 3, 3, 3), (2, 3, 32, 3), (2, 1, 1, 1)])
def test_an_unclear_layout_is_refused(shape):
    with pytest.raises(DataError, match="layout='NCHW'"):
        channels_first(np.zeros(shape), None, "here")


def test_other_shapes_and_layouts_are_refused():
    with pytest.raises(DataError, match=r"here: images have shape \(2, 784\)"):
        channels_first(np.zeros((2, 784)), None, "here")
    with pytest.raises(SettingsError, match="NCHW, NHWC"):
        channels_first(np.zeros((2, 1, 3, 3)), "CNHW", "here")


@pytest.mark.parametrize(
    "pixels, message",
    [
        (np.zeros((0, 1, 2, 2)), "holds no image"),
        (np.full((1, 1, 2, 2), np.nan), "NaN or infinite"),
        (np.full((1, 1, 2, 2), np.inf), "NaN or infinite"),
        (np.full((1, 1, 2, 2), -0.1), "divide by 255"),
        (np.full((1, 1, 2, 2), 255.0), "divide by 255"),
        (np.zeros((1, 1, 2, 2), np.int64), "pixels are int64"),
    ],
)
def test_wrong_pixels_are_refused(pixels, message):
    with pytest.raises(DataError, match=f"^here: .*{message}"):
        check_pixels(pixels, "here")


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.array([0, 1, 3]), "label 3 of sample 2 is not a class number from 0 to 2"),
        (np.array([0, -1, 2]), "label -1 of sample 1"),
        (np.array([0, 1, 2**64 - 1], np.uint64), "label 18446744073709551615"),
        (np.array([0.0, 1, 2]), "labels are float64"),
        (np.array([0, 1]), "2 labels for 3 images"),
        (np.eye(3, dtype=int), "argmax"),
    ],
)
def test_wrong_labels_are_refused(labels, message):
    with pytest.raises(DataError, match=f"^here: .*{message}"):
        check_labels(labels, 3, 3, "here")


def test_labels_that_are_no_class_numbers_are_refused():
    with pytest.raises(DataError, match="label 123456"):
        check_labels(np.array([0, 123456]), 2, None, "here")


def test_right_labels_become_int64():
    assert check_labels(np.array([0, 2], np.uint8), 2, 3, "here").dtype == np.int64


@pytest.mark.parametrize("values", [[[1, 2], [3]], ["a"], [object()]])
def test_what_is_no_array_of_numbers_is_refused(values):
    with pytest.raises(DataError, match=r"^here"):
        as_array(values, "here")


def test_absurd_sizes_are_refused():
    check_size(BYTES_MAX, "here")
    with pytest.raises(DataError, match="here: claims"):
        check_size(BYTES_MAX + 1, "here")
