"""MNIST's idx files, raw or gzipped (yann.lecun.com/exdb/mnist, "FILE FORMATS")."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np

from lavarobust.data.checks import check_labels, check_pixels, check_size, reading
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

CLASS_NAMES = tuple(str(digit) for digit in range(10))
IMAGE_SHAPE = (28, 28)
PARTS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

_UNSIGNED_BYTE = 8
_GZIP_MAGIC = b"\x1f\x8b"
_REMEDY = "Get the file again; it is damaged or cut off"


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The uint8 array of an idx file with so many axes; raises DataError where it is anything else."""
    with reading(path, _REMEDY):
        with open(path, "rb") as stream:
            zipped = stream.read(2) == _GZIP_MAGIC
        with gzip.open(path, "rb") if zipped else open(path, "rb") as stream:
            header = stream.read(4 + 4 * axes)
            if len(header) < 4 + 4 * axes or header[:4] != bytes((0, 0, _UNSIGNED_BYTE, axes)):
                raise DataError(
                    f"{path}: is not an idx file of unsigned bytes with {axes} axes (it starts with "
                    f"{header[:4].hex() or 'nothing'}). Get MNIST's own file again"
                )
            shape = tuple(int(length) for length in np.frombuffer(header, ">u4", axes, offset=4))
            size = math.prod(shape)
            check_size(size, path)
            content = stream.read(size + 1)
    if len(content) != size:
        found = f"{len(content)} bytes" if len(content) < size else "more bytes"
        raise DataError(f"{path}: has {found} where its header {shape} promises {size}. {_REMEDY}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def find(folder: Path, name: str) -> Path | None:
    """The raw or gzipped file of that name in the folder, or None."""
    return next((path for path in (folder / name, folder / (name + ".gz")) if path.is_file()), None)


def has_mnist(folder: Path) -> bool:
    """Whether a folder holds MNIST's training images, raw or packed."""
    return find(folder, PARTS["train"][0]) is not None


def mnist_sources(folder: Path) -> tuple[Source, Source]:
    """Training and test part of MNIST's four files in one folder.

    Raises:
        DataError: a file is missing, damaged, or holds anything but 28 x 28 digits.
    """
    return _part(folder, "train"), _part(folder, "test")


def _part(folder: Path, part: str) -> Source:
    paths = [find(folder, name) for name in PARTS[part]]
    for path, name in zip(paths, PARTS[part], strict=True):
        if path is None:
            raise DataError(f"{folder}: {name} is missing. Put MNIST's {name} or {name}.gz there")
    image_path, label_path = (path for path in paths if path is not None)
    images = read_idx(image_path, 3)
    if images.shape[1:] != IMAGE_SHAPE:
        raise DataError(
            f"{image_path}: images are {images.shape[1:]}, not {IMAGE_SHAPE}. Get MNIST's own file"
        )
    pixels = check_pixels(images[:, None], image_path)
    labels = check_labels(read_idx(label_path, 1), pixels.shape[0], len(CLASS_NAMES), label_path)
    return Source(labels, lambda indices: pixels[indices])
