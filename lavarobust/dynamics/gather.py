"""A convolution as sums over *blocks* of targets: what each reads where, and which weights it multiplies.

Populations are in (H, W, C) order here. A block is 16 numbers of a line of targets: a few pixels of few
channels, or a part of one pixel's many. All blocks of a *class* read the same offsets from their first
source and share their weights, because they lie alike to the stride. Sources have margins of zeros, and
targets are padded to whole blocks, so that nothing is ever cut at a border. The same holds from outputs
to inputs: gradients go back through blocks of input pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lavarobust.dynamics.geometry import Geometry
from lavarobust.dynamics.rows import LANES, TILE


class Padded(NamedTuple):
    """A population ``(lines, pixels, channels)`` in a larger array, for compiled loops.

    Attributes:
        origin: place of its first neuron.
        pitch, stride: from one line, and from one pixel, to the next.
        size: of the array.
    """

    lines: int
    pixels: int
    channels: int
    origin: int
    pitch: int
    stride: int
    size: int

    @property
    def neurons(self) -> int:
        """Of the population alone."""
        return self.lines * self.pixels * self.channels


class Blocks(NamedTuple):
    """The blocks of a population of targets, for compiled loops; all arrays int64.

    Attributes:
        source, target: where sources and targets lie; the last block of ``target`` belongs to nobody.
        at: ``(tiles, TILE, 2)`` first source and target of each block; a tile's are of one class.
        first, last: ``(classes,)`` its tiles.
        offsets: ``(classes, taps)`` what a block reads, relative to its first source.
        taps: ``(classes,)`` how many of those count; the others' products go nowhere.
        start: ``(classes,)`` its weights ``[tap, 16]``.
    """

    source: Padded
    target: Padded
    at: np.ndarray
    first: np.ndarray
    last: np.ndarray
    offsets: np.ndarray
    taps: np.ndarray
    start: np.ndarray


@dataclass(frozen=True, eq=False)
class Gather:
    """One direction of a convolution.

    Attributes:
        blocks: for compiled loops.
        index: per number of the laid-out weights, which of the convolution's it is, ``synapses`` for none.
        synapses: weights of the convolution.
    """

    blocks: Blocks
    index: np.ndarray
    synapses: int

    def lay_out(self, weight: np.ndarray) -> np.ndarray:
        """Flat float32 of a weight ``(C', C / groups, kH, kW)``."""
        return np.append(weight.reshape(-1), np.float32(0))[self.index]

    def collect(self, laid_out: np.ndarray) -> np.ndarray:
        """Flat float32 gradient of the weight: all that was laid out from one, summed."""
        sums = np.bincount(self.index, laid_out, minlength=self.synapses + 1)
        return sums[: self.synapses].astype(np.float32)


@lru_cache(maxsize=64)
def forward(geometry: Geometry) -> Gather:
    """Sums of inputs: an output at y reads input ``stride * y - padding + dilation * k`` through tap k."""

    def axis(targets: int, kernel: int, stride: int, padding: int, dilation: int) -> _Axis:
        target = np.arange(targets)
        reach = dilation * np.arange(kernel)
        return _Axis(0 * target, stride * target - padding, 0 * reach, reach)

    return _gather(geometry, axis, towards_outputs=True)


@lru_cache(maxsize=64)
def backward(geometry: Geometry) -> Gather:
    """Sums of outputs' gradients: an input at y reads output ``(y + padding - dilation * k) / stride``
    through tap k where that is whole."""

    def axis(targets: int, kernel: int, stride: int, padding: int, dilation: int) -> _Axis:
        target = np.arange(targets) + padding
        reach = dilation * np.arange(kernel)
        tap_phase = reach % stride
        return _Axis(target % stride, target // stride, tap_phase, (tap_phase - reach) // stride)

    return _gather(geometry, axis, towards_outputs=False)


@dataclass(frozen=True)
class _Axis:
    """One spatial axis.

    Attributes:
        phase, first: ``(targets,)`` which taps a target has, and the source that they are counted from.
        tap_phase, tap_source: ``(kernel,)`` targets of which phase have a tap, and its source.
    """

    phase: np.ndarray
    first: np.ndarray
    tap_phase: np.ndarray
    tap_source: np.ndarray

    def classes(self, together: int) -> tuple[np.ndarray, list[list[tuple[int, int, int]]]]:
        """The class of each group of ``together`` targets, and each class's (target, source, tap)."""
        phase, first = self.phase.reshape(-1, together), self.first.reshape(-1, together)
        keys = np.concatenate([phase, first - first[:, :1]], axis=1)
        kinds, kind = np.unique(keys, axis=0, return_inverse=True)
        reads = [
            [
                (target, int(key[together + target] + self.tap_source[tap]), tap)
                for target in range(together)
                for tap in range(len(self.tap_phase))
                if self.tap_phase[tap] == key[target]
            ]
            for key in kinds
        ]
        return kind.reshape(-1), reads


def _gather(geometry: Geometry, make_axis, towards_outputs: bool) -> Gather:  # type: ignore[no-untyped-def]
    source_shape, target_shape = geometry.inputs, geometry.outputs
    if not towards_outputs:
        source_shape, target_shape = target_shape, source_shape
    channels, lines, pixels = target_shape
    wide = 1 << (channels - 1).bit_length() if channels < LANES else -(-channels // LANES) * LANES
    together, parts = max(1, LANES // wide), max(1, wide // LANES)
    groups = -(-pixels // together)
    rows, columns = (
        make_axis(size, geometry.kernel[i], geometry.stride[i], geometry.padding[i], geometry.dilation[i])
        for i, size in enumerate((lines, groups * together))
    )
    row_kind, row_reads = rows.classes(1)
    column_kind, column_reads = columns.classes(together)
    above, below = _margins(rows, row_reads, row_kind, 1, source_shape[1])
    left, right = _margins(columns, column_reads, column_kind, together, source_shape[2])
    pitch = (left + source_shape[2] + right) * source_shape[0]
    source = Padded(
        source_shape[1], source_shape[2], source_shape[0], above * pitch + left * source_shape[0], pitch,
        source_shape[0], (above + source_shape[1] + below) * pitch,
    )  # fmt: skip
    target_pitch = groups * together * wide
    target = Padded(lines, pixels, channels, 0, target_pitch, wide, lines * target_pitch + LANES)
    row_first = (rows.first + above) * pitch
    column_first = (columns.first[::together] + left) * source_shape[0]
    synapses = geometry.outputs[0] * (geometry.inputs[0] // geometry.groups) * int(np.prod(geometry.kernel))
    tap_at = _weights(geometry, towards_outputs, wide, synapses)
    at: list[np.ndarray] = []
    offsets: list[np.ndarray] = []
    index: list[np.ndarray] = []
    first, last, taps, start = [], [], [], []
    laid_out = 0
    for row_class, row_taps in enumerate(row_reads):
        for column_class, column_taps in enumerate(column_reads):
            here = np.flatnonzero(row_kind == row_class), np.flatnonzero(column_kind == column_class)
            read_at, weights = _reads(
                row_taps, column_taps, tap_at, pitch, together, source_shape[0], synapses
            )
            for part in range(parts):
                blocks = np.stack(
                    [
                        (row_first[here[0]][:, None] + column_first[here[1]][None]).reshape(-1),
                        (here[0][:, None] * target_pitch + here[1][None] * together * wide).reshape(-1)
                        + part * LANES,
                    ],
                    axis=1,
                )
                spare = np.array([[blocks[0, 0], target.size - LANES]] * (-len(blocks) % TILE)).reshape(-1, 2)
                first.append(sum(len(tiles) for tiles in at))
                at.append(np.concatenate([blocks, spare]).reshape(-1, TILE, 2))
                last.append(first[-1] + len(at[-1]))
                lanes = weights.reshape(len(weights), together * wide)[:, part * LANES : (part + 1) * LANES]
                spare_taps = -len(lanes) % TILE
                offsets.append(np.append(read_at, np.repeat(read_at[:1], spare_taps)))
                taps.append(len(lanes))
                start.append(laid_out)
                nothing = np.full((spare_taps, LANES), synapses)
                index.append(np.concatenate([lanes, nothing]).reshape(-1))
                laid_out += len(index[-1])
    most = max(len(row) for row in offsets)
    reading = np.stack([np.append(row, np.zeros(most - len(row))) for row in offsets]).astype(np.int64)
    whole = (np.concatenate(at), np.array(first), np.array(last), reading, np.array(taps), np.array(start))
    arranged = Blocks(source, target, *(array.astype(np.int64) for array in whole))
    return Gather(arranged, np.concatenate(index).astype(np.int64), synapses)


def _reads(
    row_taps: list[tuple[int, int, int]],
    column_taps: list[tuple[int, int, int]],
    tap_at: np.ndarray,
    pitch: int,
    together: int,
    channels: int,
    none: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Offsets ``(taps,)`` that a class reads, and the weight of each target, ``(taps, together, wide)``."""
    wanted = sorted({(row, column) for _, row, _ in row_taps for _, column, _ in column_taps})
    place = {position: number for number, position in enumerate(wanted)}
    weights = np.full((len(wanted), channels, together, tap_at.shape[3]), none)
    for _, row, i in row_taps:
        for target, column, j in column_taps:
            weights[place[row, column], :, target] = tap_at[i, j]
    offsets = np.array(wanted).reshape(-1, 2) @ np.array([pitch, channels])
    return (offsets[:, None] + np.arange(channels)).reshape(-1), weights.reshape(
        -1, together, tap_at.shape[3]
    )


def _weights(geometry: Geometry, towards_outputs: bool, wide: int, none: int) -> np.ndarray:
    """``(kH, kW, sources, wide)``: which weight joins two channels through a tap, or ``none``."""
    outputs, inputs = geometry.outputs[0], geometry.inputs[0]
    share = inputs // geometry.groups
    number = np.arange(none).reshape(outputs, share, *geometry.kernel).transpose(2, 3, 1, 0)
    joined = np.full((*geometry.kernel, inputs, outputs), none)
    for output in range(outputs):
        low = output // (outputs // geometry.groups) * share
        joined[:, :, low : low + share, output] = number[:, :, :, output]
    if not towards_outputs:
        joined = joined.swapaxes(2, 3)
    padded = np.full((*joined.shape[:3], wide), none)
    padded[..., : joined.shape[3]] = joined
    return padded


def _margins(
    axis: _Axis, reads: list[list[tuple[int, int, int]]], kind: np.ndarray, together: int, sources: int
) -> tuple[int, int]:
    """Sources in front of the population and behind it that some target reads."""
    low, high = 0, sources
    for group, own in enumerate(kind):
        for _, source, _ in reads[own]:
            position = int(axis.first[group * together]) + source
            low, high = min(low, position), max(high, position + 1)
    return -low, high - sources
