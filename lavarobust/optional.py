"""Packages that only some verbs need, and that are installed on request."""

from __future__ import annotations

import fcntl
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lavarobust.errors import LavarobustError


class MissingPackageError(LavarobustError):
    """A package of an optional extra is not installed."""


def optional_module(name: str, extra: str) -> Any:
    """A module of a package that the extra installs.

    Raises:
        MissingPackageError: it, or something that it imports, is not installed.
    """
    try:
        with _first_import(name.partition(".")[0]):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{name}: {error}. Install what it needs: pip install 'lavarobust[{extra}]'"
        ) from error


@contextmanager
def _first_import(package: str) -> Iterator[None]:
    """One process at a time: some packages write settings below the user's home as they are first imported,
    and fail where another process has just begun to (the Adversarial Robustness Toolbox does)."""
    if package in sys.modules:
        yield
        return
    lock = Path(tempfile.gettempdir()) / f"lavarobust-import-{package}-{os.getuid()}.lock"
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
