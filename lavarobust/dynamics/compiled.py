"""How this project compiles its loops: without the interpreter's lock, kept for the next start.

What is kept is compiled anew when the file of the loop itself changes, not when one that it calls does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """``numba.njit`` that keeps what it compiled beside its file or in the user's cache, if it may."""
    return _kept(function)


def unmanaged(function: Callable[..., Any]) -> Any:
    """A loop as of :func:`compiled` that allocates nothing: its arrays are then not counted at every use."""
    return _kept(function, _nrt=False)


def inlined(function: Callable[..., Any]) -> Any:
    """A part of unmanaged loops, compiled into each that calls it."""
    return numba.njit(nogil=True, forceinline=True, _nrt=False)(function)


def _kept(function: Callable[..., Any], **options: Any) -> Any:
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither folder can be written to
        return numba.njit(nogil=True, **options)(function)
