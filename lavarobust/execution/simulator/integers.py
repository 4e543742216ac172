"""A layer's window for a chunk of samples in integers: arriving spikes in, sent spikes and counts out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lavarobust.dynamics.sharing import share_turns
from lavarobust.dynamics.turns import Turns
from lavarobust.execution.simulator.conv_window import conv_scratch, run_conv
from lavarobust.execution.simulator.dense_window import dense_scratch, run_dense
from lavarobust.execution.simulator.order import words_of
from lavarobust.execution.simulator.patches import Patches, no_patches
from lavarobust.execution.simulator.prepared import Plan, Prepared, in_rows
from lavarobust.execution.simulator.stages import Synapse, count_names
from lavarobust.execution.simulator.window import Arrivals, Results, Synapses

_NONE = replace(no_patches((1,)), weights=np.empty(0, dtype=np.int8))
"""Synapses of a population that has none to itself."""


@dataclass(frozen=True, eq=False)
class Sent:
    """What a population did.

    Attributes:
        words: ``(N, T, W)`` uint64 spikes, in (H, W, C) order.
        potential: ``(N, neurons)`` int32 at the window's end, in (H, W, C) order; no rows if not asked for.
        counts: ``(5, N, T)`` int32 or more, named by :func:`count_names`.
        cuts: ``(3, N, T)`` int32: sums that lost bits, wraps and clips.
        values: ``(N, *shape, T)`` int32 in (C, H, W) order, of a population that sends its sum; else None.
    """

    words: np.ndarray
    potential: np.ndarray
    counts: np.ndarray
    cuts: np.ndarray
    values: np.ndarray | None = None


def spikes(words: np.ndarray) -> Arrivals:
    """Arrivals of packed spikes ``(N, F, W)``."""
    return nothing(len(words))._replace(words=words)


def events(values: np.ndarray) -> Arrivals:
    """Arrivals of graded events ``(N, F, inputs)`` int32."""
    return nothing(len(values))._replace(values=values)


def nothing(samples: int) -> Arrivals:
    """Arrivals of nothing at all."""
    none = np.zeros((samples, 0, 0), dtype=np.int32)
    return Arrivals(none.astype(np.uint64), none)


def run_layer(
    layer: Prepared, plan: Plan, arrivals: Arrivals, potential: bool, bias: np.ndarray | None = None
) -> Sent:
    """Run a chunk of N samples through one layer.

    Args:
        plan: of :meth:`Prepared.plan`, for inputs of this magnitude.
        arrivals: what reaches the layer.
        potential: whether the potentials at the end are wanted.
        bias: ``(N, neurons)`` int32 state units in place of the layer's own.
    """
    neurons, steps = layer.neurons, plan.steps
    if bias is not None:
        neurons = neurons._replace(bias=in_rows(bias, layer.patches))
    samples, size = len(arrivals.words), int(np.prod(layer.stage.shape))
    results = Results(
        np.zeros((samples, steps, words_of(size)), dtype=np.uint64),
        np.empty((samples if potential else 0, size), dtype=np.int32),
        np.zeros((len(count_names(layer.stage)), samples, steps), dtype=np.int32),
        np.zeros((3, samples if plan.cuts else 0, steps), dtype=np.int32),
    )
    synapses = _synapses(layer.patches, layer.stage.synapse, plan.wraps_sums)
    if arrivals.values.shape[1]:
        synapses = synapses._replace(full=synapses.full.astype(np.int32))
    if not layer.dense:

        def run(left: Turns) -> None:
            scratch = conv_scratch(arrivals, synapses)
            run_conv(arrivals, synapses, neurons, results, scratch, left)

    else:
        recurrent = _synapses(layer.recurrent or _NONE, layer.stage.recurrent, False)

        def run(left: Turns) -> None:
            scratch = dense_scratch(arrivals, synapses, recurrent, steps)
            run_dense(arrivals, synapses, recurrent, neurons, results, scratch, left)

    share_turns(run, samples)
    cuts = results.cuts if plan.cuts else np.broadcast_to(np.int32(0), (3, samples, steps))
    return Sent(results.words, results.potential, results.counts, cuts)


def _synapses(patches: Patches, synapse: Synapse | None, wrapped: bool) -> Synapses:
    shift = patches.scale - (0 if synapse is None else synapse.shift)
    return Synapses(patches.weights, patches.full, patches.places, max(shift, 0), max(-shift, 0), wrapped)
