"""A figure's place on a published band, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lavarobust.reporting.page.document import printable
from lavarobust.reporting.page.figures import COLOURS, GRID, INK, MARKERS, drawing, label, legend, written

_ROOM = 4.0
"""How many times beyond the band and the models the scale goes."""

_FEW = 100.0
"""From one end to the other, the scale can name 2 and 5 of each power of ten."""


@dataclass(frozen=True)
class Place:
    """A model on the scale, by its mean and the 95th percentile of its images."""

    name: str
    mean: float
    p95: float


def band_figure(name: str, title: str, low: float, high: float, places: Sequence[Place]) -> str:
    """An SVG of a logarithmic scale with the band shaded, a mark per model and a line to its percentile."""
    from matplotlib.ticker import LogLocator, NullLocator

    with drawing(name, 1.25 + 0.57 * len(places)) as figure:
        panel = figure.subplots()
        panel.set_xscale("log")
        least = min([low, *(place.mean for place in places if place.mean > 0)])
        panel.set_xlim(least / _ROOM, max([high, *(place.p95 for place in places)]) * _ROOM)
        panel.axvspan(low, high, color=GRID, linewidth=0)
        for limit in (low, high):
            panel.axvline(limit, color=INK, linewidth=0.8, linestyle=":")
        marks = []
        for row, place in enumerate(places):
            colour, mark = COLOURS[row % len(COLOURS)], MARKERS[row % len(MARKERS)]
            # a model without any spike is drawn at the scale's left end
            mean = max(place.mean, panel.get_xlim()[0])
            panel.plot([mean, max(place.p95, mean)], [row, row], color=colour, linewidth=2.2)
            marks += panel.plot([mean], [row], color=colour, marker=mark, markersize=9, linestyle="")
        panel.set_ylim(len(places) - 0.4, -0.6)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        panel.set_title(f"band {low:g} to {high:g}", loc="left")
        panel.set_xlabel(printable(title))
        first, last = panel.get_xlim()
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if last / first < _FEW else (1,)))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        legend(figure, marks, [label(place.name) for place in places])
        return written(figure, name)
