"""The compiled loop of a dense layer: for 32 neurons at a time, many steps, so that weights stay cached."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.aligned import aligned_zeros
from lavarobust.dynamics.compiled import inlined, unmanaged
from lavarobust.dynamics.turns import take
from lavarobust.execution.simulator.events import SPARE, list_spikes, list_values
from lavarobust.execution.simulator.fan_out import driven
from lavarobust.execution.simulator.neuron_rows import add_row, read_row, start_row
from lavarobust.execution.simulator.order import words_of
from lavarobust.execution.simulator.vectors import (
    LANES,
    UNROLLED,
    add_rows,
    add_rows_times,
)
from lavarobust.execution.simulator.window import (
    NO_REST,
    RECURRENT,
    Arrivals,
    Synapses,
    count_arrivals,
    count_step,
    run_row,
)

_TOGETHER = 32
"""Steps whose events are listed before the first row of neurons reads them."""


class DenseScratch(NamedTuple):
    """Memory of one thread; see :func:`dense_scratch`."""

    marked: np.ndarray
    listed: np.ndarray
    amounts: np.ndarray
    found: np.ndarray
    silent: np.ndarray
    back: np.ndarray
    sums: np.ndarray
    back_sums: np.ndarray
    drive: np.ndarray
    back_drive: np.ndarray
    u: np.ndarray
    v: np.ndarray
    moving: np.ndarray


def dense_scratch(arrivals: Arrivals, synapses: Synapses, recurrent: Synapses, steps: int) -> DenseScratch:
    """What :func:`run_dense` works in."""
    size, listed = synapses.places.width, synapses.places.channels + SPARE
    together = 1 if len(recurrent.weights) else min(_TOGETHER, steps)
    states = -(-size // LANES) * LANES
    return DenseScratch(
        np.empty((1, 1, words_of(synapses.places.channels - 1)), dtype=np.uint64),
        np.empty(together * listed, dtype=np.int32),
        np.empty(together * listed if arrivals.values.shape[1] else 0, dtype=np.int32),
        aligned_zeros(together, np.int64),
        aligned_zeros(together, np.bool_),
        np.empty(recurrent.places.channels + SPARE, dtype=np.int32),
        aligned_zeros(LANES, synapses.full.dtype),
        aligned_zeros(LANES, recurrent.full.dtype),
        aligned_zeros(LANES, np.int32),
        aligned_zeros(LANES, np.int32),
        aligned_zeros(states, np.int32),
        aligned_zeros(states, np.int32),
        np.full(together * states // LANES, NO_REST),
    )


@unmanaged
def run_dense(
    arrivals: Any, synapses: Any, recurrent: Any, neurons: Any, results: Any, scratch: Any, left: Any
) -> None:
    """Run samples through a layer's window, part after part.

    Args:
        arrivals, synapses, neurons, results: of :mod:`.window`.
        recurrent: synapses from the population to itself; no weights where there are none.
        scratch: of :func:`dense_scratch`.
        left: :class:`lavarobust.dynamics.turns.Turns`.
    """
    first, last = take(left, 0)
    while first < last:
        for n in range(first, last):
            _run_sample(arrivals, n, synapses, recurrent, neurons, results, scratch)
        first, last = take(left, last - first)


@inlined
def _run_sample(
    arrivals: Any, n: int, synapses: Any, recurrent: Any, neurons: Any, results: Any, scratch: Any
) -> None:
    size, channels = synapses.places.width, synapses.places.channels
    stride = channels + SPARE
    steps, rows = results.words.shape[1], (size + LANES - 1) // LANES
    fed_back = len(recurrent.weights) > 0
    marked, listed, amounts, found, silent, back, sums, back_sums, drive, back_drive, u, v, moving = scratch
    together = len(found)
    u[:] = 0
    v[:] = 0
    for start in range(0, steps, together):
        group = min(together, steps - start)
        for s in range(group):
            found[s], silent[s] = _list(
                arrivals, n, start + s, synapses, marked, listed, amounts, s * stride, results
            )
        back_found, back_silent = 0, False
        if fed_back and start:
            back_found, back_silent = _list_back(recurrent, n, start, back, results)
        for row in range(rows):
            low = row * LANES
            for s in range(group):
                start_row(sums, synapses.full, low, silent[s])
                base, begin = low * channels, s * stride
                if len(amounts):
                    end = begin + found[s]
                    add_rows_times(sums, 0, synapses.weights, base, listed, amounts, begin, end)
                else:
                    add_rows(sums, 0, synapses.weights, base, listed, begin, begin + found[s])
                cut = read_row(sums, 0, silent[s], synapses.left, synapses.right, synapses.wrapped, drive)
                if fed_back:
                    start_row(back_sums, recurrent.full, low, back_silent)
                    add_rows(
                        back_sums,
                        0,
                        recurrent.weights,
                        low * recurrent.places.channels,
                        back,
                        0,
                        back_found,
                    )
                    cut |= read_row(
                        back_sums, 0, back_silent, recurrent.left, recurrent.right, False, back_drive
                    )
                    add_row(drive, back_drive)
                at_row = s * rows + row
                run_row(
                    drive, u, v, low, neurons, results, n, start + s, low, size - low, cut, moving, at_row
                )
        for s in range(group):
            count_step(neurons, results, n, start + s, moving, s * rows)
    if fed_back:
        _list_back(recurrent, n, steps, back, results)
    if len(results.potential):
        for i in range(size):
            results.potential[n, i] = v[i]


@inlined
def _list(
    arrivals: Any,
    n: int,
    t: int,
    synapses: Any,
    marked: Any,
    listed: Any,
    amounts: Any,
    low: int,
    results: Any,
) -> tuple[int, bool]:
    """List a step's events from ``low`` on and count them; returns the list's length."""
    places, silent = synapses.places, False
    inputs = places.channels - 1
    if t < arrivals.words.shape[1]:
        events, found, silent = list_spikes(arrivals.words, n, t, inputs, places.reaching, listed, low)
        operations = driven(arrivals.words, n, t, places.fan_out)
    elif t < arrivals.values.shape[1]:
        events = list_values(arrivals.values, n, t, marked, listed, amounts, low)
        found, operations = events, driven(marked, 0, 0, places.fan_out)
    else:
        return 0, False
    count_arrivals(results, n, t, events, operations)
    return _fill_up(listed, low, found, inputs), silent


@inlined
def _list_back(recurrent: Any, n: int, t: int, listed: Any, results: Any) -> tuple[int, bool]:
    """List the spikes of the step before ``t`` and count what they drive, in the step that sent them."""
    places = recurrent.places
    inputs = places.channels - 1
    _, found, silent = list_spikes(results.words, n, t - 1, inputs, places.reaching, listed, 0)
    operations = driven(results.words, n, t - 1, places.fan_out)
    count_arrivals(results, n, t - 1, 0, operations)
    results.counts[RECURRENT, n, t - 1] += operations >> 32
    return _fill_up(listed, 0, found, inputs), silent


@inlined
def _fill_up(listed: Any, low: int, found: int, nobody: int) -> int:
    """Lengthen a list to whole turns of the loop that adds it, by the channel without weights."""
    for ahead in range(UNROLLED - 1):
        listed[low + found + ahead] = nobody
    return (found + UNROLLED - 1) // UNROLLED * UNROLLED
