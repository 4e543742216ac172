"""CIFAR-10's binary version (cs.toronto.edu/~kriz/cifar.html, "Binary version")."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lavarobust.data.checks import check_labels, reading
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
NAMES_FILE = "batches.meta.txt"
IMAGE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32
BATCH_BYTES_MAX = 10_000 * RECORD_BYTES

_BINARY = "Get the binary version, cifar-10-binary.tar.gz, and unpack its .bin files"
_PICKLED = f"pickled CIFAR batches are never loaded, because a pickle can run code. {_BINARY}"


def has_cifar(folder: Path) -> bool:
    """Whether a folder holds the first of the binary batches."""
    return (folder / TRAIN_FILES[0]).is_file()


def refuse_pickles(folder: Path) -> None:
    """Raises DataError where the folder holds the Python version of CIFAR."""
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        if (folder / name).is_file():
            raise DataError(f"{folder / name}: {_PICKLED} into {folder}")


def cifar_sources(folder: Path) -> tuple[Source, Source, tuple[str, ...]]:
    """Training and test part of the binary batches in one folder, and the class names.

    Raises:
        DataError: a batch is missing, damaged or pickled.
    """
    return _part(folder, TRAIN_FILES), _part(folder, TEST_FILES), _class_names(folder / NAMES_FILE)


def _class_names(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return CLASS_NAMES
    with reading(path, _BINARY):
        names = tuple(path.read_text(encoding="utf-8").split())
    if len(names) != len(CLASS_NAMES):
        raise DataError(f"{path}: names {len(names)} classes, not {len(CLASS_NAMES)}. {_BINARY}")
    return names


def _part(folder: Path, names: tuple[str, ...]) -> Source:
    records = np.concatenate([_records(folder / name) for name in names])
    pixels = records[:, 1:].reshape(-1, *IMAGE_SHAPE)
    return Source(records[:, 0].astype(np.int64), lambda indices: pixels[indices])


def _records(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"{path}: is missing. {_BINARY} into {path.parent}")
    with reading(path, _BINARY), open(path, "rb") as stream:
        content = stream.read(BATCH_BYTES_MAX + 1)
    # A binary batch starts with a label below 10, a binary pickle with its protocol marker.
    if content[:1] == b"\x80":
        raise DataError(f"{path}: {_PICKLED} into {path.parent}")
    if not content or len(content) % RECORD_BYTES or len(content) > BATCH_BYTES_MAX:
        raise DataError(
            f"{path}: {path.stat().st_size} bytes are not 1 to 10,000 records of {RECORD_BYTES} bytes. "
            f"{_BINARY} again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    check_labels(records[:, 0], records.shape[0], len(CLASS_NAMES), path)
    return records
