"""How this project compiles its loops: without the interpreter's lock, kept for the next start.

Numba compiles a kept loop anew when the loop's own file changes, but not when one that it calls does. What
is kept here therefore lies in a folder named after the sources of all loops: after an upgrade or an edit
nothing of before is found.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config

_ROOMS = ("dynamics", "execution/simulator")
"""Packages with loops, and with what those call."""


def compiled(function: Callable[..., Any]) -> Any:
    """``numba.njit`` that keeps what it compiled in the user's cache, if it may."""
    return _kept(function)


def unmanaged(function: Callable[..., Any]) -> Any:
    """A loop as of :func:`compiled` that allocates nothing: its arrays are then not counted at every use."""
    return _kept(function, _nrt=False)


def inlined(function: Callable[..., Any]) -> Any:
    """A part of unmanaged loops, compiled into each that calls it."""
    return numba.njit(nogil=True, forceinline=True, _nrt=False)(function)


def digest(folders: Iterable[Path]) -> str:
    """A short name for the Python sources in some folders as they are now."""
    held = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.glob("*.py")):
            content = file.read_bytes()
            held.update(f"{file.name} {len(content)} ".encode() + content)
    return held.hexdigest()[:16]


def _kept(function: Callable[..., Any], **options: Any) -> Any:
    usual, config.CACHE_DIR = config.CACHE_DIR, _folder()
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # no folder can be written to
        return numba.njit(nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = usual


@lru_cache(maxsize=1)
def _folder() -> str:
    """Below numba's own choice where its user made one."""
    package = Path(__file__).resolve().parents[1]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    base = Path(config.CACHE_DIR) if config.CACHE_DIR else caches / "lavarobust"
    return str(base / f"loops-{digest(package / room for room in _ROOMS)}")
