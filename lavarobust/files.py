"""Files that are whole or not there: written beside their name, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lavarobust.errors import LavarobustError


class WriteError(LavarobustError):
    """A file that could not be written; what was there before is untouched."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; on success it takes the place of ``path``.

    Whatever ends the block early (an error, a full disk, a kill) leaves the old file as it was.

    Raises:
        WriteError: the folder is missing or may not be written, or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder")
        unused = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        os.close(os.open(unused, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        temporary = unused
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_can_be_written(path: str | Path) -> None:
    """Refuse a name that :func:`replacing` would refuse, before the work of making its content.

    Raises:
        WriteError: the name is a folder's, or its folder is missing or may not be written.
    """
    path = Path(path)
    if path.is_dir():
        raise _unwritable(path, "is a folder")
    if not path.parent.is_dir():
        raise _unwritable(path, f"there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        raise _unwritable(path, "Permission denied")


def make_folder(path: str | Path) -> None:
    """Make a folder and those around it, where they are missing.

    Raises:
        WriteError: something else has that name, or the folder around it may not be written.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{path}: can't be made ({error.strerror}). Choose another folder") from error


def atomic_write(path: str | Path, content: bytes) -> None:
    """Write a whole file; raises WriteError as :func:`replacing` does."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _unwritable(path: Path, reason: str) -> WriteError:
    return WriteError(
        f"{path}: can't be written ({reason}). Choose a folder that exists and may be written, with space "
        "left"
    )


def _flush(path: Path) -> None:
    """Onto the disk before the rename, so that not even a power cut leaves an empty file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
