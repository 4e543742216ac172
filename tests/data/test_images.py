"""Selections keep images, labels and indices together."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.data import Images
from lavarobust.errors import SettingsError

IMAGES = Images(
    np.arange(8, dtype=np.float32).reshape(4, 1, 1, 2) / 8, np.array([0, 1, 0, 1]), np.array([5, 7, 9, 11])
)


def test_take_keeps_the_first():
    taken = IMAGES.take(2)
    assert taken.indices.tolist() == [5, 7]
    assert taken.labels.tolist() == [0, 1]
    assert taken.images.tolist() == IMAGES.images[:2].tolist()
    assert IMAGES.take(100).samples == 4
    assert IMAGES.shape == (1, 1, 2)


def test_shards_share_no_image_and_leave_none_out():
    parts = [IMAGES.shard(i, 3) for i in range(3)]
    assert [part.indices.tolist() for part in parts] == [[5, 11], [7], [9]]
    assert parts[0].images.tolist() == IMAGES.images[[0, 3]].tolist()
    assert parts[0].labels.tolist() == [0, 1]
    for i, n in ((3, 3), (-1, 2), (0, 0)):
        with pytest.raises(SettingsError, match=f"no shard {i} of {n}"):
            IMAGES.shard(i, n)


def test_select_keeps_the_masked():
    chosen = IMAGES.select(IMAGES.labels == 1)
    assert chosen.indices.tolist() == [7, 11]
    assert chosen.images[:, 0, 0, 0].tolist() == [0.25, 0.75]


@pytest.mark.parametrize("mask", [np.array([1, 0, 1, 0]), np.array([True]), np.array([0, 2])])
def test_only_a_mask_selects(mask):
    with pytest.raises(SettingsError, match="one bool for each of the 4 images"):
        IMAGES.select(mask)


def test_a_negative_number_is_refused():
    with pytest.raises(SettingsError, match="-1"):
        IMAGES.take(-1)
