"""The binary versions of CIFAR-10 and CIFAR-100 (cs.toronto.edu/~kriz/cifar.html, "Binary version")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lavarobust.data.checks import check_labels, reading
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

IMAGE_SHAPE = (3, 32, 32)
PIXEL_BYTES = 3 * 32 * 32

_PICKLE = b"\x80"
"""A binary pickle's first byte, its protocol marker; a batch's is a label below 100."""


@dataclass(frozen=True)
class Version:
    """The files of one of the two data sets.

    Attributes:
        title: of the data set.
        archive: that holds the files.
        train_files, test_files: of records, each some label bytes and an image.
        names_file: one class name a line.
        class_names: where there is no such file.
        label_bytes: of a record; the last one is the class.
        records_max: of one file.
        pickled: files of the Python version.
    """

    title: str
    archive: str
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    names_file: str
    class_names: tuple[str, ...]
    label_bytes: int
    records_max: int
    pickled: tuple[str, ...]

    @property
    def record_bytes(self) -> int:
        """Of one label and image."""
        return self.label_bytes + PIXEL_BYTES

    @property
    def files(self) -> tuple[str, ...]:
        """All that are read."""
        return (*self.train_files, *self.test_files, self.names_file)

    @property
    def remedy(self) -> str:
        """Where its files come from."""
        return f"Get the binary version, {self.archive}, and unpack its .bin files"

    @property
    def no_pickle(self) -> str:
        """Why the Python version is refused."""
        return f"pickled CIFAR batches are never loaded, because a pickle can run code. {self.remedy}"


CIFAR10 = Version(
    title="CIFAR-10",
    archive="cifar-10-binary.tar.gz",
    train_files=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    test_files=("test_batch.bin",),
    names_file="batches.meta.txt",
    class_names=(
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
    label_bytes=1,
    records_max=10_000,
    pickled=("data_batch_1", "test_batch", "batches.meta"),
)  # fmt: skip
CIFAR100 = Version(
    title="CIFAR-100",
    archive="cifar-100-binary.tar.gz",
    train_files=("train.bin",),
    test_files=("test.bin",),
    names_file="fine_label_names.txt",
    class_names=tuple(str(number) for number in range(100)),
    label_bytes=2,
    records_max=50_000,
    pickled=("train", "test", "meta"),
)
"""A record's first byte is one of 20 coarse classes, its second the class."""


def has_cifar(folder: Path, version: Version) -> bool:
    """Whether a folder holds the first of the binary files."""
    return (folder / version.train_files[0]).is_file()


def refuse_pickles(folder: Path, version: Version) -> None:
    """Raises DataError where the folder holds the Python version of CIFAR."""
    for path in (folder / name for name in version.pickled):
        if path.is_file() and _begins_as_pickle(path, version):
            raise DataError(f"{path}: {version.no_pickle} into {folder}")


def _begins_as_pickle(path: Path, version: Version) -> bool:
    with reading(path, version.remedy), open(path, "rb") as stream:
        return stream.read(1) == _PICKLE


def cifar_sources(folder: Path, version: Version) -> tuple[Source, Source, tuple[str, ...]]:
    """Training and test part of the binary files in one folder, and the class names.

    Raises:
        DataError: a file is missing, damaged or pickled.
    """
    train, test = (_part(folder, names, version) for names in (version.train_files, version.test_files))
    return train, test, _class_names(folder / version.names_file, version)


def _class_names(path: Path, version: Version) -> tuple[str, ...]:
    if not path.exists():
        return version.class_names
    with reading(path, version.remedy):
        names = tuple(path.read_text(encoding="utf-8").split())
    if len(names) != len(version.class_names):
        raise DataError(
            f"{path}: names {len(names)} classes, not {len(version.class_names)}. {version.remedy}"
        )
    return names


def _part(folder: Path, names: tuple[str, ...], version: Version) -> Source:
    records = np.concatenate([_records(folder / name, version) for name in names])
    pixels = records[:, version.label_bytes :].reshape(-1, *IMAGE_SHAPE)
    return Source(records[:, version.label_bytes - 1].astype(np.int64), lambda indices: pixels[indices])


def _records(path: Path, version: Version) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"{path}: is missing. {version.remedy} into {path.parent}")
    largest = version.records_max * version.record_bytes
    with reading(path, version.remedy), open(path, "rb") as stream:
        content = stream.read(largest + 1)
    if content[:1] == _PICKLE:
        raise DataError(f"{path}: {version.no_pickle} into {path.parent}")
    if not content or len(content) % version.record_bytes or len(content) > largest:
        raise DataError(
            f"{path}: {path.stat().st_size} bytes are not 1 to {version.records_max:,} records of "
            f"{version.record_bytes} bytes. {version.remedy} again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, version.record_bytes)
    check_labels(records[:, version.label_bytes - 1], records.shape[0], len(version.class_names), path)
    return records
