"""The compiled loop of a dense layer: for 32 neurons at a time, many steps, so that weights stay cached."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.compiled import inlined, unmanaged
from lavarobust.execution.simulator.events import list_spikes, list_values
from lavarobust.execution.simulator.neuron_rows import add_row, read_row
from lavarobust.execution.simulator.vectors import LANES, add_rows, add_rows_times, aligned_zeros
from lavarobust.execution.simulator.window import Arrivals, Synapses, count_arrivals, run_row

_TOGETHER = 32
"""Steps whose events are listed before the first row of neurons reads them."""


class DenseScratch(NamedTuple):
    """Memory of one thread; see :func:`dense_scratch`."""

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


def dense_scratch(arrivals: Arrivals, synapses: Synapses, recurrent: Synapses, steps: int) -> DenseScratch:
    """What :func:`run_dense` works in."""
    size, inputs = synapses.places.width, synapses.places.channels
    together = 1 if len(recurrent.weights) else min(_TOGETHER, steps)
    states = -(-size // LANES) * LANES
    return DenseScratch(
        np.empty(together * inputs, dtype=np.int32),
        np.empty(together * inputs if arrivals.values.shape[1] else 0, dtype=np.int32),
        np.zeros(together, dtype=np.int64),
        np.zeros(together, dtype=np.bool_),
        np.empty(size, dtype=np.int32),
        aligned_zeros(LANES, synapses.full.dtype),
        aligned_zeros(LANES, recurrent.full.dtype),
        aligned_zeros(LANES, np.int32),
        aligned_zeros(LANES, np.int32),
        aligned_zeros(states, np.int32),
        aligned_zeros(states, np.int32),
    )


@unmanaged
def run_dense(
    arrivals: Any,
    synapses: Any,
    recurrent: Any,
    neurons: Any,
    results: Any,
    scratch: Any,
    first: int,
    last: int,
) -> None:
    """Run samples ``first`` to ``last`` through a layer's window.

    Args:
        arrivals, synapses, neurons, results: of :mod:`.window`.
        recurrent: synapses from the population to itself; no weights where there are none.
        scratch: of :func:`dense_scratch`.
    """
    size, inputs = synapses.places.width, synapses.places.channels
    steps, rows = results.words.shape[1], (size + LANES - 1) // LANES
    fed_back = len(recurrent.weights) > 0
    listed, amounts, found, silent, back, sums, back_sums, drive, back_drive, u, v = scratch
    together = len(found)
    for n in range(first, last):
        u[:] = 0
        v[:] = 0
        for start in range(0, steps, together):
            group = min(together, steps - start)
            for s in range(group):
                found[s], silent[s] = _list(arrivals, n, start + s, synapses, listed, amounts, s, results)
            back_found, back_silent = 0, False
            if fed_back and start:
                back_found, back_silent = _list_back(recurrent, n, start, back, results)
            for row in range(rows):
                low = row * LANES
                for s in range(group):
                    _start(sums, silent[s], synapses.full, low)
                    if len(amounts):
                        add_rows_times(
                            sums,
                            0,
                            synapses.weights,
                            low * inputs,
                            listed,
                            amounts,
                            s * inputs,
                            s * inputs + found[s],
                        )
                    else:
                        add_rows(
                            sums, 0, synapses.weights, low * inputs, listed, s * inputs, s * inputs + found[s]
                        )
                    cut = read_row(sums, 0, silent[s], synapses.left, synapses.right, synapses.wrapped, drive)
                    if fed_back:
                        _start(back_sums, back_silent, recurrent.full, low)
                        add_rows(back_sums, 0, recurrent.weights, low * size, back, 0, back_found)
                        cut |= read_row(
                            back_sums, 0, back_silent, recurrent.left, recurrent.right, False, back_drive
                        )
                        add_row(drive, back_drive)
                    run_row(drive, u, v, low, neurons, results, n, start + s, low, size - low, cut)
        if fed_back:
            _list_back(recurrent, n, steps, back, results)
        if len(results.potential):
            for i in range(size):
                results.potential[n, i] = v[i]


@inlined
def _list(
    arrivals: Any, n: int, t: int, synapses: Any, listed: Any, amounts: Any, slot: int, results: Any
) -> tuple[int, bool]:
    """List a step's events in a slot and count them."""
    inputs, fan_out = synapses.places.channels, synapses.places.fan_out
    low = slot * inputs
    silent = False
    if t < arrivals.words.shape[1]:
        events, found, silent = list_spikes(arrivals.words, n, t, inputs, listed, low)
    elif t < arrivals.values.shape[1]:
        events = list_values(arrivals.values, n, t, listed, amounts, low)
        found = events
    else:
        return 0, False
    operations = 0
    for i in range(low, low + found):
        operations += fan_out[0, listed[i]]
    if silent:
        operations = synapses.places.full_fan_out - operations
    count_arrivals(results, n, t, events, operations)
    return found, silent


@inlined
def _list_back(recurrent: Any, n: int, t: int, listed: Any, results: Any) -> tuple[int, bool]:
    """List the spikes of the step before ``t`` and count what they drive, in the step that sent them."""
    fan_out = recurrent.places.fan_out
    _, found, silent = list_spikes(results.words, n, t - 1, recurrent.places.channels, listed, 0)
    operations = 0
    for i in range(found):
        operations += fan_out[0, listed[i]]
    if silent:
        operations = recurrent.places.full_fan_out - operations
    count_arrivals(results, n, t - 1, 0, operations)
    return found, silent


@inlined
def _start(sums: Any, silent: bool, full: Any, low: int) -> None:
    """A row of zeros, or of what all inputs would send, negated, to which the silent ones are added."""
    for k in range(LANES):
        sums[k] = -full[low + k] if silent else 0
