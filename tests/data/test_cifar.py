"""CIFAR-10's and CIFAR-100's binary batches, whole, damaged and pickled."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from lavarobust.data import load
from lavarobust.data.cifar import CIFAR10, CIFAR100, Version
from lavarobust.errors import DataError

RECORD_BYTES = 3073


def write(folder: Path, version: Version) -> None:
    """Four records per batch; byte k of record i of file f is (f + i + k) mod 256, the label i."""
    folder.mkdir()
    for number, name in enumerate((*version.train_files, *version.test_files)):
        records = (np.arange(version.record_bytes) + np.arange(4)[:, None] + number).astype(np.uint8)
        records[:, version.label_bytes - 1] = np.arange(4)
        (folder / name).write_bytes(records.tobytes())
    (folder / version.names_file).write_text("\n".join(version.class_names) + "\n\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "cifar-10-batches-bin", CIFAR10)
    return tmp_path


def test_batches_are_read(folder):
    data = load("cifar10", root=folder, validation=0.2)
    assert data.name == "CIFAR-10"
    assert data.class_names == CIFAR10.class_names
    assert [part.samples for part in (data.train, data.validation, data.test)] == [16, 4, 4]
    assert data.test.labels.tolist() == [0, 1, 2, 3]
    # Record 2 of the test batch (file 5): byte 1 + channel * 1024 + row * 32 + column.
    value = (5 + 2 + 1 + 1 * 1024 + 3 * 32 + 7) % 256
    assert data.test.images[2, 1, 3, 7] == np.float32(value) / np.float32(255)
    assert load(folder / "cifar-10-batches-bin").name == "CIFAR-10"


def test_all_five_batches_are_in_order(folder):
    data = load("cifar10", root=folder, validation=0)
    # Byte 1 of record i of batch f is f + i + 1.
    first_bytes = np.rint(data.train.images[:, 0, 0, 0] * 255).astype(int)
    assert first_bytes.tolist() == [file + record + 1 for file in range(5) for record in range(4)]


def test_a_missing_batch_is_named(folder):
    (folder / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match=r"data_batch_3\.bin: is missing\. Get the binary version"):
        load("cifar10", root=folder)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "0 bytes are not 1 to 10,000 records"),
        (bytes(RECORD_BYTES - 1), "3072 bytes"),
        (bytes(RECORD_BYTES + 1), "3074 bytes"),
        (bytes([10]) + bytes(RECORD_BYTES - 1), "label 10 of sample 0"),
        (pickle.dumps({"data": 1}), "pickled CIFAR batches are never loaded"),
    ],
)
def test_damaged_batches_are_refused(folder, content, message):
    (folder / "cifar-10-batches-bin" / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(DataError, match=f"data_batch_2.bin: .*{message}.*Get the binary|{message}"):
        load("cifar10", root=folder)


@pytest.mark.parametrize("below", [".", "cifar10", "cifar-10-batches-py"])
def test_pickled_batches_are_refused_with_advice(tmp_path, below):
    folder = tmp_path / below
    folder.mkdir(exist_ok=True)
    (folder / "data_batch_1").write_bytes(pickle.dumps({"data": 1}))
    with pytest.raises(DataError, match=r"never loaded.*Get the binary version, cifar-10-binary\.tar\.gz"):
        load("cifar10", root=tmp_path)
    for path in (folder, folder / "data_batch_1"):
        with pytest.raises(DataError, match="never loaded"):
            load(path)


@pytest.mark.parametrize("content", [b"one\ntwo\n", b"\xff\xfe"])
def test_damaged_class_names_are_refused(folder, content):
    (folder / "cifar-10-batches-bin" / "batches.meta.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"batches\.meta\.txt"):
        load("cifar10", root=folder)


def test_cifar_100_has_a_coarse_label_before_its_label(tmp_path):
    write(tmp_path / "cifar-100-binary", CIFAR100)
    data = load("cifar100", root=tmp_path, validation=0)
    assert data.name == "CIFAR-100" and len(data.class_names) == 100
    assert data.train.labels.tolist() == data.test.labels.tolist() == [0, 1, 2, 3]
    # Record 2 of the test file (file 1): two label bytes, then channel * 1024 + row * 32 + column.
    value = (1 + 2 + 2 + 2 * 1024 + 31 * 32 + 5) % 256
    assert data.test.images[2, 2, 31, 5] == np.float32(value) / np.float32(255)
    assert load(tmp_path / "cifar-100-binary").name == "CIFAR-100"


def test_cifar_100_records_of_the_other_length_are_refused(tmp_path):
    write(tmp_path / "cifar100", CIFAR100)
    (tmp_path / "cifar100" / "test.bin").write_bytes(bytes(RECORD_BYTES))
    with pytest.raises(DataError, match=r"test\.bin: 3073 bytes are not 1 to 50,000 records of 3074 bytes"):
        load("cifar100", root=tmp_path)


def test_pickled_cifar_100_is_refused_and_other_files_of_its_names_are_not(tmp_path):
    (tmp_path / "meta").write_text("notes")
    with pytest.raises(DataError, match=r"cifar100: not found in .*cifar-100-binary\.tar\.gz"):
        load("cifar100", root=tmp_path)
    (tmp_path / "meta").write_bytes(pickle.dumps({"fine_label_names": []}))
    with pytest.raises(DataError, match=r"meta: pickled CIFAR batches are never loaded"):
        load("cifar100", root=tmp_path)
