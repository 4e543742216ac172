"""The compiled loops of a dense layer with few outputs: what is not zero is looked for once, and added up.

Sums of an input's events, and their gradients, are rows of 16, of which the layer's outputs are the first.
Samples ``first`` to ``last`` are done. Nothing is allocated here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.compiled import unmanaged
from lavarobust.dynamics.event_rows import find_events, learn_events, sum_events
from lavarobust.dynamics.rows import LANES

_PART = 1024
"""Inputs whose gradients are summed at a time: they and their weights stay in the first cache."""


class Events(NamedTuple):
    """The inputs that are not zero, in order of place, for each sample one frame's behind the other's.

    Attributes:
        places: ``(N, most)`` int32.
        values: ``(N, most)`` float32.
        ends: ``(N, F)`` int64, where each frame's end.
        beyond: ``(N, 2)`` int64, how many are not whole, and how many larger than assumed; zero at first.
    """

    places: np.ndarray
    values: np.ndarray
    ends: np.ndarray
    beyond: np.ndarray


@unmanaged
def sum_samples(frames: Any, limit: Any, weights: Any, events: Any, sums: Any, first: int, last: int) -> None:
    """Forward.

    Args:
        frames: ``(F, N, K)`` float32 integers.
        limit: float32, what no input is assumed to exceed in magnitude.
        weights: ``(16 K,)`` float32, a row for each input.
        events: an :class:`Events`, written.
        sums: ``(F, N, 16)`` float32, written.
    """
    inputs = frames.shape[2]
    whole = inputs // LANES
    for n in range(first, last):
        low = 0
        for t in range(len(frames)):
            frame, places, values = frames[t, n], events.places[n, low:], events.values[n, low:]
            count = find_events(frame, whole, places)
            for k in range(whole * LANES, inputs):
                if frame[k] != 0:
                    places[count] = k
                    count += 1
            broken = large = 0
            for j in range(count):
                value = frame[places[j]]
                values[j] = value
                broken += np.int64(value != np.rint(value))
                large += np.int64(not abs(value) <= limit)
            events.beyond[n, 0] += broken
            events.beyond[n, 1] += large
            sum_events(sums[t, n], weights, places, values, count)
            low += count
            events.ends[n, t] = low


@unmanaged
def learn_samples(events: Any, d_sums: Any, d_weights: Any, first: int, last: int) -> None:
    """Add the weights' gradients ``(16 K,)`` of samples with ``d_sums`` ``(F, N, 16)``."""
    for n in range(first, last):
        low = 0
        for t in range(len(d_sums)):
            high = events.ends[n, t]
            learn_events(d_weights, d_sums[t, n], events.places[n, low:], events.values[n, low:], high - low)
            low = high


@unmanaged
def spread_samples(d_sums: Any, weight: Any, d_frames: Any, first: int, last: int) -> None:
    """Write the inputs' gradients ``(F, N, K)``, of ``d_sums`` ``(F, N, 16)`` and ``weight`` ``(out, K)``."""
    outputs, inputs = weight.shape
    for n in range(first, last):
        for low in range(0, inputs, _PART):
            high = min(low + _PART, inputs)
            for t in range(len(d_sums)):
                made = d_frames[t, n, low:high]
                made[:] = np.float32(0)
                for output in range(outputs):
                    factor, row = d_sums[t, n, output], weight[output, low:high]
                    for k in range(high - low):
                        made[k] += factor * row[k]
