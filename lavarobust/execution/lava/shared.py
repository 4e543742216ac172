"""Memory that Lava's OS processes and ours both see.

Lava forks one OS process per Process and moves a Var's value as one message per element. Anonymous
shared memory made before the fork costs nothing to read back, and the kernel frees it with the last
process, however that ends.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass

import numpy as np


def shared_zeros(shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
    """Zeros that stay shared with every process forked from now on."""
    count = int(np.prod(shape, dtype=np.int64))
    memory = mmap.mmap(-1, max(1, count * np.dtype(dtype).itemsize))
    return np.frombuffer(memory, dtype=dtype, count=count).reshape(shape)


@dataclass(frozen=True, eq=False)
class Trace:
    """What one population writes while it runs; window i lives in row ``i % rows``.

    Attributes:
        first_step: Lava time step (they start at 1) of the first step of window 0 at this layer.
        steps: T, the steps of a window that belong to a sample.
        early: ``(first_step - 1,)`` spikes emitted before window 0.
        spikes: ``(rows, window, neurons)`` uint8, or int32 messages, neurons in Lava's order.
        wraps, clips: ``(rows, window)``, neurons whose current wrapped or potential was clipped.
        active: ``(rows, window)``, neurons whose update was active, see :class:`LayerCounts`.
        current, potential: ``(rows, neurons)``, state at the end of step T - 1.
    """

    first_step: int
    steps: int
    early: np.ndarray
    spikes: np.ndarray
    wraps: np.ndarray
    clips: np.ndarray
    active: np.ndarray
    current: np.ndarray
    potential: np.ndarray

    @classmethod
    def allocate(
        cls,
        first_step: int,
        steps: int,
        window: int,
        rows: int,
        neurons: int,
        kind: type[np.generic] = np.uint8,
    ) -> Trace:
        """An empty trace of ``rows`` windows of ``window >= steps`` steps; ``kind`` is that of its spikes."""
        return cls(
            first_step=first_step,
            steps=steps,
            early=shared_zeros((first_step - 1,), np.int64),
            spikes=shared_zeros((rows, window, neurons), kind),
            wraps=shared_zeros((rows, window), np.int64),
            clips=shared_zeros((rows, window), np.int64),
            active=shared_zeros((rows, window), np.int64),
            current=shared_zeros((rows, neurons), np.int32),
            potential=shared_zeros((rows, neurons), np.int32),
        )

    def locate(self, time_step: int) -> tuple[int, int]:
        """Row and step within the window of a Lava time step (from ``first_step`` on)."""
        index, step = divmod(time_step - self.first_step, self.spikes.shape[1])
        return index % self.spikes.shape[0], step


@dataclass(frozen=True, eq=False)
class Drive:
    """Bias mantissas that an input population holds, one set for each window.

    Attributes:
        first_step: Lava time step of the first step of window 0.
        window: steps between the first steps of two samples.
        mantissas: ``(N, *shape)`` int16 in Lava's order.
    """

    first_step: int
    window: int
    mantissas: np.ndarray

    def at(self, time_step: int) -> np.ndarray | int:
        """Mantissas of a Lava time step."""
        sample = (time_step - self.first_step) // self.window
        return self.mantissas[sample] if 0 <= sample < len(self.mantissas) else 0
