"""Whether two models are the same: value for value and type for type, wherever they were read."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from lavarobust.netx.model import Model


def models_equal(one: Any, other: Any) -> bool:
    """Whether two models (or parts) hold the same values and integer types; a model's name doesn't count."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return type(one) is type(other) and one.dtype == other.dtype and np.array_equal(one, other)
    if is_dataclass(one):
        return type(one) is type(other) and all(
            models_equal(getattr(one, entry.name), getattr(other, entry.name))
            for entry in fields(one)
            if not (isinstance(one, Model) and entry.name == "name")
        )
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(models_equal, one, other))
    return type(one) is type(other) and bool(one == other)
