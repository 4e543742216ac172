"""SVHN's cropped digits (ufldl.stanford.edu/housenumbers, "Format 2"): MATLAB files of 32 x 32 images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lavarobust.data.checks import check_labels, check_size
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

CLASS_NAMES = tuple(str(digit) for digit in range(10))
TRAIN_FILE, TEST_FILE = "train_32x32.mat", "test_32x32.mat"
IMAGE_SHAPE = (32, 32, 3)
DIGIT_ZERO = 10
"""The files call the digit 0 class 10."""

_REMEDY = f"Get SVHN's own {TRAIN_FILE} and {TEST_FILE} (format 2, cropped digits) again"


def has_svhn(folder: Path) -> bool:
    """Whether a folder holds the training file."""
    return (folder / TRAIN_FILE).is_file()


def svhn_sources(folder: Path) -> tuple[Source, Source]:
    """Training and test part of the two files in one folder; the extra part is left alone.

    Raises:
        DataError: a file is missing, damaged, or holds anything but 32 x 32 digits.
    """
    return _part(folder / TRAIN_FILE), _part(folder / TEST_FILE)


def _part(path: Path) -> Source:
    if not path.is_file():
        raise DataError(f"{path}: is missing. {_REMEDY}")
    content = _read(path)
    images, classes = content["X"], content["y"].reshape(-1)
    classes = check_labels(classes.astype(np.int64), images.shape[3], DIGIT_ZERO + 1, path)
    if not classes.all():
        raise DataError(
            f"{path}: sample {int(classes.argmin())} is of class 0, and SVHN's are 1 to 10. {_REMEDY}"
        )

    def pixels(indices: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(images[..., indices].transpose(3, 2, 0, 1))

    return Source(classes % DIGIT_ZERO, pixels)


def _read(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat, whosmat

    try:
        # The headers alone say how much memory the arrays take.
        shapes = {name: (shape, kind) for name, shape, kind in whosmat(str(path))}
        shape, kind = shapes.get("X", ((), ""))
        if len(shape) != 4 or shape[:3] != IMAGE_SHAPE or shape[3] < 1 or kind != "uint8":
            raise DataError(
                f"{path}: X is {kind or 'missing'} {shape}, not uint8 {IMAGE_SHAPE} x N. {_REMEDY}"
            )
        check_size(int(np.prod(shape, dtype=object)), path)
        if shapes.get("y", ((), ""))[0] not in ((shape[3], 1), (1, shape[3])):
            raise DataError(f"{path}: y is not one label for each of the {shape[3]} images. {_REMEDY}")
        content: dict[str, np.ndarray] = loadmat(str(path), variable_names=["X", "y"])
    except DataError:
        raise
    except Exception as error:  # scipy's readers raise almost anything on damaged files.
        raise DataError(f"{path}: can't be read as a MATLAB file ({error}). {_REMEDY}") from error
    if content["X"].shape != shape or content["X"].dtype != np.uint8 or content["y"].dtype.kind not in "iuf":
        raise DataError(f"{path}: X or y is not what the file's header says. {_REMEDY}")
    return content
