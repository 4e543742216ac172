"""A layer's window for a chunk of samples in integers: arriving spikes in, sent spikes and counts out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.dynamics.sharing import share_out
from lavarobust.execution.simulator.order import words_of
from lavarobust.execution.simulator.prepared import Plan, Prepared
from lavarobust.execution.simulator.window import Arrivals, Results, run_samples

_PARTS = 4
"""Parts per thread: samples differ in how many spikes they make."""


@dataclass(frozen=True, eq=False)
class Sent:
    """What a population did.

    Attributes:
        words: ``(N, T, W)`` uint64 spikes, in (H, W, C) order.
        potential: ``(N, neurons)`` int32 at the window's end, in (H, W, C) order; no rows if not asked for.
        counts: ``(4, N, T)`` int64: input events, synops, synops_dense, spikes.
        cuts: ``(2, N, T)`` int64: wraps and clips.
    """

    words: np.ndarray
    potential: np.ndarray
    counts: np.ndarray
    cuts: np.ndarray


def spikes(words: np.ndarray) -> Arrivals:
    """Arrivals of packed spikes ``(N, F, W)``."""
    return nothing(len(words))._replace(words=words)


def events(values: np.ndarray) -> Arrivals:
    """Arrivals of graded events ``(N, F, inputs)`` int32."""
    return nothing(len(values))._replace(values=values)


def nothing(samples: int) -> Arrivals:
    """Arrivals of nothing at all."""
    none = np.zeros((samples, 0, 0), dtype=np.int32)
    return Arrivals(none.astype(np.uint64), none, none)


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
    neurons, steps = plan.neurons, plan.steps
    samples, size = len(arrivals.words), len(layer.bias)
    results = Results(
        np.zeros((samples, steps, words_of(size)), dtype=np.uint64),
        np.empty((samples if potential else 0, size), dtype=np.int32),
        np.zeros((4, samples, steps), dtype=np.int64),
        np.zeros((2, samples if neurons.may_wrap or neurons.may_clip else 0, steps), dtype=np.int64),
    )
    weights = layer.patches.weights
    if arrivals.values.shape[1]:
        weights = weights.astype(np.int32)
    recurrent = layer.recurrent or layer.patches
    arguments = (
        arrivals,
        weights,
        layer.patches.places,
        layer.shift,
        plan.wraps_sums,
        recurrent.weights[: None if layer.recurrent else 0],
        recurrent.places,
        layer.stage.recurrent.shift if layer.stage.recurrent else 0,
        layer.bias[None] if bias is None else bias,
        neurons,
        results,
    )
    share_out(lambda first, last: run_samples(*arguments, first, last), samples, _PARTS)
    cuts = results.cuts if results.cuts.shape[1] else np.broadcast_to(np.int64(0), (2, samples, steps))
    return Sent(results.words, results.potential, results.counts, cuts)
