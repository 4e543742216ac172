"""Large arrays on memory that was used before: the system need not find and clear its pages again.

A training step makes the same arrays as the one before it. From the system they cost a page fault for
every 4 KiB, which takes longer than much of what is then written there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lavarobust.dynamics.aligned import aligned_zeros

_LARGE = 1 << 18
"""Bytes from which on memory is kept; it comes in multiples of this."""

MOST = 1 << 27
"""Bytes that are kept idle at most."""


def empty(shape: tuple[int, ...], kind: Any) -> np.ndarray:
    """``numpy.empty``; the memory is kept for the next array once no array or tensor uses it any more."""
    made = np.dtype(kind)
    size = math.prod(shape) * made.itemsize
    if size < _LARGE:
        return np.empty(shape, made)
    return np.asarray(_Lent(_find(-(-size // _LARGE) * _LARGE), shape, made))


def zeros(shape: tuple[int, ...], kind: Any) -> np.ndarray:
    """``numpy.zeros``, as :func:`empty`."""
    made = empty(shape, kind)
    made.fill(0)
    return made


class _Memory:
    def __init__(self, size: int) -> None:
        self.content = aligned_zeros(size, np.uint8)
        self.size = size


_idle: list[_Memory] = []
"""Oldest first. Single operations of a list are all that threads, and arrays that die meanwhile, can see."""


class _Lent:
    """What an array's ``base`` is, and so lives as long as the array and everything that views it."""

    def __init__(self, memory: _Memory, shape: tuple[int, ...], kind: np.dtype) -> None:
        self.memory = memory
        self.__array_interface__ = {
            "shape": shape,
            "typestr": kind.str,
            "data": (memory.content.ctypes.data, False),
            "version": 3,
        }

    def __del__(self) -> None:
        _idle.append(self.memory)
        while sum(memory.size for memory in _idle[:]) > MOST:
            _take(_idle[:1])


def _find(size: int) -> _Memory:
    fitting = [memory for memory in _idle[:] if memory.size == size]
    # what was used last is likeliest still in a cache
    return _take(fitting[::-1]) or _Memory(size)


def _take(wanted: list[_Memory]) -> _Memory | None:
    for memory in wanted:
        try:
            _idle.remove(memory)
        except ValueError:  # another thread has it
            continue
        return memory
    return None
