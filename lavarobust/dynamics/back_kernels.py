"""The compiled loops of :mod:`lavarobust.dynamics.fused` backward, of a block of neurons at a time.

Arrays are ``(F, N, K)`` and ``(N, K)`` for K neurons; samples ``first`` to ``last`` are done.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.compiled import compiled, inlined, unmanaged
from lavarobust.dynamics.exponential import exponentiate
from lavarobust.dynamics.kernels import BLOCK

GIVEN = -1
"""In place of a surrogate's place in its table: the derivatives of the spikes are given."""


@unmanaged
def slopes(code: int, potential: Any, threshold: Any, width: Any, scale: Any, slope: Any) -> None:
    """The surrogates of :mod:`lavarobust.dynamics.surrogate`, by their place in its table.

    Writes the derivative of each spike with respect to its potential ``(K,)`` into ``slope``, all float32.
    """
    one = width / width
    half, per_threshold, per_width = one / (one + one), one / threshold, one / width
    size = len(potential)
    for k in range(size):
        slope[k] = potential[k] * per_threshold - one
    if code == 0:  # triangular
        for k in range(size):
            below = width - abs(slope[k])
            slope[k] = below if below > 0 else one - one
        factor = per_width * per_width
    elif code == 1:  # rectangular
        for k in range(size):
            slope[k] = one if abs(slope[k]) < width * half else one - one
        factor = per_width
    elif code == 2:  # exponential
        for k in range(size):
            slope[k] = -abs(slope[k]) * per_width
        exponentiate(slope)
        factor = per_width * half
    elif code == 3:  # arctangent
        stretch = np.float32(math.pi / 2) * width
        for k in range(size):
            slope[k] = one / (one + (slope[k] * stretch) * (slope[k] * stretch))
        factor = width * half
    elif code == 4:  # sigmoid
        for k in range(size):
            gate = one / (one + math.exp(-slope[k] * width))
            slope[k] = gate * (one - gate)
        factor = width
    elif code == 5:  # gaussian
        for k in range(size):
            slope[k] = -half * (slope[k] * per_width) * (slope[k] * per_width)
        exponentiate(slope)
        factor = per_width / np.float32(math.sqrt(2 * math.pi))
    else:  # identity
        for k in range(size):
            slope[k] = one
        factor = one
    factor *= per_threshold * scale
    for k in range(size):
        slope[k] *= factor


class Passing(NamedTuple):
    """How gradients pass a population.

    Attributes:
        code: the surrogate's place in its table, or :data:`GIVEN`.
        unit, threshold, width, scale: float32; a sum's state units, the threshold's, and the surrogate's
            width and factor.
        spiking, through_reset: whether spikes, and resets, are differentiated.
        soft: whether a reset takes the threshold off, and not all.
        relative: whether the surrogate's width grows with the threshold.
        learning: whether the gradients of threshold and leak are wanted.
        kept_u, kept_v: ``(K,)`` float32 shares of current and potential that a step keeps.
    """

    code: int
    unit: np.float32
    threshold: np.float32
    width: np.float32
    scale: np.float32
    spiking: bool
    through_reset: bool
    soft: bool
    relative: bool
    learning: bool
    kept_u: np.ndarray
    kept_v: np.ndarray


