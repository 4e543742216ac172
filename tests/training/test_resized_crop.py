"""Resized crops against stretches worked out by hand, torch's interpolation, and sizes counted in draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.training.resized_crop import Boxes, boxes_of, expected_resized, resized


def box(row: int, column: int, height: int, width: int) -> Boxes:
    return Boxes(*(np.array([end]) for end in (row, column, height, width)))


def test_the_whole_image_stays_as_it_is():
    images = np.random.default_rng(0).random((1, 2, 5, 7), dtype=np.float32)
    assert np.array_equal(resized(images, box(0, 0, 5, 7)), images)


def test_a_box_enlarged_by_hand():
    image = np.zeros((1, 1, 4, 4), np.float32)
    image[0, 0, 1:3, 2:4] = [[0, 4], [8, 12]]
    # two pixels at four places: -1/4 and 1/4 of a pixel from the first one, and so from the second
    assert resized(image, box(1, 2, 2, 2))[0, 0].tolist() == [
        [0, 1, 3, 4],
        [2, 3, 5, 6],
        [6, 7, 9, 10],
        [8, 9, 11, 12],
    ]
    assert (resized(image, box(2, 3, 1, 1)) == 12).all()


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_enlarging_is_torch_s_bilinear_interpolation(data):
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    tall, wide = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    row, column = data.draw(st.integers(0, height - tall)), data.draw(st.integers(0, width - wide))
    images = np.random.default_rng(0).random((1, 2, height, width))
    stretch = torch.from_numpy(images[:, :, row : row + tall, column : column + wide])
    theirs = torch.nn.functional.interpolate(
        stretch, size=(height, width), mode="bilinear", align_corners=False
    )
    assert np.allclose(resized(images, box(row, column, tall, wide)), theirs.numpy(), rtol=0, atol=1e-12)


def test_a_box_is_of_its_image_alone_and_keeps_to_the_shares_and_ratios():
    height, width, indices = 64, 48, np.arange(2000)
    boxes = boxes_of(5, indices, height, width)
    alone = boxes_of(5, indices[[1234]], height, width)
    assert (alone.rows, alone.widths) == (boxes.rows[1234], boxes.widths[1234])
    assert (boxes.rows >= 0).all() and (boxes.rows + boxes.heights <= height).all()
    assert (boxes.columns >= 0).all() and (boxes.columns + boxes.widths <= width).all()
    # a side is rounded by at most half a pixel
    assert ((boxes.heights + 0.5) * (boxes.widths + 0.5) >= 0.08 * height * width).all()
    assert ((boxes.widths - 0.5) / (boxes.heights + 0.5) <= 4 / 3).all()
    assert ((boxes.widths + 0.5) / (boxes.heights - 0.5) >= 3 / 4).all()
    assert (boxes_of(6, indices, height, width).rows != boxes.rows).any()


@pytest.mark.parametrize("height, width, expected", [(2, 60, (0, 28, 2, 3)), (60, 2, (28, 0, 3, 2))])
def test_an_image_that_no_try_fits_in_gives_its_middle(height, width, expected):
    # boxes of at least 8 % of 120 pixels, sides in 3:4 at most: at least 2.7 pixels, 2 are there
    boxes = boxes_of(0, np.arange(50), height, width)
    fields = (boxes.rows, boxes.columns, boxes.heights, boxes.widths)
    assert all((field == value).all() for field, value in zip(fields, expected, strict=True))
    image = np.random.default_rng(0).random((1, height, width))
    assert np.allclose(expected_resized(image), resized(image[None], box(*expected))[0])


def test_expectation_is_that_of_the_boxes_in_many_draws():
    image = np.random.default_rng(1).random((1, 7, 5))
    count = 20_000
    many = resized(np.repeat(image[None], count, axis=0), boxes_of(2, np.arange(count), 7, 5))
    # pixels in [0, 1] have a standard deviation of at most 0.5: 0.0035 of the mean
    assert np.abs(many.mean(0) - expected_resized(image)).max() < 6 * 0.0036
    assert np.allclose(expected_resized(np.ones((1, 7, 5))), 1)
