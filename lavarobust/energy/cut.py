"""How a population is cut into blocks, one for each core, so that no block exceeds a limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from lavarobust.energy.profiles import LimitName
from lavarobust.energy.sites import Grid, Link, Site

BITS_PER_WEIGHT = 8
"""What the loader keeps of a weight, its sign included (``lavarobust.netx.limits.WEIGHT_MAX``)."""

CORE_LIMITS: tuple[LimitName, ...] = (
    "compartments_per_core",
    "synaptic_memory_bytes_per_core",
    "fan_in_axons_per_core",
    "fan_out_axons_per_core",
)

Limits = Mapping[LimitName, int]


@dataclass(frozen=True)
class Cut:
    """A population in blocks of one size; those at the far ends may be smaller.

    Attributes:
        block: (C, H, W) of a block.
        pieces: blocks along each axis.
        demand: of each limit of a core, what the block that needs most takes.
    """

    block: Grid
    pieces: Grid
    demand: Mapping[LimitName, int]

    @property
    def cores(self) -> int:
        return prod(self.pieces)

    def core_of(self, grid: Grid) -> np.ndarray:
        """``(neurons,)`` int64: which of the cores, from 0, holds each neuron, in (C, H, W) order."""
        own = [np.arange(size) // step for size, step in zip(grid, self.block, strict=True)]
        _, rows, columns = self.pieces
        cores: np.ndarray = (own[0][:, None, None] * rows + own[1][:, None]) * columns + own[2]
        return cores.reshape(-1).astype(np.int64)


Outgoing = Sequence[tuple[Link, Cut | None]]
"""Links from a site, each with its target's cut; None where that is the site itself."""


def best_cut(site: Site, outgoing: Outgoing, limits: Limits) -> Cut | None:
    """A cut into few blocks that keeps every limit; None where one neuron alone exceeds one.

    It has the smallest sum of its own cores and of those that its sources need at least for their fan-out
    axons: blocks that hear of many neurons would make the layers in front of them many small ones.

    Limits that are absent are not kept.
    """
    axons = limits.get("fan_out_axons_per_core")

    def rank(cut: Cut) -> tuple[int, ...]:
        heard = sum(_heard_by_all(link, cut) for link in site.links if link.source is not None)
        in_front = 0 if axons is None else -(-heard // axons)
        return (cut.cores + in_front, cut.cores, heard, -cut.block[1], -cut.block[2])

    return min(_cuts(site, outgoing, limits), key=rank, default=None)


def fewest_cores(site: Site, outgoing: Outgoing, limits: Limits) -> int | None:
    """The fewest blocks that keep the limits; None where one neuron alone exceeds one."""
    return min((cut.cores for cut in _cuts(site, outgoing, limits)), default=None)


def _cuts(site: Site, outgoing: Outgoing, limits: Limits) -> Iterator[Cut]:
    """For every height and width of a block, the cut of the fewest pieces along the channels."""
    channels, height, width = site.grid
    for rows in _sizes(height):
        for columns in _sizes(width):
            most = _most_channels(site, outgoing, limits, rows, columns)
            if most:
                # as even as this many pieces can be
                yield make_cut(site, (-(-channels // -(-channels // most)), rows, columns), outgoing)


def make_cut(site: Site, block: Grid, outgoing: Outgoing) -> Cut:
    """A population in blocks of a given size, and what they take.

    A core takes a compartment for each neuron; each of its weights once, those that a convolution shares
    too (indices, headers and the variants at borders are not counted); a fan-in axon for each position that
    it hears of through shared weights, and for each neuron through others; a fan-out axon for each of its
    neurons and each core that hears it. Every weight counts as there, also one that is zero.
    """
    pieces = (
        -(-site.grid[0] // block[0]),
        -(-site.grid[1] // block[1]),
        -(-site.grid[2] // block[2]),
    )
    weights = block[0] * sum(link.weights for link in site.links)
    demand: dict[LimitName, int] = {
        "compartments_per_core": prod(block),
        "synaptic_memory_bytes_per_core": -(-weights * BITS_PER_WEIGHT // 8),
        "fan_in_axons_per_core": sum(_axons_in(link, block) for link in site.links),
        "fan_out_axons_per_core": sum(
            _axons_out(link, block, *_target(cut, block, pieces)) for link, cut in outgoing
        ),
    }
    return Cut(block, pieces, demand)


def excess(cut: Cut, limits: Limits) -> dict[LimitName, int]:
    """By which limits a cut's blocks are too large, with what they take."""
    return {name: cut.demand[name] for name in CORE_LIMITS if cut.demand[name] > limits.get(name, np.inf)}


def _sizes(length: int) -> list[int]:
    """Every size of a piece into which a length can be divided evenly, up to one."""
    return sorted({-(-length // parts) for parts in range(1, length + 1)}, reverse=True)


def _most_channels(site: Site, outgoing: Outgoing, limits: Limits, rows: int, columns: int) -> int:
    """The largest number of channels in a block that keeps the limits; 0 where one is too many."""
    low, high = 0, site.grid[0]
    while low < high:
        middle = (low + high + 1) // 2
        if excess(make_cut(site, (middle, rows, columns), outgoing), limits):
            high = middle - 1
        else:
            low = middle
    return low


def _target(cut: Cut | None, block: Grid, pieces: Grid) -> tuple[Grid, Grid]:
    return (block, pieces) if cut is None else (cut.block, cut.pieces)


def _axons_in(link: Link, block: Grid) -> int:
    if link.kind == "relay":
        return prod(block)
    if link.kind == "dense":
        return prod(link.inputs)
    return _heard(link.rows, block[1]) * _heard(link.columns, block[2])


def _heard(reached: np.ndarray, size: int) -> int:
    """Most source positions along one axis that a block of target positions hears."""
    return int(_grouped(reached, size).sum(axis=1).max())


def _axons_out(link: Link, block: Grid, target: Grid, pieces: Grid) -> int:
    """Most (neuron, hearing core) pairs of a block, where the target is cut into blocks of its own."""
    axes = zip(_hearing(link, target, pieces), block, strict=True)
    return prod(int(np.add.reduceat(counts, np.arange(0, len(counts), size)).max()) for counts, size in axes)


def _heard_by_all(link: Link, target: Cut) -> int:
    """All (neuron, hearing core) pairs of a source."""
    return prod(int(counts.sum()) for counts in _hearing(link, target.block, target.pieces))


def _hearing(link: Link, target: Grid, pieces: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along each axis of the source, how many of the target's blocks hear each position; they multiply."""
    rows = _grouped(link.rows, target[1]).sum(axis=0)
    columns = _grouped(link.columns, target[2]).sum(axis=0)
    return _hearing_blocks(link, target[0], pieces[0]), rows, columns


def _hearing_blocks(link: Link, size: int, pieces: int) -> np.ndarray:
    """``(C,)`` of the source: in how many blocks of the target's channels each of its channels is heard."""
    if link.groups == 1:
        return np.full(link.inputs[0], pieces, dtype=np.int64)
    outputs = link.channels // link.groups
    first = outputs * np.arange(link.groups)
    blocks = (first + outputs - 1) // size - first // size + 1
    return np.repeat(blocks, link.inputs[0] // link.groups)


def _grouped(reached: np.ndarray, size: int) -> np.ndarray:
    """``(blocks, source)`` bool: which source positions some position of each block of targets hears."""
    grouped: np.ndarray = np.logical_or.reduceat(reached, np.arange(0, len(reached), size), axis=0)
    return grouped
