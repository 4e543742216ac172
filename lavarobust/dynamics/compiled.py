"""How this project compiles its loops: without the interpreter's lock, kept for the next start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """``numba.njit`` that keeps what it compiled beside its file or in the user's cache, if it may."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither folder can be written to
        return numba.njit(nogil=True)(function)
