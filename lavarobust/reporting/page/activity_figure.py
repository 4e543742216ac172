"""Rates and rasters, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lavarobust.reporting.page.document import Plain
from lavarobust.reporting.page.figures import COLOURS, DASHES, GRID, MARKERS, drawing, label, legend, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 128
"""Rows of a raster at most: more neurons than that share them."""

_MOST_TICKS = 8


def rate_figure(name: str, layers: Sequence[Plain]) -> str:
    """An SVG of spikes per neuron at each step.

    Args:
        layers: with ``layer`` and ``rate_per_step``.
    """
    with drawing(name, 2.9 + 0.27 * len(layers)) as figure:
        panel = figure.subplots()
        for place, layer in enumerate(layers):
            rates = layer["rate_per_step"]
            panel.plot(
                range(1, len(rates) + 1),
                rates,
                color=COLOURS[place % len(COLOURS)],
                marker=MARKERS[place % len(MARKERS)] if len(rates) <= 20 else None,
                linestyle=DASHES[place % len(DASHES)],
                linewidth=1.6,
                markersize=5,
            )
        panel.set_ylim(bottom=0)
        panel.set_xlabel("step")
        panel.set_ylabel("spikes per neuron")
        _step_ticks(panel, len(layers[0]["rate_per_step"]), first=1)
        panel.grid(color=GRID, linewidth=0.8)
        names = [label(layer["layer"]) for layer in layers]
        legend(figure, panel.lines, names)
        return written(figure, name)


def raster_figure(name: str, rasters: Sequence[tuple[str, np.ndarray]]) -> str:
    """An SVG of rasters one below the other.

    Args:
        rasters: name and ``(neurons, T)`` bool of each layer.
    """
    heights = [_height(len(raster)) for _, raster in rasters]
    with drawing(name, 0.75 + sum(heights) + 0.42 * len(rasters)) as figure:
        panels = figure.subplots(len(rasters), 1, squeeze=False, height_ratios=heights)[:, 0]
        for panel, (layer, raster) in zip(panels, rasters, strict=True):
            draw_raster(panel, raster)
            panel.set_title(
                f"{label(layer)}: {len(raster):,} neurons, {int(raster.sum()):,} spikes", loc="left"
            )
            panel.set_xticks([])
        _step_ticks(panels[-1], rasters[-1][1].shape[1], first=0)
        panels[-1].set_xlabel("step")
        return written(figure, name)


def draw_raster(panel: Axes, raster: np.ndarray) -> None:
    """A raster ``(neurons, T)`` bool, neuron 0 on top, in at most :data:`ROWS` rows."""
    panel.imshow(
        shares(raster), cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="none", origin="upper"
    )
    panel.set_yticks([])
    for side in ("top", "right"):
        panel.spines[side].set_visible(True)


def shares(raster: np.ndarray) -> np.ndarray:
    """``(rows, T)`` share of each row's neurons that spike at each step; rows hold nearly equally many."""
    parts = np.array_split(raster, min(ROWS, len(raster)))
    return np.stack([part.mean(axis=0) for part in parts])


def _height(neurons: int) -> float:
    return float(np.clip(0.25 + 0.011 * min(neurons, ROWS), 0.35, 1.5))


def _step_ticks(panel: Axes, steps: int, first: int) -> None:
    """Whole steps, counted from 1, at places that begin with ``first``."""
    stride = max(1, -(-steps // _MOST_TICKS))
    places = range(0, steps, stride)
    panel.set_xticks([place + first for place in places], [str(place + 1) for place in places])
