"""The compiled loops of a convolution and its neurons: spikes in, sums and neurons in the cache, spikes out.

Of every sample, a step's sums stay in the cache between the synapses that form them and the neurons that
read them, and so do their gradients on the way back; only what a backward pass needs is ever written out.
Populations are in (H, W, C) order, in rows of 16 that are whole inside the loops, and what is summed over
has margins, as of :class:`Padded`. Samples ``first`` to ``last`` are done, each by itself, so that no result
depends on who does it. Nothing is allocated here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.back_kernels import go_back_row
from lavarobust.dynamics.compiled import inlined, unmanaged
from lavarobust.dynamics.rows import LANES, TILE, learn_tile, step_rows, sum_tile


class Neurons(NamedTuple):
    """A population's constants.

    Attributes:
        bias: ``(K,)`` int32 state units.
        kept_u, kept_v: int32 shares of 4096 that a step leaves of current and potential.
        threshold: int32 state units.
        left: int32 mask of what a spike leaves of the part beyond the threshold.
    """

    bias: np.ndarray
    kept_u: np.int32
    kept_v: np.int32
    threshold: np.int32
    left: np.int32


class Made(NamedTuple):
    """What a forward pass writes; K is of whole rows, and what begins as zero is so marked.

    Attributes:
        inputs: ``(F or 0, N, inputs or 0)`` int8, the frames; none of one where the weight learns nothing.
        spikes: ``(T, N, neurons)`` float32.
        before_reset: ``(T or 0, N, K)`` float32, potentials that spikes were decided on.
        current, potential: ``(N, K)`` int32 states; zero.
        wraps, clips, active: ``(T, N)`` int64.
        tops: ``(N, 32)`` int32, largest currents and potentials before they were cut; zero.
        beyond: ``(N, 3)`` int64, inputs that are not whole, larger than assumed, or not of int8; zero.
    """

    inputs: np.ndarray
    spikes: np.ndarray
    before_reset: np.ndarray
    current: np.ndarray
    potential: np.ndarray
    wraps: np.ndarray
    clips: np.ndarray
    active: np.ndarray
    tops: np.ndarray
    beyond: np.ndarray


@unmanaged
def run_samples(
    frames: Any,
    limit: Any,
    weights: Any,
    blocks: Any,
    neurons: Any,
    made: Any,
    source: Any,
    sums: Any,
    emitted: Any,
    first: int,
    last: int,
) -> None:
    """Forward.

    Args:
        frames: ``(F, N, inputs)`` float32 integers.
        limit: float32, what no input is assumed to exceed in magnitude.
        weights: laid out for blocks.
        made: a :class:`Made`.
        source: room, padded as ``blocks.source``, zeros.
        sums, emitted: room of ``blocks.room``, zeros.
    """
    rows, size, keep = blocks.rows, blocks.neurons, len(made.before_reset) > 0
    for n in range(first, last):
        for t in range(len(made.spikes)):
            if t < len(frames):
                _check(frames[t, n], limit, made.beyond[n])
                if keep:
                    _narrow(frames[t, n], made.inputs[t, n])
                _surround(frames[t, n], source, blocks.source)
                _sum(source, weights, blocks, sums)
            elif t == len(frames):
                sums[:] = np.float32(0)
            before = made.before_reset[t, n] if keep else emitted
            sent = made.spikes[t, n] if size == rows * LANES else emitted
            wraps, clips, active = step_rows(
                sums, neurons.bias, made.current[n], made.potential[n], before, sent, rows,
                neurons.kept_u, neurons.kept_v, neurons.threshold, neurons.left, keep, made.tops[n],
            )  # fmt: skip
            made.wraps[t, n], made.clips[t, n], made.active[t, n] = wraps, clips, active
            if size < rows * LANES:
                _copy(emitted, made.spikes[t, n])


class Wanted(NamedTuple):
    """What a backward pass reads and writes, of K neurons.

    Attributes:
        inputs: ``(F, N, inputs or 0)`` int8 or float32, the frames.
        before_reset: ``(T, N, K)`` float32, and what fills up its last row.
        d_spikes: ``(T, N, K)`` float32.
        d_weights: ``(N, laid out or 0)`` float32, zero; none where nobody asks.
        d_frames: ``(F or 0, N, inputs)`` float32; none where nobody asks.
        d_bias: ``(N, K or 0)`` float32, zero; none where nobody asks.
        d_current, d_potential: ``(N, K)`` float32, those of the end states at first.
        d_learnt: ``(N, 2, K or 0)`` float32, zero: parts of threshold's and leak's; none where none learns.
    """

    inputs: np.ndarray
    before_reset: np.ndarray
    d_spikes: np.ndarray
    d_weights: np.ndarray
    d_frames: np.ndarray
    d_bias: np.ndarray
    d_current: np.ndarray
    d_potential: np.ndarray
    d_learnt: np.ndarray


class Room(NamedTuple):
    """Room of a backward pass; zeros.

    Attributes:
        source, d_source: padded as ``blocks.source``, and as that of the way back.
        d_target, d_input: of ``blocks.room``, likewise.
        slope, rest: of so many neurons as are done at a time; potentials at rest.
    """

    source: np.ndarray
    d_source: np.ndarray
    d_target: np.ndarray
    d_input: np.ndarray
    slope: np.ndarray
    rest: np.ndarray


@unmanaged
def go_back_samples(
    wanted: Any, blocks: Any, weights: Any, blocks_back: Any, passing: Any, room: Any, first: int, last: int
) -> None:
    """Backward; ``weights`` are laid out for ``blocks_back``, the way from outputs to inputs."""
    frames, steps, neurons = len(wanted.inputs), len(wanted.before_reset), blocks.neurons
    d_target = room.d_target
    for n in range(first, last):
        d_u, d_v, d_bias = wanted.d_current[n], wanted.d_potential[n], wanted.d_bias[n]
        for t in range(steps - 1, -1, -1):
            for low in range(0, neurons, len(room.slope)):
                high = min(low + len(room.slope), neurons)
                before = wanted.before_reset[t - 1, n, low:high] if t > 0 else room.rest[: high - low]
                go_back_row(
                    wanted.before_reset[t, n, low:high], wanted.d_spikes[t, n, low:high], room.slope,
                    d_target[low:high], d_bias[low:high], d_u[low:high], d_v[low:high],
                    passing.kept_u[low:high], passing.kept_v[low:high], before, t == 0,
                    wanted.d_learnt[n, :, low:high], passing,
                )  # fmt: skip
            if t < frames:
                if wanted.d_weights.shape[1]:
                    _surround(wanted.inputs[t, n], room.source, blocks.source)
                    _learn(room.source, d_target, blocks, wanted.d_weights[n])
                if len(wanted.d_frames):
                    _surround(d_target, room.d_source, blocks_back.source)
                    _sum(room.d_source, weights, blocks_back, room.d_input)
                    _copy(room.d_input, wanted.d_frames[t, n])


@inlined
def _sum(source: Any, weights: Any, blocks: Any, sums: Any) -> None:
    for kind in range(len(blocks.first)):
        start, taps, lanes = blocks.start[kind], blocks.taps[kind], blocks.lanes[kind]
        for tile in range(blocks.first[kind], blocks.last[kind]):
            sum_tile(sums, source, blocks.at, tile, weights, start, blocks.offsets, kind, taps, lanes)


@inlined
def _learn(source: Any, d_target: Any, blocks: Any, d_weights: Any) -> None:
    for kind in range(len(blocks.first)):
        start, first, last = blocks.start[kind], blocks.first[kind], blocks.last[kind]
        for tap in range(0, blocks.taps[kind], TILE):
            learn_tile(d_weights, start, source, blocks.at, first, last, d_target, blocks.offsets, kind, tap)


@inlined
def _check(frame: Any, limit: Any, beyond: Any) -> None:
    """Count inputs that are not whole, larger than assumed, or not of int8."""
    broken = large = wide = 0
    for k in range(len(frame)):
        value = frame[k]
        broken += np.int64(value != np.rint(value))
        large += np.int64(not abs(value) <= limit)
        wide += np.int64(not abs(value) <= np.float32(127))
    beyond[0] += broken
    beyond[1] += large
    beyond[2] += wide


@inlined
def _narrow(frame: Any, inputs: Any) -> None:
    for k in range(len(inputs)):
        inputs[k] = np.int8(np.int32(frame[k]))


@inlined
def _surround(values: Any, padded: Any, place: Any) -> None:
    """A population, float32 or int8, into an array with margins."""
    for line in range(place.lines):
        low, to = line * place.width, place.origin + line * place.pitch
        _copy(values[low:], padded[to : to + place.width])


@inlined
def _copy(values: Any, target: Any) -> None:
    for k in range(len(target)):
        target[k] = values[k]
