"""A person's own arrays: from Python, a pair of .npy files, or one .npz file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from lavarobust.data.checks import as_array, channels_first, check_labels, check_pixels, check_size, reading
from lavarobust.data.images import DataSet, Images
from lavarobust.data.splits import Source, assemble
from lavarobust.errors import DataError

NPZ_KEYS = (
    ("images", "labels", "test_images", "test_labels"),
    ("x", "y", "x_test", "y_test"),
    ("x_train", "y_train", "x_test", "y_test"),
)
"""Images, labels, and the optional test part, as .npz files name them."""

_NPY_REMEDY = "Write it with numpy.savez from plain numeric arrays; pickled objects are never loaded"


def array_source(
    images: Any,
    labels: Any,
    *,
    classes: int | None = None,
    layout: str | None = None,
    where: object = "arrays",
) -> Source:
    """Checked arrays as a source; raises DataError for what can't be labelled images."""
    pixels = check_pixels(channels_first(as_array(images, where), layout, where), where)
    return Source(
        check_labels(as_array(labels, where), pixels.shape[0], classes, where),
        lambda indices: np.ascontiguousarray(pixels[indices]),
    )


def as_images(images: Any, labels: Any, *, classes: int | None = None, layout: str | None = None) -> Images:
    """All of a person's arrays as one part, in their order; see :func:`from_arrays`."""
    source = array_source(images, labels, classes=classes, layout=layout)
    return source.images(np.arange(source.labels.shape[0], dtype=np.int64))


def from_arrays(
    images: Any,
    labels: Any,
    *,
    test_images: Any = None,
    test_labels: Any = None,
    name: str = "arrays",
    class_names: Sequence[str] | None = None,
    layout: str | None = None,
    validation: float = 0.1,
    test: float = 0.3,
    seed: int = 0,
    limit: int | None = None,
) -> DataSet:
    """A data set of a person's own arrays.

    Args:
        images: ``(N, H, W)``, ``(N, C, H, W)`` or ``(N, H, W, C)``, uint8 or float in [0, 1]; event frames
            ``(N, C, H, W, T)``.
        labels: ``(N,)`` integers from 0.
        test_images, test_labels: the test part; without them the share ``test`` is held out.
        class_names: in order of the labels; the numbers where not given.
        layout: ``"NCHW"`` or ``"NHWC"``, where the shape doesn't tell.
        validation, seed, limit: as :func:`lavarobust.data.load` has them.

    Raises:
        DataError: arrays that can't be labelled images (each error says why).
        SettingsError: an impossible share, seed, limit or layout.
    """
    if (test_images is None) != (test_labels is None):
        raise DataError(f"{name}: only one of test images and test labels is given. Give both or none")
    known = None if class_names is None else len(class_names)
    source = array_source(images, labels, classes=known, layout=layout, where=name)
    classes = int(source.labels.max()) + 1 if known is None else known
    test_source = None
    if test_images is not None:
        where = f"{name} (test)"
        test_source = array_source(test_images, test_labels, classes=classes, layout=layout, where=where)
        one = np.zeros(1, dtype=np.int64)
        shape, test_shape = source.pixels(one).shape[1:], test_source.pixels(one).shape[1:]
        if shape != test_shape:
            raise DataError(
                f"{where}: images are {test_shape}, the training images {shape}. "
                "Give both parts one (C, H, W)"
            )
    names = tuple(str(label) for label in range(classes)) if class_names is None else tuple(class_names)
    return assemble(
        name, names, source, test_source, validation=validation, test=test, seed=seed, limit=limit
    )


def _read_npy(stream: IO[bytes], size: int, where: object) -> np.ndarray:
    # The header is compared with the file's size first: numpy allocates what the header claims.
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise DataError(f"{where}: .npy version {version} is not one of plain arrays. {_NPY_REMEDY}")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(stream)
    if dtype.kind not in "biuf":
        raise DataError(f"{where}: holds {dtype}, not numbers. {_NPY_REMEDY}")
    expected = dtype.itemsize
    for length in shape:
        expected *= int(length)
    check_size(expected, where)
    if stream.tell() + expected != size:
        raise DataError(
            f"{where}: has {size} bytes where its header promises {stream.tell() + expected}. {_NPY_REMEDY}"
        )
    stream.seek(0)
    array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file; DataError where it is damaged, pickled or no such file."""
    with reading(path, _NPY_REMEDY), open(path, "rb") as stream:
        return _read_npy(stream, path.stat().st_size, path)


def read_pair(images: str | Path, labels: str | Path) -> Images:
    """All images of one .npy file with the labels of another, in their order."""
    return as_images(read_npy(Path(images)), read_npy(Path(labels)))


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Images, labels and, where the file has them, test images and labels, under ``from_arrays``' names."""
    with reading(path, _NPY_REMEDY), zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        keys = next((keys for keys in NPZ_KEYS if keys[0] in members and keys[1] in members), None)
        if keys is None:
            raise DataError(
                f"{path}: holds {', '.join(sorted(members)) or 'nothing'}. "
                f"Name the arrays {' or '.join(f'{keys[0]} and {keys[1]}' for keys in NPZ_KEYS)}"
            )
        check_size(sum(members[key].file_size for key in keys if key in members), path)
        arrays = {}
        for key, argument in zip(keys, NPZ_KEYS[0], strict=True):
            if key in members:
                with archive.open(members[key]) as stream:
                    arrays[argument] = _read_npy(stream, members[key].file_size, f"{path}: {key}")
        return arrays
