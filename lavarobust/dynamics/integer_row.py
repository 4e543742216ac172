"""One step of a row of leaky integrate-and-fire neurons in 32-bit integers, as a compiled loop.

The arithmetic is :mod:`lavarobust.dynamics.lif`'s, in the integers that Lava itself computes it in. A
state s keeps ``trunc(s * k / 4096)`` of itself; with ``|s| = 4096 h + l`` that is ``h k + (l k >> 12)``,
which never leaves 32 bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.compiled import compiled
from lavarobust.dynamics.kernels import CLEARED, LEAKING
from lavarobust.netx.limits import POTENTIAL_LIMIT, STATE_HALF_RANGE, STATE_SHIFT


class RowNeurons(NamedTuple):
    """A population's constants for compiled loops.

    Attributes:
        mode_u, mode_v: what a step leaves of current and potential: ``CLEARED``, ``HELD`` or ``LEAKING``.
        kept_u, kept_v: ``(K,)`` int32, 4096 minus decay of each neuron; ``(0,)`` unless leaking.
        threshold: state units.
        spiking: False where no potential can exceed the threshold.
        may_wrap, may_clip: whether any state can need it.
    """

    mode_u: int
    mode_v: int
    kept_u: np.ndarray
    kept_v: np.ndarray
    threshold: int
    spiking: bool
    may_wrap: bool
    may_clip: bool


@compiled
def leave(states: Any, kept: Any, mode: int) -> None:
    """What a step leaves of the states ``(K,)`` int32, in place."""
    if mode == CLEARED:
        for k in range(len(states)):
            states[k] = 0
    elif mode == LEAKING:
        for k in range(len(states)):
            state, share = states[k], kept[k]
            size = np.int32(-state) if state < 0 else state
            high, low = np.int32(size >> 12), np.int32(size & 4095)
            left = np.int32(np.int32(high * share) + np.int32(np.int32(low * share) >> 12))
            states[k] = np.int32(-left) if state < 0 else left


@compiled
def step_row(
    drive: Any, bias: Any, u: Any, v: Any, fired: Any, kept_u: Any, kept_v: Any, neurons: Any
) -> tuple[int, int]:
    """Advance K neurons by one step; returns how many currents wrapped and how many potentials were clipped.

    ``drive`` holds synaptic sums, ``bias`` state units, ``u`` and ``v`` the states, all ``(K,)`` int32;
    ``fired`` ``(K,)`` uint8 is written where the population spikes.
    """
    size = len(v)
    leave(u, kept_u, neurons.mode_u)
    for k in range(size):
        u[k] += np.int32(drive[k] << STATE_SHIFT)
    wraps = clips = 0
    if neurons.may_wrap:
        for k in range(size):
            over = np.int32(u[k] > STATE_HALF_RANGE) - np.int32(u[k] <= -STATE_HALF_RANGE)
            wraps += abs(over)
            u[k] -= np.int32(over * (2 * STATE_HALF_RANGE))
    leave(v, kept_v, neurons.mode_v)
    for k in range(size):
        v[k] += np.int32(u[k] + bias[k])
    if neurons.may_clip:
        for k in range(size):
            clips += np.int32(v[k] > POTENTIAL_LIMIT) + np.int32(v[k] < -POTENTIAL_LIMIT)
            v[k] = min(max(v[k], np.int32(-POTENTIAL_LIMIT)), np.int32(POTENTIAL_LIMIT))
    if neurons.spiking:
        threshold = np.int32(neurons.threshold)
        for k in range(size):
            fired[k] = np.uint8(v[k] > threshold)
            v[k] = np.int32(0) if v[k] > threshold else v[k]
    return wraps, clips
