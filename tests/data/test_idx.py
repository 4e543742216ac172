"""MNIST's files, whole and damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from lavarobust.data import load
from lavarobust.data.idx import PARTS, read_idx
from lavarobust.errors import DataError


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """20 training and 10 test images, the training files gzipped."""
    generator = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 10)):
        images = generator.integers(0, 256, (count, 28, 28), np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in zip(PARTS[part], (images, labels), strict=True):
            content = idx_bytes(array)
            if part == "train":
                (tmp_path / (name + ".gz")).write_bytes(gzip.compress(content))
            else:
                (tmp_path / name).write_bytes(content)
    return tmp_path


def test_mnist_is_read_raw_and_gzipped(folder):
    data = load("mnist", root=folder, validation=0.5)
    assert data.name == "MNIST"
    assert [part.samples for part in (data.train, data.validation, data.test)] == [10, 10, 10]
    expected = read_idx(folder / PARTS["test"][0], 3).astype(np.float32) / np.float32(255)
    assert (data.test.images[:, 0] == expected).all()
    assert data.test.labels.tolist() == list(range(10))
    training = read_idx(folder / (PARTS["train"][0] + ".gz"), 3)
    assert (np.rint(data.train.images[:, 0] * 255) == training[data.train.indices]).all()


def test_mnist_is_found_below_the_root_in_the_environment_or_by_path(folder, monkeypatch):
    below = folder / "mnist"
    below.mkdir()
    for path in [path for path in folder.iterdir() if path.is_file()]:
        path.rename(below / path.name)
    monkeypatch.setenv("LAVAROBUST_DATA", str(folder))
    assert load("mnist").test.samples == 10
    assert load(below).name == "MNIST"


def test_header_is_big_endian(tmp_path):
    path = tmp_path / "two"
    path.write_bytes(bytes.fromhex("00000802 00000002 00000003 010203 040506"))
    assert read_idx(path, 2).tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "starts with nothing"),
        (b"hello, this is text", "not an idx file"),
        (bytes.fromhex("00000802 00000002"), "not an idx file"),
        (bytes.fromhex("00000D02 00000001 00000001 01"), "not an idx file"),
        (bytes.fromhex("00000802 00000002 00000003 0102"), "has 2 bytes where"),
        (bytes.fromhex("00000802 00000001 00000001 0102"), "has more bytes"),
        (bytes.fromhex("00000802 FFFFFFFF FFFFFFFF"), "claims"),
        (gzip.compress(bytes(100), mtime=0)[:-12], "can't be read"),
        (b"\x1f\x8b" + bytes(30), "can't be read"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"damaged: .*{message}"):
        read_idx(path, 2)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes.fromhex("00000802 00000001 00000001") + bytes(50_000_000)))
    with pytest.raises(DataError, match="more bytes where its header"):
        read_idx(path, 2)


def test_a_missing_file_is_named(folder):
    (folder / PARTS["test"][1]).unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte is missing\. Put MNIST's"):
        load("mnist", root=folder)


def test_labels_and_images_must_agree(folder):
    (folder / PARTS["test"][1]).write_bytes(idx_bytes(np.zeros(9, np.uint8)))
    with pytest.raises(DataError, match="9 labels for 10 images"):
        load("mnist", root=folder)
    (folder / PARTS["test"][1]).write_bytes(idx_bytes(np.full(10, 10, np.uint8)))
    with pytest.raises(DataError, match="label 10 of sample 0"):
        load("mnist", root=folder)


@pytest.mark.parametrize("shape, message", [((10, 8, 8), r"not \(28, 28\)"), ((0, 28, 28), "holds no image")])
def test_other_images_are_refused(folder, shape, message):
    (folder / PARTS["test"][0]).write_bytes(idx_bytes(np.zeros(shape, np.uint8)))
    with pytest.raises(DataError, match=message):
        load("mnist", root=folder)
