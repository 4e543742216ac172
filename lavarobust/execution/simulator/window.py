"""The compiled loop of one layer: spikes in, synaptic sums in the cache, neurons, spikes out.

For every sample the sums of a step stay in the cache between the synapses that add to them and the
neurons that read them; nothing of the size of a population over time is ever written but its spikes,
one bit each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.cpython.unsafe.numbers import trailing_zeros

from lavarobust.dynamics.compiled import compiled
from lavarobust.dynamics.integer_row import step_row
from lavarobust.execution.simulator.vectors import LANES, WORD, add_row_times, add_rows, nonzero_bits
from lavarobust.netx.limits import CONV_SUM_BITS

TOGETHER = 32
"""Steps whose sums a dense layer forms before its neurons read them: its weights then stay in the cache."""


class Arrivals(NamedTuple):
    """What reaches a layer; of the three, those not used have no steps.

    Attributes:
        words: ``(N, F, W)`` uint64, spikes in (H, W, C) order, 64 to a word.
        values: ``(N, F, inputs)`` int32, graded events in (H, W, C) order.
        sums: ``(N, F, neurons)`` int32, synaptic sums formed elsewhere, in (H, W, C) order.
    """

    words: np.ndarray
    values: np.ndarray
    sums: np.ndarray


class Results(NamedTuple):
    """What a layer's loop writes.

    Attributes:
        words: ``(N, T, W)`` uint64 spikes sent.
        potential: ``(N, neurons)`` int32 at the window's end; ``(0, neurons)`` if nobody asks.
        counts: ``(4, N, T)`` int64: events, synops, synops_dense, spikes.
        cuts: ``(2, N, T)`` int64: wraps and clips; ``(2, 0, T)`` where neither can happen.
    """

    words: np.ndarray
    potential: np.ndarray
    counts: np.ndarray
    cuts: np.ndarray


@compiled
def run_samples(
    arrivals: Any,
    weights: Any,
    places: Any,
    shift: int,
    wrapped: bool,
    recurrent: Any,
    recurrent_places: Any,
    recurrent_shift: int,
    bias: Any,
    neurons: Any,
    results: Any,
    first: int,
    last: int,
) -> None:
    """Run samples ``first`` to ``last`` of a layer through their window.

    Args:
        weights, places: of :class:`Patches`.
        shift: right shift of each sum.
        wrapped: whether sums have to be cut to a convolution's 24 bits.
        recurrent, recurrent_places, recurrent_shift: the same of synapses from the population to itself;
            ``(0,)`` weights for none.
        bias: ``(N or 1, neurons)`` int32 state units.
    """
    steps, size = results.words.shape[1], places.lines * places.width
    dense = len(places.at) == 1
    slots = TOGETHER if dense else 1
    # starts from zero and is left at zero by whoever reads it; margins keep what nobody reads
    sums = np.zeros((slots, places.size), dtype=weights.dtype)
    fed_back = np.zeros(recurrent_places.size, dtype=recurrent.dtype)
    drive = np.empty(places.width, dtype=np.int32)
    u, v = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    fired = np.zeros(results.words.shape[2] * WORD, dtype=np.uint8)
    active = np.empty(max(places.channels, recurrent_places.channels), dtype=np.int32)
    for n in range(first, last):
        u[:] = 0
        v[:] = 0
        fed_back[:] = 0
        own_bias = bias[n if len(bias) > 1 else 0]
        for t in range(steps):
            slot = t % slots
            if slot == 0:
                for ahead in range(min(slots, steps - t)):
                    _arrive(arrivals, n, t + ahead, weights, places, sums[ahead], active, results.counts)
            for line in range(places.lines):
                low, at = line * places.width, places.origin + line * places.pitch
                row = slice(low, low + places.width)
                _read(sums[slot, at : at + places.width], shift, wrapped, drive)
                if t < arrivals.sums.shape[1]:
                    for k in range(places.width):
                        drive[k] += arrivals.sums[n, t, low + k]
                if len(recurrent):
                    for k in range(places.width):
                        drive[k] += fed_back[k] >> recurrent_shift
                        fed_back[k] = 0
                kept_u = neurons.kept_u[row] if len(neurons.kept_u) else neurons.kept_u
                kept_v = neurons.kept_v[row] if len(neurons.kept_v) else neurons.kept_v
                wraps, clips = step_row(
                    drive, own_bias[row], u[row], v[row], fired[row], kept_u, kept_v, neurons
                )
                if results.cuts.shape[1]:
                    results.cuts[0, n, t] += wraps
                    results.cuts[1, n, t] += clips
            sent = results.words[n, t]
            if neurons.spiking:
                for w in range(len(sent)):
                    sent[w] = nonzero_bits(fired, w * WORD)
            if len(recurrent):
                _, synops, synops_dense = _spikes_arrive(sent, recurrent, recurrent_places, fed_back, active)
                results.counts[1, n, t] += synops
                results.counts[2, n, t] += synops_dense
            results.counts[3, n, t] = _ones(sent)
        if len(results.potential):
            results.potential[n, :] = v


@compiled
def _arrive(
    arrivals: Any, n: int, t: int, weights: Any, places: Any, sums: Any, active: Any, counts: Any
) -> None:
    """Add a step's events to the sums and count them."""
    if t < arrivals.words.shape[1]:
        events, synops, synops_dense = _spikes_arrive(arrivals.words[n, t], weights, places, sums, active)
    elif t < arrivals.values.shape[1]:
        events, synops, synops_dense = _values_arrive(arrivals.values[n, t], weights, places, sums)
    else:
        return
    counts[0, n, t] = events
    counts[1, n, t] += synops
    counts[2, n, t] += synops_dense


