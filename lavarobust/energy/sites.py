"""What a chip has to hold: every population, with the synapses that reach it and the relays in between."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from lavarobust.netx.graph import branches
from lavarobust.netx.model import Conv, Dense, Input, Model, Shape
from lavarobust.netx.shapes import output_shapes

Grid = tuple[int, int, int]
"""(C, H, W); a flat population of n neurons is (n, 1, 1)."""

LinkKind = Literal["dense", "conv", "relay"]


@dataclass(frozen=True, eq=False)
class Link:
    """The synapses from one population, or from the host, into another.

    Attributes:
        source: position of the source among the sites; None for the host.
        kind: ``dense`` joins all with all, ``conv`` shares its weights among positions, ``relay`` joins
            each neuron with one.
        inputs: the source's grid.
        channels: of the target.
        groups: of channels that are joined with one another.
        weights: stored for each channel of the target; of a flat target, for each neuron.
        rows, columns: ``(target, source)`` bool, which rows and columns of the source reach which of the
            target.
    """

    source: int | None
    kind: LinkKind
    inputs: Grid
    channels: int
    groups: int
    weights: int
    rows: np.ndarray
    columns: np.ndarray

    @property
    def synapses_per_channel(self) -> int:
        """Unrolled synapses into one channel of the target: one for each pair of neurons, as borders cut."""
        if self.kind == "relay":
            return self.inputs[1] * self.inputs[2]
        return self.inputs[0] // self.groups * int(self.rows.sum()) * int(self.columns.sum())


@dataclass(frozen=True, eq=False)
class Site:
    """One population to be placed.

    Attributes:
        name: as ``Model.layer_name`` gives it, or ``"relay 1 of 0 conv to 2 conv"``.
        grid: its shape.
        links: what reaches it.
    """

    name: str
    grid: Grid
    links: tuple[Link, ...]

    @property
    def neurons(self) -> int:
        return prod(self.grid)

    @property
    def synapses(self) -> int:
        """Unrolled synapses, zero weights among them and what borders cut off not."""
        return self.grid[0] * sum(link.synapses_per_channel for link in self.links)

    @property
    def weights(self) -> int:
        """Weights that are stored where one core holds it all."""
        return self.grid[0] * sum(link.weights for link in self.links)


def sites_of(model: Model) -> tuple[Site, ...]:
    """Every population of a model in order, the relays of a shortcut in front of the one it leads to.

    A shortcut around n layers takes n relays, each a population of its source's shape.

    Raises:
        ModelFileError: a layer doesn't fit the output of the layer before it.
    """
    shapes = (model.input_shape, *output_shapes(model.layers, model.input_shape, model.name))
    sites: list[Site] = []
    placed: list[int] = []
    for position, (index, layer) in enumerate(model.populations):
        name = model.layer_name(index)
        if isinstance(layer, Input):
            placed.append(len(sites))
            sites.append(Site(name, _grid(layer.shape), ()))
            continue
        links = [_link(layer, placed[-1] if placed else None, _source_grid(shapes[index], sites, placed))]
        for branch in branches(model, layer):
            source = placed[branch.source]
            for step in range(position - branch.source - 1):
                grid = sites[source].grid
                label = f"relay {step + 1} of {sites[placed[branch.source]].name} to {name}"
                sites.append(Site(label, grid, (_relay(source, grid),)))
                source = len(sites) - 1
            links.append(_link(branch.synapse, source, sites[source].grid))
        if isinstance(layer, Dense) and layer.recurrent_weight is not None:
            own = _grid(layer.shape)
            links.append(_dense(len(sites), own, own[0]))
        placed.append(len(sites))
        sites.append(Site(name, _grid(layer.shape), tuple(links)))
    return tuple(sites)


def _source_grid(shape: Shape, sites: list[Site], placed: list[int]) -> Grid:
    """Of the population in front, whose rows a flatten layer hides; of the input where there is none."""
    return sites[placed[-1]].grid if placed else _grid(shape)


def _grid(shape: Shape) -> Grid:
    if len(shape) == 3:
        return (int(shape[0]), int(shape[1]), int(shape[2]))
    return (int(prod(shape)), 1, 1)


def _link(layer: Dense | Conv, source: int | None, inputs: Grid) -> Link:
    if isinstance(layer, Dense):
        return _dense(source, inputs, layer.shape[0])
    return Link(
        source,
        "conv",
        inputs,
        layer.shape[0],
        layer.groups,
        int(prod(layer.weight.shape[1:])),
        _reached(inputs[1], layer, axis=0),
        _reached(inputs[2], layer, axis=1),
    )


def _dense(source: int | None, inputs: Grid, neurons: int) -> Link:
    rows, columns = np.ones((1, inputs[1]), dtype=bool), np.ones((1, inputs[2]), dtype=bool)
    return Link(source, "dense", inputs, neurons, 1, prod(inputs), rows, columns)


def _relay(source: int, grid: Grid) -> Link:
    rows, columns = np.eye(grid[1], dtype=bool), np.eye(grid[2], dtype=bool)
    return Link(source, "relay", grid, grid[0], grid[0], 1, rows, columns)


def _reached(size: int, layer: Conv, axis: int) -> np.ndarray:
    """``(outputs, size)`` bool: whether some kernel tap of an output position lies on an input position."""
    outputs, kernel = layer.shape[1 + axis], layer.weight.shape[2 + axis]
    offset = np.arange(size) + layer.padding[axis] - layer.stride[axis] * np.arange(outputs)[:, None]
    tap, remainder = np.divmod(offset, layer.dilation[axis])
    reached: np.ndarray = (remainder == 0) & (tap >= 0) & (tap < kernel)
    return reached
