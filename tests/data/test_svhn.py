"""SVHN's MATLAB files, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from lavarobust.data import load
from lavarobust.errors import DataError

CLASSES = np.array([1, 10, 9, 2], np.uint8)


def images(count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3, count), np.uint8)


def write(path: Path, **changes: np.ndarray) -> None:
    savemat(path, {"X": images(), "y": CLASSES[:, None]} | changes, do_compression=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "svhn").mkdir()
    for part in ("train", "test"):
        write(tmp_path / "svhn" / f"{part}_32x32.mat")
    return tmp_path


def test_class_ten_is_the_digit_zero(folder):
    data = load("svhn", root=folder, validation=0)
    assert data.name == "SVHN" and data.class_names == tuple("0123456789")
    assert data.train.labels.tolist() == [1, 0, 9, 2]
    expected = images().astype(np.float32) / np.float32(255)
    # sample 2, channel 1, row 5, column 9
    assert data.train.images[2, 1, 5, 9] == expected[5, 9, 1, 2]
    assert data.test.images.shape == (4, 3, 32, 32)
    assert load(folder / "svhn").name == "SVHN"


def test_a_missing_file_is_named(folder):
    (folder / "svhn" / "test_32x32.mat").unlink()
    with pytest.raises(DataError, match=r"test_32x32\.mat: is missing\. Get SVHN's own"):
        load("svhn", root=folder)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"X": np.zeros((28, 28, 3, 4), np.uint8)}, r"X is uint8 \(28, 28, 3, 4\), not uint8"),
        ({"X": images().astype(np.float64)}, "X is double"),
        ({"X": np.array("text")}, "X is char"),
        ({"y": np.ones((3, 1))}, "y is not one label for each of the 4 images"),
        ({"y": np.array([[1], [0], [1], [1]])}, "sample 1 is of class 0"),
        ({"y": np.array([[1], [11], [1], [1]])}, "label 11 of sample 1"),
        ({"y": np.array([["a", "b", "c", "d"]], object)}, "X or y is not what|label|can't be read"),
    ],
)
def test_wrong_arrays_are_refused(folder, changes, message):
    write(folder / "svhn" / "train_32x32.mat", **changes)
    with pytest.raises(DataError, match=rf"train_32x32\.mat: .*({message})"):
        load("svhn", root=folder)


@pytest.mark.parametrize("content", [b"", b"no MATLAB", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_files_of_other_kinds_are_refused(folder, content):
    (folder / "svhn" / "train_32x32.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"train_32x32\.mat: can't be read as a MATLAB file"):
        load("svhn", root=folder)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans())
def test_any_damage_is_one_error_or_none(folder, place, value, cut):
    path = folder / "svhn" / "test_32x32.mat"
    write(path)
    content = bytearray(path.read_bytes())
    place %= len(content)
    content[place] = value
    path.write_bytes(content[:place] if cut else content)
    try:
        assert load("svhn", root=folder).test.images.shape[1:] == (3, 32, 32)
    except DataError as error:
        assert "test_32x32.mat" in str(error)
