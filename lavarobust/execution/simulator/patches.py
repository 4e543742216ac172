"""Weights laid out for spikes: what one arriving spike adds to the sums, as whole rows of integers.

Populations are in (H, W, C) order here. A spike at an input pixel adds, for its channel, one *patch*: a
few rows of a padded array of sums. Which weights fall where depends on the pixel's place modulo the
stride alone (its *phase*), so a layer needs one patch per phase and channel. Patches have zeros where
they overhang to a multiple of 32 sums, and sums have margins where patches overhang the population, so
nothing is ever cut at a border. A dense layer is one pixel with all inputs as its channels.

Weights are divided by the largest power of two that divides them all: even ones, as files mostly hold,
then fit 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.aligned import aligned_zeros
from lavarobust.execution.simulator.fan_out import FanOut, in_digits
from lavarobust.execution.simulator.order import pack
from lavarobust.execution.simulator.vectors import LANES
from lavarobust.netx.model import Shape


class Places(NamedTuple):
    """Where patches are added, for compiled loops. Per pixel ``(P,)``, per phase ``(phases,)``, all int64.

    Attributes:
        channels: C of a pixel.
        at: per pixel, first sum that its patch touches.
        phase: per pixel.
        start: per phase, where its patches begin in the weights; ``[row, block, channel, 32]``.
        rows, blocks: per phase, rows of a patch and blocks of 32 sums in a row.
        pitch: sums from one row of the population to the next.
        origin: the sum of the population's first neuron.
        lines, width: rows of the population and neurons in each.
        size: sums with all margins.
        fan_out: synapses that a spike of each input drives.
        reaching: ``(W,)`` uint64, a bit for each input that drives anything.
    """

    channels: int
    at: np.ndarray
    phase: np.ndarray
    start: np.ndarray
    rows: np.ndarray
    blocks: np.ndarray
    pitch: int
    origin: int
    lines: int
    width: int
    size: int
    fan_out: FanOut
    reaching: np.ndarray


@dataclass(frozen=True, eq=False)
class Patches:
    """Weights and their places.

    Attributes:
        weights: flat int8, int16 or int32 in units of ``2**scale``, aligned to a cache line.
        full: ``(size,)`` int16 or int32, the sums of spikes of all inputs in the same units; int16 where
            no sum of zeros and ones, nor any part of one, leaves it.
        places: the geometry.
        scale: bits.
        reach: what no sum of zeros and ones exceeds in magnitude, nor any part of one; in units of 1.
        signed_reach: the same of a sum of values within +-1.
        dense: whether all inputs reach all neurons, as of :func:`dense_patches`.
    """

    weights: np.ndarray
    full: np.ndarray
    places: Places
    scale: int
    reach: int
    signed_reach: int
    dense: bool = False

    def widened(self, weights: Any, sums: Any) -> Patches:
        """The same with weights and sums of these types, which must hold them."""
        held = aligned_zeros(len(self.weights), weights)
        held[:] = self.weights
        return replace(self, weights=held, full=self.full.astype(sums))


@dataclass(frozen=True)
class _Axis:
    """One spatial axis: per position its phase and first output, per phase the outputs of each tap."""

    phase: np.ndarray
    first: np.ndarray
    taps: list[list[tuple[int, int]]]
    extents: list[int]

    @property
    def before(self) -> int:
        return max(0, -int(self.first.min(initial=0)))

    def after(self, outputs: int) -> int:
        ends = self.first + np.array(self.extents)[self.phase]
        return max(0, int(ends.max(initial=0)) - outputs)


def conv_patches(
    weight: np.ndarray,
    input_shape: Shape,
    shape: Shape,
    stride: Shape,
    padding: Shape,
    dilation: Shape,
    groups: int,
    fan_out: np.ndarray,
) -> Patches:
    """Patches of a convolution.

    Args:
        weight: ``(C', C / groups, kH, kW)`` integers.
        input_shape, shape: ``(C, H, W)`` and ``(C', H', W')``.
        stride, padding, dilation, groups: of the convolution, ``(H, W)`` each.
        fan_out: ``(inputs, 2)`` synapses of each input, non-zero and all, in (H, W, C) order.
    """
    channels, height, width = input_shape
    outputs, out_height, out_width = shape
    kernel = weight.shape[2:]
    rows = _axis(height, kernel[0], stride[0], padding[0], dilation[0])
    columns = _axis(width, kernel[1], stride[1], padding[1], dilation[1])
    left, right = columns.before, columns.after(out_width)
    pitch = (left + out_width + right) * outputs
    full = _across_groups(weight, groups)
    flat: list[np.ndarray] = []
    start, per_row, per_block = [], [], []
    for row_taps, row_extent in zip(rows.taps, rows.extents, strict=True):
        for column_taps, column_extent in zip(columns.taps, columns.extents, strict=True):
            blocks = -(-column_extent * outputs // LANES)
            patch = np.zeros((channels, row_extent, blocks * LANES), dtype=np.int64)
            for row, i in row_taps:
                for column, j in column_taps:
                    patch[:, row, column * outputs : (column + 1) * outputs] = full[:, :, i, j].T
            start.append(sum(len(part) for part in flat))
            flat.append(patch.reshape(channels, row_extent, blocks, LANES).transpose(1, 2, 0, 3).reshape(-1))
            per_row.append(row_extent)
            per_block.append(blocks)
    at = (rows.first[:, None] + rows.before) * pitch + (columns.first[None] + left) * outputs
    places = Places(
        channels=channels,
        at=at.reshape(-1).astype(np.int64),
        phase=(rows.phase[:, None] * stride[1] + columns.phase[None]).reshape(-1).astype(np.int64),
        start=np.array(start, dtype=np.int64),
        rows=np.array(per_row, dtype=np.int64),
        blocks=np.array(per_block, dtype=np.int64),
        pitch=pitch,
        origin=rows.before * pitch + left * outputs,
        lines=out_height,
        width=out_width * outputs,
        size=(rows.before + out_height + rows.after(out_height)) * pitch + LANES,
        fan_out=in_digits(fan_out),
        reaching=pack((fan_out[:, 1] != 0)[None, :, None], np.arange(len(fan_out)))[0, 0],
    )
    return _narrowed(np.concatenate(flat), places, weight.reshape(outputs, -1))


def dense_patches(weight: np.ndarray, fan_out: np.ndarray) -> Patches:
    """Patches of a dense layer of ``(out, in)`` weights; inputs, also of ``fan_out``, in (H, W, C) order.

    Beyond the inputs there is a channel without weights, with which lists of events can be filled up.
    """
    outputs, inputs = weight.shape
    kernel = np.pad(weight, ((0, 0), (0, 1)))[:, :, None, None]
    shape = (inputs + 1, 1, 1)
    patches = conv_patches(kernel, shape, (outputs, 1, 1), (1, 1), (0, 0), (1, 1), 1, fan_out)
    return replace(patches, dense=True)


def no_patches(shape: Shape) -> Patches:
    """Places of a population ``(n,)`` or ``(C, H, W)`` that no synapses reach."""
    neurons = int(np.prod(shape))
    return dense_patches(np.zeros((neurons, 1), dtype=np.int64), np.zeros((1, 2), dtype=np.int64))


def alike(one: Patches, other: Patches) -> tuple[Patches, Patches]:
    """Both with the wider types of either, so that one compiled loop runs them."""
    weights = np.promote_types(one.weights.dtype, other.weights.dtype)
    sums = np.promote_types(one.full.dtype, other.full.dtype)
    return one.widened(weights, sums), other.widened(weights, sums)


def _axis(size: int, kernel: int, stride: int, padding: int, dilation: int) -> _Axis:
    position = np.arange(size) + padding
    taps: list[list[tuple[int, int]]] = []
    lowest, extents = [], []
    for phase in range(stride):
        # output of tap k at a position of this phase, relative to position // stride
        reached = [
            ((phase - dilation * k) // stride, k)
            for k in range(kernel)
            if (phase - dilation * k) % stride == 0
        ]
        low = min((output for output, _ in reached), default=0)
        taps.append([(output - low, k) for output, k in reached])
        lowest.append(low)
        extents.append(max((output - low + 1 for output, _ in reached), default=0))
    phase_of = position % stride
    return _Axis(phase_of, position // stride + np.array(lowest)[phase_of], taps, extents)


def _across_groups(weight: np.ndarray, groups: int) -> np.ndarray:
    """``(C', C, kH, kW)`` with zeros between groups."""
    outputs, inputs = weight.shape[:2]
    full = np.zeros((outputs, inputs * groups, *weight.shape[2:]), dtype=np.int64)
    share = outputs // groups
    for group in range(groups):
        out = slice(group * share, (group + 1) * share)
        full[out, group * inputs : (group + 1) * inputs] = weight[out]
    return full


def _narrowed(flat: np.ndarray, places: Places, synapses: np.ndarray) -> Patches:
    """In as few bits as hold them."""
    exact = synapses.astype(np.int64)
    excited, inhibited = np.maximum(exact, 0).sum(axis=1), np.minimum(exact, 0).sum(axis=1)
    reach = int(max(excited.max(initial=0), -inhibited.min(initial=0)))
    together = int(np.bitwise_or.reduce(np.abs(exact), axis=None, initial=0))
    scale = (together & -together).bit_length() - 1 if together else 0
    sums = np.int16 if reach >> scale < 1 << 15 else np.int32
    flat = flat >> scale
    kind = np.int8 if flat.min(initial=0) >= -128 and flat.max(initial=0) < 128 else sums
    weights = aligned_zeros(len(flat), kind)
    weights[:] = flat
    signed_reach = int((excited - inhibited).max(initial=0))
    return Patches(weights, _full(weights, places, sums), places, scale, reach, signed_reach)


def _full(weights: np.ndarray, places: Places, kind: type) -> np.ndarray:
    """Sums of spikes of all inputs."""
    patches = []
    for start, rows, blocks in zip(places.start, places.rows, places.blocks, strict=True):
        shape = (rows, blocks, places.channels, LANES)
        patch = weights[start : start + int(np.prod(shape))].reshape(shape).sum(axis=2, dtype=kind)
        patches.append(patch.reshape(rows, blocks * LANES))
    sums: np.ndarray = np.zeros(places.size, dtype=kind)
    for at, phase in zip(places.at, places.phase, strict=True):
        for row, part in enumerate(patches[phase]):
            low = at + row * places.pitch
            sums[low : low + len(part)] += part
    return sums
