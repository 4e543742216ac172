"""Results of work units: a folder of small JSON files. What is in it is done, whoever did it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lavarobust.errors import DataError, SettingsError
from lavarobust.experiment.sweep.unit import RESULT_VERSION, read_unit
from lavarobust.files import atomic_write

Result = Mapping[str, Any]


def write_result(path: Path, result: Result) -> None:
    """Write a result whole or not at all; raises WriteError."""
    atomic_write(path, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())


def read_results(folder: Path) -> dict[str, Result]:
    """The results in a folder by their unit's key; none where there is no folder.

    A result counts for the unit that its recipe resolves to today: a key that recipes have gained since,
    with a default, changes nothing; a default that has another value now makes it another unit. Files that
    are no results, or those of another version, are passed over.

    Raises:
        DataError: a result that is damaged.
    """
    found: dict[str, Result] = {}
    for file in sorted(folder.glob("*.json")):
        result = _read(file)
        if isinstance(result, dict) and result.get("result_version") == RESULT_VERSION:
            try:
                unit = read_unit(result.get("unit", {}), str(file))
            except SettingsError:  # made by a version that knew other recipes
                continue
            found[unit.key] = result
    return found


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file}: can't be read as JSON ({error}). Remove it, and its unit is done again"
        ) from error
