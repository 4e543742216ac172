"""A convolution as sums over *blocks* of targets: what each reads where, and which weights it multiplies.

Populations are in (H, W, C) order here. A block is up to 16 numbers of a line of targets: a few pixels of
few channels, or a part of one pixel's many. All blocks of a *class* read the same offsets from their first
source and share their weights, because they lie alike to the stride. Sources have margins of zeros, so
that nothing is ever cut at a border; targets lie without anything between. The same holds from outputs to
inputs: gradients go back through blocks of input pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lavarobust.dynamics.aligned import aligned_zeros
from lavarobust.dynamics.geometry import Geometry
from lavarobust.dynamics.rows import LANES, TILE


class Padded(NamedTuple):
    """A population ``(lines, pixels, channels)`` with margins around it, for compiled loops.

    Attributes:
        width: numbers of a line.
        origin: place of the first.
        pitch: from one line to the next.
        size: of the array.
    """

    lines: int
    width: int
    origin: int
    pitch: int
    size: int


class Blocks(NamedTuple):
    """The blocks of a population of targets, for compiled loops; all arrays int64.

    Attributes:
        source: where sources lie.
        neurons, rows: targets, and the rows of 16 that hold them. One row more belongs to nobody.
        at: ``(tiles, TILE, 2)`` first source and target of each block; a tile's are of one class, and in
            ascending order of targets.
        first, last: ``(classes,)`` its tiles.
        lanes: ``(classes,)`` how many targets a block has.
        offsets: ``(classes, taps)`` what a block reads, relative to its first source.
        taps: ``(classes,)`` how many of those count; the others' products go nowhere.
        start: ``(classes,)`` its weights ``[tap, 16]``.
    """

    source: Padded
    neurons: int
    rows: int
    at: np.ndarray
    first: np.ndarray
    last: np.ndarray
    lanes: np.ndarray
    offsets: np.ndarray
    taps: np.ndarray
    start: np.ndarray

    @property
    def room(self) -> int:
        """Numbers of an array for sums."""
        return (self.rows + 1) * LANES


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
        laid_out = aligned_zeros(len(self.index), np.float32)
        np.take(np.append(weight.reshape(-1), np.float32(0)), self.index, out=laid_out)
        return laid_out

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

    def classes(self, together: int, targets: int) -> tuple[np.ndarray, list[_Kind]]:
        """The class of each group of ``together`` targets, of which the last may have fewer."""
        phase, first = self.phase.reshape(-1, together), self.first.reshape(-1, together)
        there = np.minimum(together, targets - together * np.arange(len(phase)))
        keys = np.concatenate([phase, first - first[:, :1], there[:, None]], axis=1)
        rows, kind = np.unique(keys, axis=0, return_inverse=True)
        return kind.reshape(-1), [self._kind(key, together) for key in rows]

    def _kind(self, key: np.ndarray, together: int) -> _Kind:
        targets = int(key[-1])
        reads = [
            (target, int(key[together + target] + self.tap_source[tap]), tap)
            for target in range(targets)
            for tap in range(len(self.tap_phase))
            if self.tap_phase[tap] == key[target]
        ]
        return _Kind(targets, reads)


@dataclass(frozen=True)
class _Kind:
    """A class of groups of targets along an axis: their number in one, and each (target, source, tap)."""

    targets: int
    reads: list[tuple[int, int, int]]


def _gather(geometry: Geometry, make_axis, towards_outputs: bool) -> Gather:  # type: ignore[no-untyped-def]
    source_shape, target_shape = geometry.inputs, geometry.outputs
    if not towards_outputs:
        source_shape, target_shape = target_shape, source_shape
    channels, lines, pixels = target_shape
    together, parts = max(1, LANES // channels), -(-channels // LANES)
    wide = channels if parts == 1 else parts * LANES
    groups = -(-pixels // together)
    rows, columns = (
        make_axis(size, geometry.kernel[i], geometry.stride[i], geometry.padding[i], geometry.dilation[i])
        for i, size in enumerate((lines, groups * together))
    )
    row_kind, row_kinds = rows.classes(1, lines)
    column_kind, column_kinds = columns.classes(together, pixels)
    above, below = _margins(rows, row_kinds, row_kind, 1, source_shape[1])
    left, right = _margins(columns, column_kinds, column_kind, together, source_shape[2])
    pitch = (left + source_shape[2] + right) * source_shape[0]
    source = Padded(
        source_shape[1], source_shape[2] * source_shape[0], above * pitch + left * source_shape[0], pitch,
        (above + source_shape[1] + below) * pitch,
    )  # fmt: skip
    neurons = channels * lines * pixels
    nobody = -(-neurons // LANES) * LANES
    row_first = (rows.first + above) * pitch
    column_first = (columns.first[::together] + left) * source_shape[0]
    synapses = geometry.outputs[0] * (geometry.inputs[0] // geometry.groups) * int(np.prod(geometry.kernel))
    tap_at = _weights(geometry, towards_outputs, wide, synapses)
    at: list[np.ndarray] = []
    offsets: list[np.ndarray] = []
    index: list[np.ndarray] = []
    first, last, lanes, taps, start = [], [], [], [], []
    laid_out = 0
    for row_class, row in enumerate(row_kinds):
        for column_class, column in enumerate(column_kinds):
            here = np.flatnonzero(row_kind == row_class), np.flatnonzero(column_kind == column_class)
            read_at, weights = _reads(
                row.reads, column.reads, tap_at, pitch, together, source_shape[0], synapses
            )
            for part in range(parts):
                target = (here[0][:, None] * pixels + here[1][None] * together) * channels + part * LANES
                origin = row_first[here[0]][:, None] + column_first[here[1]][None]
                blocks = np.stack([origin.reshape(-1), target.reshape(-1)], axis=1)
                spare = np.array([[blocks[0, 0], nobody]] * (-len(blocks) % TILE)).reshape(-1, 2)
                first.append(sum(len(tiles) for tiles in at))
                at.append(np.concatenate([blocks, spare]).reshape(-1, TILE, 2))
                last.append(first[-1] + len(at[-1]))
                lanes.append(column.targets * channels if parts == 1 else min(LANES, channels - part * LANES))
                own = weights.reshape(len(weights), together * wide)[:, part * LANES : (part + 1) * LANES]
                spare_taps = -len(own) % TILE
                offsets.append(np.append(read_at, np.repeat(read_at[:1], spare_taps)))
                taps.append(len(own))
                start.append(laid_out)
                whole = np.full((len(own) + spare_taps, LANES), synapses)
                whole[: len(own), : own.shape[1]] = own
                index.append(whole.reshape(-1))
                laid_out += whole.size
    most = max(len(row) for row in offsets)
    reading = np.stack([np.append(row, np.zeros(most - len(row))) for row in offsets])
    numbers = (np.concatenate(at), first, last, lanes, reading, taps, start)
    arrays = (np.asarray(array).astype(np.int64) for array in numbers)
    arranged = Blocks(source, neurons, nobody // LANES, *arrays)
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
    axis: _Axis, kinds: list[_Kind], kind: np.ndarray, together: int, sources: int
) -> tuple[int, int]:
    """Sources in front of the population and behind it that some target reads."""
    low, high = 0, sources
    for group, own in enumerate(kind):
        for _, source, _ in kinds[own].reads:
            position = int(axis.first[group * together]) + source
            low, high = min(low, position), max(high, position + 1)
    return -low, high - sources