@unmanaged
def go_back_row(
    decided: Any,
    wanted: Any,
    slope: Any,
    ds: Any,
    db: Any,
    du: Any,
    dv: Any,
    ku: Any,
    kv: Any,
    before: Any,
    begins: bool,
    learnt: Any,
    passing: Any,
) -> None:
    """A step of K neurons back, all ``(K,)`` float32.

    Args:
        decided: potentials that spikes were decided on.
        wanted: gradients of the spikes.
        slope: room; where they are given, the derivatives of the spikes with respect to ``decided``.
        ds: written, gradients of the sums.
        db: added to, those of the biases; ``(0,)`` where nobody asks.
        du, dv: those of the states, after the step and then before it.
        ku, kv: shares of the states that a step keeps.
        before: what ``decided`` was one step before; where the window ``begins``, the potentials it
            began with.
        learnt: ``(2, K)``, added to where the scalars are learnt: each neuron's part in the gradients of
            threshold (in state units) and leak.
    """
    threshold, size = passing.threshold, len(decided)
    zero, one = np.float32(0), np.float32(1)
    if passing.spiking:
        if passing.code != GIVEN:
            level = threshold if threshold > 0 else one
            slopes(passing.code, decided, level, passing.width, passing.scale, slope)
        if passing.learning:
            _learn_threshold(decided, wanted, slope, dv, learnt[0], passing)
        if passing.soft:
            if passing.through_reset:
                for k in range(size):
                    dv[k] = dv[k] - dv[k] * threshold * slope[k] + slope[k] * wanted[k]
            else:
                for k in range(size):
                    dv[k] += slope[k] * wanted[k]
        elif passing.through_reset:
            for k in range(size):
                silent = one if decided[k] <= threshold else zero
                dv[k] = dv[k] * silent - dv[k] * decided[k] * slope[k] + slope[k] * wanted[k]
        else:
            for k in range(size):
                silent = one if decided[k] <= threshold else zero
                dv[k] = dv[k] * silent + slope[k] * wanted[k]
    if passing.learning:
        _learn_leak(before, begins, dv, learnt[1], passing)
    unit = passing.unit
    for k in range(len(db)):
        db[k] += dv[k]
    for k in range(size):
        total = du[k] + dv[k]
        ds[k] = total * unit
        du[k] = total * ku[k]
    for k in range(size):
        dv[k] *= kv[k]


@inlined
def _learn_threshold(decided: Any, wanted: Any, slope: Any, dv: Any, learnt: Any, passing: Any) -> None:
    """Through the distance to the threshold, and through what a soft reset takes off."""
    threshold, zero, one = passing.threshold, np.float32(0), np.float32(1)
    # without a branch in the loop: what a reset takes is ``all_of * potential + fixed``, and likewise the
    # distance, so that one loop of vector instructions does for every kind
    soft = one if passing.soft else zero
    all_of, fixed = one - soft, soft * threshold
    through = one if passing.through_reset else zero
    growing = one / (threshold if threshold > 0 else one) if passing.relative else zero
    constant = zero if passing.relative else one
    for k in range(len(decided)):
        taken = all_of * decided[k] + fixed
        by_distance = (wanted[k] - through * dv[k] * taken) * slope[k] * (growing * decided[k] + constant)
        learnt[k] -= by_distance + (soft * dv[k] if decided[k] > threshold else zero)


@inlined
def _learn_leak(before: Any, begins: bool, dv: Any, learnt: Any, passing: Any) -> None:
    """By what the step before left of the potential."""
    threshold, soft = passing.threshold, np.float32(1 if passing.soft else 0)
    level = threshold if passing.spiking and not begins else np.float32(np.inf)
    for k in range(len(dv)):
        left = soft * (before[k] - threshold) if before[k] > level else before[k]
        learnt[k] += dv[k] * left


@compiled
def go_back_kernel(
    before_reset: Any,
    start: Any,
    given: Any,
    d_spikes: Any,
    d_sums: Any,
    d_bias: Any,
    d_u: Any,
    d_v: Any,
    d_learnt: Any,
    passing: Any,
    first: int,
    last: int,
) -> None:
    """Backward; ``passing`` is a :class:`Passing`, ``start`` and ``d_learnt`` are empty where none learns.

    ``given`` is ``(T, N, K)`` where the derivatives of the spikes are given, else empty.
    """
    steps, neurons, frames = before_reset.shape[0], before_reset.shape[2], d_sums.shape[0]
    room, unread = np.empty(BLOCK, dtype=np.float32), np.empty(BLOCK, dtype=np.float32)
    for n in range(first, last):
        for low in range(0, neurons, BLOCK):
            high = min(neurons, low + BLOCK)
            ku, kv = passing.kept_u[low:high], passing.kept_v[low:high]
            du, dv, db = d_u[n, low:high], d_v[n, low:high], d_bias[n, low:high]
            for t in range(steps - 1, -1, -1):
                ds = d_sums[t, n, low:high] if t < frames else unread[: high - low]
                decided, wanted = before_reset[t, n, low:high], d_spikes[t, n, low:high]
                before = before_reset[t - 1, n, low:high] if t > 0 else start[n, low:high]
                learnt = d_learnt[n, :, low:high]
                slope = given[t, n, low:high] if passing.code == GIVEN else room[: high - low]
                go_back_row(decided, wanted, slope, ds, db, du, dv, ku, kv, before, t == 0, learnt, passing)
