"""A sweep's table as a picture: accuracy over what was varied, and over what it costs in spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lavarobust.experiment.sweep.file import Axis
from lavarobust.experiment.sweep.gather import SweepRow
from lavarobust.reporting.png import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NAMED = 8
"""Rows that a legend has place for."""

ACCURACY = "accuracy on the deployed integers (%)"
_OPENING = "gate opening"

Curve = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
"""Places, means and standard deviations (0 of a single seed), in the order of the places."""


def curves(rows: Sequence[SweepRow], axis: Axis, figure: str) -> dict[str, Curve]:
    """A figure of the rows over the axis, by curve; rows that have no such figure yet are left out.

    Args:
        figure: a key of :attr:`SweepRow.figures`.
    """
    points: dict[str, list[tuple[float, float, float]]] = {}
    for row in rows:
        if figure in row.figures:
            curve, place = axis.places[row.name]
            spread = row.figures[figure]
            points.setdefault(curve, []).append((place, spread.mean, spread.std or 0.0))
    return {name: tuple(zip(*sorted(of), strict=True)) for name, of in points.items()}  # type: ignore[misc]


def sweep_plot(rows: Sequence[SweepRow], axis: Axis | None) -> bytes:
    """A PNG of clean and worst-case accuracy: over the axis, where there is one, and over spikes.

    The second is the coding-efficiency curve of robust conversion: what an accuracy costs in spikes per
    neuron, or per image, where older results do not know the neurons. Where rows have gates, their mean
    opening over the axis stands beside it: over gamma, what StoG's regulariser closes.
    """
    from matplotlib.figure import Figure

    gated = axis is not None and any(_OPENING in row.figures for row in rows)
    count = 1 + (axis is not None) + gated
    figure = Figure(figsize=(6.4 * count, 4.8), layout="constrained")
    panels = figure.subplots(1, count, squeeze=False)[0]
    _draw_cost(panels[-1], rows)
    if axis is not None:
        draw_curves(panels[0], rows, axis, _figures(rows))
        panels[0].set_ylabel(ACCURACY)
    if axis is not None and gated:
        draw_curves(panels[1], rows, axis, [_OPENING])
        panels[1].set_ylabel("mean opening of gates (%)")
    return png(figure)


def draw_curves(panel: Axes, rows: Sequence[SweepRow], axis: Axis, figures: Sequence[str]) -> None:
    """Figures of the rows over the axis in percent: a colour per curve, a line style per figure."""
    for style, name in zip(("-", "--", ":", "-."), figures, strict=False):
        for number, (curve, (places, means, deviations)) in enumerate(curves(rows, axis, name).items()):
            panel.errorbar(
                places,
                [100 * mean for mean in means],
                [100 * deviation for deviation in deviations],
                linestyle=style,
                marker="o",
                color=f"C{number % 10}",
                capsize=2,
                label=f"{curve}, {_named(name)}",
            )
    panel.set_xlabel(axis.key)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(fontsize="x-small")


def _draw_cost(panel: Axes, rows: Sequence[SweepRow]) -> None:
    done = [row for row in rows if row.seeds]
    cost = _cost(done)
    for number, row in enumerate(done):
        for marker, name in zip("osv^", _figures(rows), strict=False):
            if name in row.figures:
                panel.plot(
                    row.figures[cost].mean,
                    100 * row.figures[name].mean,
                    marker,
                    color=f"C{number % 10}",
                    label=f"{row.name}, {_named(name)}",
                )
    panel.set_xlabel(f"{cost}, mean of clean images")
    panel.set_ylabel(ACCURACY)
    if 0 < len(done) <= _MOST_NAMED:
        panel.legend(fontsize="x-small")


def _cost(done: Sequence[SweepRow]) -> str:
    """What all finished rows can be drawn over."""
    known = all("spikes per neuron" in row.figures for row in done)
    return "spikes per neuron" if known else "spikes"


def _figures(rows: Sequence[SweepRow]) -> list[str]:
    """Clean accuracy, and the worst case at each epsilon."""
    epsilons = dict.fromkeys(epsilon for row in rows for epsilon in row.epsilons)
    return ["accuracy", *(f"worst, {epsilon:g}" for epsilon in epsilons)]


def _named(figure: str) -> str:
    return "clean" if figure == "accuracy" else figure.replace(", ", " at ")
