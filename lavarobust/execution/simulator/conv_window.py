"""The compiled loop of a convolution: every event adds its patch to the sums of a step in the cache."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.aligned import aligned_zeros
from lavarobust.dynamics.compiled import inlined, unmanaged
from lavarobust.dynamics.turns import take
from lavarobust.execution.simulator.events import SPARE, list_spikes, list_values
from lavarobust.execution.simulator.fan_out import driven
from lavarobust.execution.simulator.neuron_rows import read_row
from lavarobust.execution.simulator.order import words_of
from lavarobust.execution.simulator.vectors import LANES, add_rows, add_rows_times
from lavarobust.execution.simulator.window import (
    NO_REST,
    Arrivals,
    Synapses,
    count_arrivals,
    count_step,
    run_row,
)

_RECIPROCAL_BITS = np.uint64(40)


class ConvScratch(NamedTuple):
    """Memory of one thread; see :func:`conv_scratch`."""

    marked: np.ndarray
    listed: np.ndarray
    amounts: np.ndarray
    sums: np.ndarray
    drive: np.ndarray
    u: np.ndarray
    v: np.ndarray
    moving: np.ndarray


def conv_scratch(arrivals: Arrivals, synapses: Synapses) -> ConvScratch:
    """What :func:`run_conv` works in."""
    places = synapses.places
    inputs = len(places.at) * places.channels
    states = places.lines * -(-places.width // LANES) * LANES
    return ConvScratch(
        np.empty((1, 1, words_of(inputs)), dtype=np.uint64),
        np.empty(inputs + SPARE, dtype=np.int32),
        np.empty(inputs if arrivals.values.shape[1] else 0, dtype=np.int32),
        aligned_zeros(places.size, synapses.full.dtype, places.origin),
        aligned_zeros(LANES, np.int32),
        aligned_zeros(states, np.int32),
        aligned_zeros(states, np.int32),
        np.full(states // LANES, NO_REST),
    )


@unmanaged
def run_conv(arrivals: Any, synapses: Any, neurons: Any, results: Any, scratch: Any, left: Any) -> None:
    """Run samples through a layer's window, part after part.

    Args:
        arrivals, synapses, neurons, results: of :mod:`.window`.
        scratch: of :func:`conv_scratch`.
        left: :class:`lavarobust.dynamics.turns.Turns`.
    """
    first, last = take(left, 0)
    while first < last:
        for n in range(first, last):
            _run_sample(arrivals, n, synapses, neurons, results, scratch)
        first, last = take(left, last - first)


@inlined
def _run_sample(arrivals: Any, n: int, synapses: Any, neurons: Any, results: Any, scratch: Any) -> None:
    places = synapses.places
    steps, per_line = results.words.shape[1], (places.width + LANES - 1) // LANES
    marked, listed, amounts, sums, drive, u, v, moving = scratch
    u[:] = 0
    v[:] = 0
    for t in range(steps):
        touched, silent = _arrive(arrivals, n, t, synapses, sums, marked, listed, amounts, results)
        k = 0
        for line in range(places.lines):
            at, low = places.origin + line * places.pitch, line * places.width
            for begin in range(0, places.width, LANES):
                cut = read_row(
                    sums, at + begin, silent, synapses.left, synapses.right, synapses.wrapped, drive
                )
                valid = places.width - begin
                at_row = k // LANES
                run_row(drive, u, v, k, neurons, results, n, t, low + begin, valid, cut, moving, at_row)
                k += LANES
        count_step(neurons, results, n, t, moving, 0)
        if touched:
            sums[:] = 0
    if len(results.potential):
        for line in range(places.lines):
            low, k = line * places.width, line * per_line * LANES
            for i in range(places.width):
                results.potential[n, low + i] = v[k + i]


@inlined
def _arrive(
    arrivals: Any,
    n: int,
    t: int,
    synapses: Any,
    sums: Any,
    marked: Any,
    listed: Any,
    amounts: Any,
    results: Any,
) -> tuple[bool, bool]:
    """Add a step's events to sums of zero and count them.

    Returns:
        Whether any sum may have changed, and whether the sums are negated.
    """
    places = synapses.places
    inputs, silent = len(places.at) * places.channels, False
    if t < arrivals.words.shape[1]:
        events, found, silent = list_spikes(arrivals.words, n, t, inputs, places.reaching, listed, 0)
        operations = driven(arrivals.words, n, t, places.fan_out)
    elif t < arrivals.values.shape[1]:
        events = list_values(arrivals.values, n, t, marked, listed, amounts, 0)
        found, operations = events, driven(marked, 0, 0, places.fan_out)
    else:
        return False, False
    if silent:
        for k in range(places.size):
            sums[k] = -synapses.full[k]
    add_patches(synapses, sums, listed, amounts, found)
    count_arrivals(results, n, t, events, operations)
    return events > 0, silent


@inlined
def add_patches(synapses: Any, sums: Any, listed: Any, amounts: Any, found: int) -> None:
    """Add what is listed, all channels of a pixel at once."""
    places, weights = synapses.places, synapses.weights
    channels = places.channels
    reciprocal = (np.uint64(1) << _RECIPROCAL_BITS) // np.uint64(channels) + np.uint64(1)
    listed[found] = (len(places.at) + 1) * channels
    i = 0
    while i < found:
        pixel = np.int64((np.uint64(listed[i]) * reciprocal) >> _RECIPROCAL_BITS)
        begin, end = pixel * channels, i
        while listed[end] < begin + channels:
            listed[end] -= begin
            end += 1
        phase = places.phase[pixel]
        base, at = places.start[phase], places.at[pixel]
        for _ in range(places.rows[phase]):
            for block in range(places.blocks[phase]):
                if len(amounts):
                    add_rows_times(sums, at + block * LANES, weights, base, listed, amounts, i, end)
                else:
                    add_rows(sums, at + block * LANES, weights, base, listed, i, end)
                base += channels * LANES
            at += places.pitch
        i = end
