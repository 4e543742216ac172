"""What goes into a layer's compiled loop and what comes out, and the part that all such loops share.

For every sample the sums of a step stay in the cache between the synapses that add to them and the
neurons that read them; nothing of the size of a population over time is ever written but its spikes,
one bit each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.compiled import inlined
from lavarobust.execution.simulator.events import count_row, put_row
from lavarobust.execution.simulator.neuron_rows import step_row
from lavarobust.execution.simulator.patches import Places
from lavarobust.execution.simulator.vectors import LANES, set_bits

RECURRENT = 5
"""Place among counts of the operations of synapses from a population to itself."""

NO_REST = np.uint32(0xFFFFFFFF)
"""What a row of updates holds where no neuron can be at rest."""


class Arrivals(NamedTuple):
    """What reaches a layer, in (H, W, C) order; of the two, the one not used has no steps.

    Attributes:
        words: ``(N, F, W)`` uint64, spikes, 64 to a word.
        values: ``(N, F, inputs)`` int32, graded events.
    """

    words: np.ndarray
    values: np.ndarray


class Synapses(NamedTuple):
    """Synapses for compiled loops.

    Attributes:
        weights, full, places: of :class:`Patches`; ``full`` in integers that hold every sum.
        left, right: bits by which a sum is shifted left, then right.
        wrapped: whether sums have to be cut to a convolution's 24 bits.
    """

    weights: np.ndarray
    full: np.ndarray
    places: Places
    left: int
    right: int
    wrapped: bool


class Neurons(NamedTuple):
    """A population's constants in rows of 32, each line of the population beginning one; a single row
    where all neurons have the same.

    Attributes:
        bias: ``(N or 1, K)`` int32 state units.
        kept_u, kept_v: ``(K,)`` int32, shares of 4096 that a step leaves of current and potential.
        threshold: state units.
        left: mask of the part beyond the threshold that a spike leaves: -1 of a soft reset, 0 of a hard one.
        resting: whether any neuron may be at rest: has no bias of its own.
        present: ``(K / 32,)`` uint32, per row a bit for each of its 32 that is a neuron of the population.
    """

    bias: np.ndarray
    kept_u: np.ndarray
    kept_v: np.ndarray
    threshold: int
    left: int
    resting: bool
    present: np.ndarray


class Results(NamedTuple):
    """What a layer's loop writes.

    Attributes:
        words: ``(N, T, W)`` uint64 spikes sent, zeros before.
        potential: ``(N, neurons)`` int32 at the window's end; ``(0, neurons)`` if nobody asks.
        counts: ``(5, N, T)`` int32: events, synops, synops_dense, spikes, active updates; in a recurrent
            population ``(6, N, T)``: of the synops, those of its synapses to itself. Zeros before.
        cuts: ``(3, N, T)`` int32: sums that lost bits, currents that wrapped, potentials that were clipped,
            zeros before; ``(3, 0, T)`` where none can happen.
    """

    words: np.ndarray
    potential: np.ndarray
    counts: np.ndarray
    cuts: np.ndarray


@inlined
def count_arrivals(results: Any, n: int, t: int, events: int, operations: int) -> None:
    """Note a step's events and what they drove, in the two halves of ``operations``."""
    results.counts[0, n, t] += events
    results.counts[1, n, t] += operations >> 32
    results.counts[2, n, t] += operations & 0xFFFFFFFF


@inlined
def run_row(
    drive: Any,
    u: Any,
    v: Any,
    k: int,
    neurons: Any,
    results: Any,
    n: int,
    t: int,
    at: int,
    valid: int,
    cut: int,
    moving: Any,
    row: int,
) -> None:
    """A step of the neurons whose states begin at ``k``; note what it sent and cut.

    Args:
        valid: neurons of the population from here to the line's end; the row's others are ignored.
        cut: which sums lost bits, as :func:`read_row` says.
        moving: uint32; where neurons can rest, ``moving[row]`` gets a bit for each active update.
    """
    own_bias = (n if len(neurons.bias) > 1 else 0) * neurons.bias.shape[1]
    fired, wrapped, clipped, active = step_row(
        drive,
        u,
        v,
        k,
        neurons.bias,
        own_bias + (k if neurons.bias.shape[1] > LANES else 0),
        neurons.kept_u,
        k if len(neurons.kept_u) > LANES else 0,
        neurons.kept_v,
        k if len(neurons.kept_v) > LANES else 0,
        neurons.threshold,
        neurons.left,
    )
    if results.cuts.shape[1] and (cut | wrapped | clipped):
        results.cuts[0, n, t] += count_row(cut, valid)
        results.cuts[1, n, t] += count_row(wrapped, valid)
        results.cuts[2, n, t] += count_row(clipped, valid)
    # counted after the step, many rows at a time: so are the spikes
    if neurons.resting:
        moving[row] = active
    put_row(fired, valid, results.words, n, t, at)


@inlined
def count_step(neurons: Any, results: Any, n: int, t: int, moving: Any, first: int) -> None:
    """Note a step's spikes, and the active updates that its rows left in ``moving`` from ``first`` on."""
    spikes, updates = 0, 0
    for w in range(results.words.shape[2]):
        spikes += set_bits(results.words[n, t, w])
    for row in range(len(neurons.present)):
        updates += set_bits(np.uint64(moving[first + row] & neurons.present[row]))
    results.counts[3, n, t] = spikes
    results.counts[4, n, t] = updates
