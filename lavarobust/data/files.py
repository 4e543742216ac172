"""The files of a data set in a folder, or in a zip file that is read in place."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from lavarobust.data.checks import check_size, reading
from lavarobust.errors import DataError

FILE_BYTES_MAX = 1 << 26
"""64 MiB for the file of one sample."""

_ZIP_REMEDY = "Make the zip file again, without password, stored or deflated"


class FolderTree:
    """The files in a folder that match one of the patterns, and nothing else of it."""

    def __init__(self, root: Path, patterns: Iterable[str]) -> None:
        self.root = root
        with reading(root, "Check the folder and its permissions"):
            self.names = sorted(
                path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern)
            )

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        """The content of each file."""
        for name in names:
            path = self.root / name
            with reading(path, "Check the file and its permissions"):
                if path.stat().st_size > FILE_BYTES_MAX:
                    raise DataError(
                        f"{path}: is larger than the {FILE_BYTES_MAX} bytes of a sample's file. Remove it"
                    )
                content = path.read_bytes()
            yield content


class ZipTree:
    """The files in a zip file, read in place and never unpacked to disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with reading(root, _ZIP_REMEDY), zipfile.ZipFile(root) as archive:
            files = [info for info in archive.infolist() if not info.filename.endswith("/")]
        self.names = sorted(info.filename for info in files)
        if len(set(self.names)) != len(self.names):
            raise DataError(f"{root}: holds two files of one name. {_ZIP_REMEDY}")
        # zipfile reads no more than the declared size, so these checks bound what unpacks.
        check_size(sum(info.file_size for info in files), root)
        for info in files:
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
                raise DataError(
                    f"{root}: {info.filename} is encrypted or packed by an unusual method. {_ZIP_REMEDY}"
                )
            if info.file_size > FILE_BYTES_MAX:
                raise DataError(
                    f"{root}: {info.filename} claims {info.file_size} bytes, more than the "
                    f"{FILE_BYTES_MAX} of a sample's file. Remove it"
                )

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        """The content of each file."""
        with reading(self.root, _ZIP_REMEDY), zipfile.ZipFile(self.root) as archive:
            for name in names:
                yield archive.read(name)


Tree = FolderTree | ZipTree
