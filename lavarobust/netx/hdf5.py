"""Access to an untrusted HDF5 file: every failure becomes one error that names the place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from lavarobust.errors import ModelFileError

ELEMENTS_MAX = 1 << 26
"""Largest dataset that is read, in elements; checked before anything is allocated for it."""

TEXT_MAX = 1 << 24
"""Longest text that is read, in bytes."""

INT32 = np.iinfo(np.int32)


@contextmanager
def _guarded(where: str) -> Iterator[None]:
    """Turn whatever h5py raises on a damaged file into one error with the place."""
    try:
        yield
    except ModelFileError:
        raise
    # h5py documents no closed set of errors: damaged files raised OSError, KeyError, RuntimeError,
    # ValueError, TypeError, MemoryError and others.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelFileError(
            where, f"can't be read ({reason})", "The file is damaged or not NetX: export or copy it again"
        ) from error


@contextmanager
def open_file(path: str | Path) -> Iterator[Node]:
    """Open an HDF5 file read-only.

    Raises:
        ModelFileError: missing, not a file, not permitted, not HDF5 or damaged.
    """
    name = str(path)
    try:
        with open(name, "rb"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelFileError(
            name, f"can't be opened: {reason}", "Give the path of a readable NetX file (.net)"
        ) from error
    try:
        file = h5py.File(name, "r")
    except Exception as error:
        problem = "is not an HDF5 file" if not _has_signature(name) else "is a damaged HDF5 file"
        raise ModelFileError(
            name,
            problem,
            "Give a NetX file (.net) as lava-dl or lavarobust writes it;"
            " a truncated one must be copied or exported again",
        ) from error
    try:
        yield Node(name, file, "")
    finally:
        file.close()


def _has_signature(name: str) -> bool:
    with open(name, "rb") as stream:
        return stream.read(8) == b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Node:
    """One group of a file, with the place to name in errors.

    Attributes:
        file: name of the file.
        group: the open group.
        path: its path inside the file, empty for the top.
    """

    file: str
    group: h5py.Group
    path: str

    def where(self, key: str = "") -> str:
        """The place of an entry, e.g. ``"model.net: layer/2/weight"``."""
        inside = "/".join(part for part in (self.path, key) if part)
        return f"{self.file}: {inside}" if inside else self.file

    def keys(self) -> tuple[str, ...]:
        with _guarded(self.where()):
            return tuple(str(key) for key in self.group)

    def has(self, key: str) -> bool:
        with _guarded(self.where(key)):
            return key in self.group

    def child(self, key: str) -> Node:
        """The group under ``key``."""
        entry = self._entry(key)
        if not isinstance(entry, h5py.Group):
            raise ModelFileError(self.where(key), "is not a group", "The file is not NetX: export it again")
        return Node(self.file, entry, "/".join(part for part in (self.path, key) if part))

    def is_group(self, key: str) -> bool:
        return self.has(key) and isinstance(self._entry(key), h5py.Group)

    def numbers(self, key: str) -> np.ndarray:
        """A numeric dataset as stored, finite, of any shape with at least one element."""
        values = self._values(key, "iufb", ELEMENTS_MAX)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ModelFileError(
                self.where(key),
                "holds NaN or infinity",
                "The training diverged, or the file is damaged: export it again",
            )
        return values

    def truncated(self, key: str) -> np.ndarray:
        """Weights, biases or delays as the stock loader takes them: int32, floats cut toward zero."""
        values = self.numbers(key)
        if values.max() > INT32.max or values.min() < INT32.min:
            raise ModelFileError(
                self.where(key),
                "holds values beyond 32-bit integers",
                "NetX holds 8-bit weights and 13-bit biases: export it quantised",
            )
        return values.astype(np.int32)

    def integers(self, key: str) -> tuple[int, ...]:
        """A scalar or one-dimensional dataset of whole numbers (floats that are whole are accepted)."""
        values = self.numbers(key)
        if values.ndim > 1 or values.size > TEXT_MAX:
            raise ModelFileError(
                self.where(key), f"has shape {values.shape}", "It must be a number or a list"
            )
        whole = [int(value) for value in values.ravel()]
        if any(value != number for value, number in zip(values.ravel(), whole, strict=True)):
            raise ModelFileError(self.where(key), "holds fractions", "It must hold whole numbers")
        return tuple(whole)

    def integer(self, key: str) -> int:
        """One whole number, as a scalar or an array of one element."""
        values = self.integers(key)
        if len(values) != 1:
            raise ModelFileError(self.where(key), f"holds {len(values)} numbers", "It must be one number")
        return values[0]

    def text(self, key: str) -> str:
        """One text, as str or bytes, scalar or an array of one element."""
        values = self._values(key, "SO", 1)
        value = values.ravel()[0]
        if isinstance(value, bytes):
            with _guarded(self.where(key)):
                value = value.decode("utf-8")
        if not isinstance(value, str):
            raise ModelFileError(self.where(key), "is not a text", "It must be one string")
        return value

    def _entry(self, key: str) -> h5py.Group | h5py.Dataset:
        where = self.where(key)
        with _guarded(where):
            if key not in self.group:
                raise ModelFileError(where, "is missing", "The file is not complete NetX: export it again")
            link = self.group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelFileError(
                    where, "is a link to another place", "Copy the linked data into the file"
                )
            return self.group[key]

    def _values(self, key: str, kinds: str, elements: int) -> np.ndarray:
        where = self.where(key)
        entry = self._entry(key)
        with _guarded(where):
            if not isinstance(entry, h5py.Dataset):
                raise ModelFileError(where, "is not a dataset", "The file is not NetX: export it again")
            if entry.external or entry.is_virtual:
                raise ModelFileError(where, "keeps its data in another file", "Copy the data into the file")
            kind = entry.dtype.kind
            if kind not in kinds or (kind == "O" and h5py.check_string_dtype(entry.dtype) is None):
                raise ModelFileError(
                    where,
                    f"has the data type {entry.dtype}",
                    "It must be a string" if "S" in kinds else "It must hold real numbers",
                )
            if entry.shape is None or entry.size == 0:
                raise ModelFileError(where, "is empty", "The file is not complete NetX: export it again")
            if entry.size > elements or entry.dtype.itemsize > TEXT_MAX:
                raise ModelFileError(
                    where, f"declares the shape {entry.shape}", f"At most {elements} elements are read here"
                )
            return np.asarray(entry[()])
