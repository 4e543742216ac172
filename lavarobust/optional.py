"""Packages that only some verbs need, and that are installed on request."""

from __future__ import annotations

import importlib
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
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{name}: {error}. Install what it needs: pip install 'lavarobust[{extra}]'"
        ) from error