@compiled
def _spikes_arrive(words: Any, weights: Any, places: Any, sums: Any, active: Any) -> tuple[int, int, int]:
    """Add the patches of all spikes; all channels of a pixel at once, so that its sums are touched once."""
    channels, events, synops, synops_dense = places.channels, 0, 0, 0
    reciprocal = np.uint64(1 << 32) // np.uint64(channels) + np.uint64(1)
    single = len(places.at) == 1
    pixel, found = 0, 0
    for w in range(len(words)):
        bits = words[w]
        while bits != 0:
            index = w * WORD + np.int64(trailing_zeros(bits))
            bits &= bits - np.uint64(1)
            at = 0 if single else np.int64((np.uint64(index) * reciprocal) >> np.uint64(32))
            channel = index - at * channels
            if at != pixel:
                _add_patches(weights, places, pixel, sums, active, found)
                pixel, found = at, 0
            active[found] = channel * LANES
            found += 1
            driven = places.fan_out[places.kind[at], channel]
            synops += driven[0]
            synops_dense += driven[1]
            events += 1
    _add_patches(weights, places, pixel, sums, active, found)
    return events, synops, synops_dense


@compiled
def _add_patches(weights: Any, places: Any, pixel: int, sums: Any, active: Any, found: int) -> None:
    if found == 0:
        return
    phase = places.phase[pixel]
    base, at, blocks = places.start[phase], places.at[pixel], places.blocks[phase]
    for _ in range(places.rows[phase]):
        for block in range(blocks):
            add_rows(sums, at + block * LANES, weights, base, active, 0, found)
            base += places.channels * LANES
        at += places.pitch


@compiled
def _values_arrive(values: Any, weights: Any, places: Any, sums: Any) -> tuple[int, int, int]:
    """Add the patches of all events, each times its value."""
    channels, events, synops, synops_dense = places.channels, 0, 0, 0
    for pixel in range(len(places.at)):
        phase, fan_out = places.phase[pixel], places.fan_out[places.kind[pixel]]
        for channel in range(channels):
            value = values[pixel * channels + channel]
            if value == 0:
                continue
            base, at = places.start[phase] + channel * LANES, places.at[pixel]
            for _ in range(places.rows[phase]):
                for block in range(places.blocks[phase]):
                    add_row_times(sums, at + block * LANES, weights, base, value)
                    base += channels * LANES
                at += places.pitch
            synops += fan_out[channel, 0]
            synops_dense += fan_out[channel, 1]
            events += 1
    return events, synops, synops_dense


@compiled
def _read(sums: Any, shift: int, wrapped: bool, drive: Any) -> None:
    """Take a line of sums and leave zeros, as Lava's synapses would send them."""
    half = 1 << (CONV_SUM_BITS - 1)
    for k in range(len(drive)):
        drive[k] = sums[k] >> shift
        sums[k] = 0
    if wrapped:
        for k in range(len(drive)):
            drive[k] = ((drive[k] + half) & (2 * half - 1)) - half


@compiled
def _ones(words: Any) -> int:
    """How many bits are set."""
    total = 0
    for w in range(len(words)):
        bits = words[w]
        while bits != 0:
            bits &= bits - np.uint64(1)
            total += 1
    return total
