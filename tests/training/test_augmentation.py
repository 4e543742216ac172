"""Crop, flip and cutout against images worked out by hand, and their expectation against draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lavarobust.errors import SettingsError
from lavarobust.training.augmentation import (
    Augmentation,
    augmented,
    cropped,
    cut_out,
    draws_of,
    expected_image,
    flipped,
)

SQUARE = np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)
"""1 2 3 / 4 5 6 / 7 8 9."""


def window(row: int, column: int, padding: str, border: int = 1) -> list[list[float]]:
    return cropped(SQUARE, np.array([row]), np.array([column]), border, padding)[0, 0].tolist()


def test_a_window_of_the_mirrored_image():
    assert window(1, 1, "reflect") == SQUARE[0, 0].tolist()
    # one further up and left: the border mirrors the second row and column, not the first
    assert window(0, 0, "reflect") == [[5, 4, 5], [2, 1, 2], [5, 4, 5]]
    assert window(2, 1, "reflect") == [[4, 5, 6], [7, 8, 9], [4, 5, 6]]


def test_a_window_of_the_image_among_zeros():
    assert window(0, 0, "zero") == [[0, 0, 0], [0, 1, 2], [0, 4, 5]]
    assert window(4, 2, "zero", border=2) == [[7, 8, 9], [0, 0, 0], [0, 0, 0]]


def test_chosen_images_are_mirrored():
    both = np.concatenate([SQUARE, SQUARE])
    mirrored = flipped(both, np.array([False, True]))[:, 0]
    assert mirrored[0].tolist() == SQUARE[0, 0].tolist()
    assert mirrored[1].tolist() == [[3, 2, 1], [6, 5, 4], [9, 8, 7]]


@pytest.mark.parametrize(
    "row, column, side, expected",
    [
        (1, 1, 1, [[1, 2, 3], [4, 0, 6], [7, 8, 9]]),
        (1, 1, 2, [[0, 0, 3], [0, 0, 6], [7, 8, 9]]),
        (0, 2, 3, [[1, 0, 0], [4, 0, 0], [7, 8, 9]]),
        (0, 0, 2, [[0, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (2, 0, 5, [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ],
)
def test_a_square_is_painted_over(row, column, side, expected):
    assert cut_out(SQUARE, np.array([row]), np.array([column]), side, ())[0, 0].tolist() == expected


def test_the_square_is_filled_per_channel():
    images = np.ones((1, 2, 2, 2), np.float32)
    painted = cut_out(images, np.array([1]), np.array([0]), 1, (0.25, 0.5))
    assert painted[0].tolist() == [[[1, 1], [0.25, 1]], [[1, 1], [0.5, 1]]]


@settings(max_examples=50, deadline=None)
@given(
    resized_crop=st.booleans(),
    crop=st.integers(0, 2),
    padding=st.sampled_from(["reflect", "zero"]),
    flip=st.booleans(),
    cutout=st.integers(0, 3),
    steps=st.integers(0, 2),
    kept=st.lists(st.integers(0, 5), min_size=1, unique=True),
)
def test_an_image_s_changes_do_not_depend_on_its_batch_and_are_those_of_every_frame(
    resized_crop, crop, padding, flip, cutout, steps, kept
):
    augmentation = Augmentation(
        resized_crop=resized_crop, crop=crop, padding=padding, flip=flip, cutout=cutout, fill=(0.5, 0.25)
    )
    images = np.random.default_rng(0).random((6, 2, 4, 5), dtype=np.float32)
    indices = np.array([7, 0, 3, 1000, 5, 4])
    whole = augmented(images, augmentation, 11, indices)
    assert whole.dtype == np.float32 and whole.shape == images.shape
    assert np.array_equal(augmented(images[kept], augmentation, 11, indices[kept]), whole[kept])
    frames = np.repeat(images[..., None], steps, axis=-1)
    assert np.array_equal(
        augmented(frames, augmentation, 11, indices), np.repeat(whole[..., None], steps, axis=-1)
    )


def test_nothing_is_changed_by_default_nor_the_images_of_the_caller():
    images = np.random.default_rng(0).random((3, 1, 4, 4), dtype=np.float32)
    before = images.copy()
    assert np.array_equal(augmented(images, Augmentation(), 0, np.arange(3)), images)
    changed = augmented(images, Augmentation(crop=1, flip=True, cutout=1), 0, np.arange(3))
    assert np.array_equal(images, before) and not np.array_equal(changed, images)


def test_one_change_leaves_the_others_where_they_are():
    images = np.random.default_rng(0).random((20, 1, 6, 6), dtype=np.float32)
    indices = np.arange(20)
    mirrored = flipped(images, draws_of(3, indices).flip < 0.5)
    assert np.array_equal(augmented(images, Augmentation(flip=True), 3, indices), mirrored)
    both = augmented(images, Augmentation(flip=True, cutout=2), 3, indices)
    assert np.array_equal(both[both != 0], mirrored[both != 0])


def test_every_place_of_the_window_comes_as_often():
    draws = draws_of(5, np.arange(9000))
    # 9,000 draws over 3 places: 3,000 each, standard deviation 45
    for draw in (draws.row, draws.column):
        assert np.abs(np.bincount((draw * 3).astype(int), minlength=3) - 3000).max() < 5 * 45
    assert abs((draws.flip < 0.5).sum() - 4500) < 5 * 48


def test_expectation_by_hand():
    image = np.array([[[1.0, 0.0]]])
    assert expected_image(image, Augmentation(flip=True)).tolist() == [[[0.5, 0.5]]]
    # of a row of two, a square of side 1 covers each with probability 1/2
    assert expected_image(image, Augmentation(cutout=1)).tolist() == [[[0.5, 0.0]]]
    # side 2 around place 0 covers 0, around place 1 both
    assert expected_image(image, Augmentation(cutout=2, fill=(0.5,))).tolist() == [[[0.5, 0.25]]]
    # windows of 0 1 2 0 1 2 0 ... : a 2 x 2 image in zeros is seen in 4 of 9 windows at each place
    corner = np.array([[[9.0, 0.0], [0.0, 0.0]]])
    assert expected_image(corner, Augmentation(crop=1, padding="zero")).tolist() == [[[1, 1], [1, 1]]]


@pytest.mark.parametrize("resized_crop", [False, True])
def test_expectation_is_the_mean_of_many_draws(resized_crop):
    image = np.random.default_rng(1).random((2, 5, 6)).astype(np.float32)
    augmentation = Augmentation(resized_crop=resized_crop, crop=2, flip=True, cutout=3, fill=(0.25, 0.75))
    images = np.repeat(image[None], 20_000, axis=0)
    mean = augmented(images, augmentation, 9, np.arange(20_000)).mean(0, np.float64)
    # pixels in [0, 1] have a standard deviation of at most 0.5: 0.0035 of the mean
    assert np.abs(mean - expected_image(image, augmentation)).max() < 6 * 0.0036


def test_what_does_not_fit_is_refused():
    images = np.zeros((1, 3, 4, 5), np.float32)
    with pytest.raises(SettingsError, match=r"augmentation\.crop is 4, and images are 4 x 5"):
        augmented(images, Augmentation(crop=4), 0, np.zeros(1, int))
    with pytest.raises(SettingsError, match=r"fill has 2 values, and images 3 channels"):
        augmented(images, Augmentation(cutout=2, fill=(0.1, 0.2)), 0, np.zeros(1, int))
    for wrong in ({"crop": -1}, {"fill": (2.0,)}, {"padding": "edge"}, {"rotate": 3}):
        with pytest.raises(ValidationError):
            Augmentation(**wrong)


def test_a_resized_crop_leaves_the_other_changes_where_they_are():
    images = np.random.default_rng(0).random((20, 1, 6, 6), dtype=np.float32)
    indices = np.arange(20)
    enlarged = augmented(images, Augmentation(resized_crop=True), 3, indices)
    mirrored = flipped(enlarged, draws_of(3, indices).flip < 0.5)
    assert np.array_equal(augmented(images, Augmentation(resized_crop=True, flip=True), 3, indices), mirrored)
    assert not np.array_equal(enlarged, images)
