"""Splits are stratified, disjoint, reproducible, and limits move no sample between parts."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.data.splits import Source, assemble, permutation, stratified
from lavarobust.errors import DataError, SettingsError


def source(labels: np.ndarray, offset: int = 0) -> Source:
    """Samples whose single uint8 pixel is their index."""
    return Source(labels, lambda indices: (indices + offset).astype(np.uint8)[:, None, None, None])


LABELS = np.arange(100) % 5


def test_permutation_never_changes():
    assert permutation(8, 0, "test").tolist() == [2, 0, 6, 7, 4, 1, 5, 3]
    assert sorted(permutation(50, 3, "test").tolist()) == list(range(50))


def test_purposes_and_seeds_draw_apart():
    base = permutation(50, 0, "test").tolist()
    assert permutation(50, 0, "validation").tolist() != base
    assert permutation(50, 1, "test").tolist() != base


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    share=st.floats(0, 1),
    seed=st.integers(0, 100),
)
def test_stratified_has_the_share_of_every_class(labels, share, seed):
    array = np.array(labels)
    chosen = stratified(array, share, seed, "test")
    total = round(share * array.size)
    assert chosen.sum() == total
    for label in np.unique(array):
        exact = (array == label).sum() * total / array.size
        assert abs(chosen[array == label].sum() - exact) < 1


def test_parts_share_no_sample_and_leave_none_out():
    data = assemble("five", tuple("abcde"), source(LABELS), validation=0.2, test=0.3)
    parts = [data.train, data.validation, data.test]
    assert [part.samples for part in parts] == [56, 14, 30]
    assert sorted(np.concatenate([part.indices for part in parts]).tolist()) == list(range(100))
    for part in parts:
        assert (np.diff(part.indices) > 0).all()
        assert (part.labels == LABELS[part.indices]).all()
        assert (part.images.ravel() == part.indices.astype(np.float32) / np.float32(255)).all()
        assert part.images.dtype == np.float32


def test_validation_comes_out_of_train_and_the_test_part_stays():
    test = source(np.array([1, 0, 2]), offset=200)
    data = assemble("five", tuple("abcde"), source(LABELS), test, validation=0.1)
    assert data.test.indices.tolist() == [0, 1, 2]
    assert data.test.images.ravel().tolist() == [
        np.float32(value) / np.float32(255) for value in (200, 201, 202)
    ]
    assert sorted([*data.train.indices, *data.validation.indices]) == list(range(100))
    assert np.bincount(data.validation.labels).tolist() == [2] * 5


def test_the_same_seed_is_the_same_split_and_another_is_another():
    first, again, other = (assemble("five", tuple("abcde"), source(LABELS), seed=seed) for seed in (3, 3, 4))
    assert first.split == again.split
    assert first.test.indices.tolist() == again.test.indices.tolist()
    assert first.test.indices.tolist() != other.test.indices.tolist()


def test_limits_are_nested_and_cross_no_border():
    full, fifty, ten = (
        assemble("five", tuple("abcde"), source(LABELS), validation=0.5, limit=limit)
        for limit in (None, 20, 10)
    )
    for part in ("train", "validation", "test"):
        everything, more, fewer = (set(getattr(data, part).indices) for data in (full, fifty, ten))
        assert fewer < more < everything
        assert (len(fewer), len(more)) == (10, 20)


def test_only_the_chosen_samples_are_read():
    asked: list[int] = []

    def pixels(indices: np.ndarray) -> np.ndarray:
        asked.extend(indices.tolist())
        return np.zeros((indices.size, 1, 1, 1), np.uint8)

    assemble("five", tuple("abcde"), Source(LABELS, pixels), limit=2)
    assert len(asked) == 6


def test_the_split_is_plain_data_with_hashes():
    data = assemble("five", tuple("abcde"), source(LABELS), seed=np.int64(2), limit=40)
    assert json.loads(json.dumps(data.split)) == data.split
    assert data.split["seed"] == 2
    for part in ("train", "validation", "test"):
        indices = getattr(data, part).indices
        assert data.split[part]["samples"] == indices.size
        assert data.split[part]["indices_sha256"] == hashlib.sha256(indices.astype("<i8")).hexdigest()


def test_no_validation_is_allowed():
    assert assemble("five", tuple("abcde"), source(LABELS), validation=0).validation.images.shape == (
        0,
        1,
        1,
        1,
    )


@pytest.mark.parametrize(
    "setting",
    [
        {"validation": 1.0},
        {"validation": -0.1},
        {"validation": np.nan},
        {"test": 0.0},
        {"seed": -1},
        {"seed": 0.5},
        {"limit": 0},
        {"limit": 2.5},
    ],
)
def test_impossible_settings_are_refused(setting):
    with pytest.raises(SettingsError, match=next(iter(setting))):
        assemble("five", tuple("abcde"), source(LABELS), **setting)


def test_too_few_samples_are_refused():
    with pytest.raises(DataError, match="no sample is left for test out of 1"):
        assemble("one", ("a",), source(np.array([0])))
