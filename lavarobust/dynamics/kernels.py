"""The compiled loop of :mod:`lavarobust.dynamics.fused` forward: blocks of neurons through the window.

A block's states stay in the first cache from step to step, and every inner loop is one that a compiler
turns into vector instructions. Arrays are ``(F, N, K)`` and ``(N, K)`` for K neurons; samples ``first``
to ``last`` are done.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lavarobust.dynamics.compiled import compiled

BLOCK = 2048
"""Neurons per block: a few arrays of it fill half a first-level cache."""

CLEARED, HELD, LEAKING = 0, 1, 2
"""What a step leaves of a state: nothing, all of it, or a share of its own for each neuron."""


@compiled
def run_kernel(
    sums: Any,
    u: Any,
    v: Any,
    spikes: Any,
    before_reset: Any,
    bias: Any,
    kept_u: Any,
    kept_v: Any,
    mode_u: int,
    mode_v: int,
    constants: Any,
    spiking: bool,
    soft: bool,
    may_wrap: bool,
    may_clip: bool,
    wraps: Any,
    clips: Any,
    active: Any,
    peaks: Any,
    first: int,
    last: int,
) -> None:
    """Forward; ``constants`` are state unit, half range, clip limit and threshold in the arrays' type."""
    unit, half_range, limit, threshold = constants[0], constants[1], constants[2], constants[3]
    zero, one = unit - unit, unit / unit
    top_u, top_v = np.empty(BLOCK, dtype=u.dtype), np.empty(BLOCK, dtype=u.dtype)
    frames, neurons, steps = sums.shape[0], sums.shape[2], spikes.shape[0]
    keep, counting = before_reset.shape[0] > 0, active.shape[0] > 0
    for n in range(first, last):
        biased = bias[n if bias.shape[0] > 1 else 0]
        for low in range(0, neurons, BLOCK):
            high = min(neurons, low + BLOCK)
            size = high - low
            un, vn, bn = u[n, low:high], v[n, low:high], biased[low:high]
            ku, kv = kept_u[low:high], kept_v[low:high]
            # one maximum per neuron: a single one would keep its loop from becoming vector instructions
            top_u[:], top_v[:] = zero, zero
            for t in range(steps):
                if mode_u == CLEARED:
                    for k in range(size):
                        un[k] = zero
                elif mode_u == LEAKING:
                    for k in range(size):
                        un[k] = np.trunc(un[k] * ku[k])
                if t < frames:
                    arrived = sums[t, n, low:high]
                    for k in range(size):
                        un[k] += arrived[k] * unit
                for k in range(size):
                    size_u = abs(un[k])
                    top_u[k] = size_u if size_u > top_u[k] else top_u[k]
                if may_wrap:
                    count = 0
                    for k in range(size):
                        if un[k] > half_range:
                            un[k] -= half_range + half_range
                            count += 1
                        elif un[k] <= -half_range:
                            un[k] += half_range + half_range
                            count += 1
                    wraps[t, n] += count
                if counting:
                    count = 0
                    for k in range(size):
                        count += 1 if un[k] != zero or vn[k] != zero or bn[k] != zero else 0
                    active[t, n] += count
                if mode_v == CLEARED:
                    for k in range(size):
                        vn[k] = un[k] + bn[k]
                elif mode_v == LEAKING:
                    for k in range(size):
                        vn[k] = np.trunc(vn[k] * kv[k]) + (un[k] + bn[k])
                else:
                    for k in range(size):
                        vn[k] += un[k] + bn[k]
                for k in range(size):
                    size_v = abs(vn[k])
                    top_v[k] = size_v if size_v > top_v[k] else top_v[k]
                if may_clip:
                    count = 0
                    for k in range(size):
                        if abs(vn[k]) > limit:
                            vn[k] = limit if vn[k] > zero else -limit
                            count += 1
                    clips[t, n] += count
                if keep:
                    decided = before_reset[t, n, low:high]
                    for k in range(size):
                        decided[k] = vn[k]
                if spiking:
                    emitted = spikes[t, n, low:high]
                    for k in range(size):
                        emitted[k] = one if vn[k] > threshold else zero
                    if soft:
                        for k in range(size):
                            vn[k] = vn[k] - threshold if vn[k] > threshold else vn[k]
                    else:
                        for k in range(size):
                            vn[k] = zero if vn[k] > threshold else vn[k]
            peaks[n, 0] = max(peaks[n, 0], top_u[:size].max())
            peaks[n, 1] = max(peaks[n, 1], top_v[:size].max())
