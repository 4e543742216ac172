"""Packages of optional extras, in tests that need one."""

from __future__ import annotations

from typing import Any

import pytest

from lavarobust.optional import MissingPackageError, optional_module


def needed(package: str, extra: str) -> Any:
    """The package, imported as this project imports it; skips the test or module where it is not there."""
    try:
        return optional_module(package, extra)
    except MissingPackageError as missing:
        pytest.skip(str(missing), allow_module_level=True)
