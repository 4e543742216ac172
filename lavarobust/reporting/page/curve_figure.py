"""Accuracy over epsilon, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lavarobust.reporting.page.figures import COLOURS, DASHES, GRID, MARKERS, drawing, label, legend, written


@dataclass(frozen=True)
class Point:
    """A share of right images at one radius, 0..1, with its interval."""

    epsilon: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """One model's points.

    Attributes:
        name: for the legend.
        points: under one attack.
        worst: under a suite of attacks.
    """

    name: str
    points: tuple[Point, ...]
    worst: tuple[Point, ...] = ()


def curve_figure(name: str, curves: Sequence[Curve]) -> str:
    """An SVG of accuracies in percent over epsilon with their intervals; models differ in colour and mark."""
    with drawing(name, 3.6 + 0.27 * len(curves)) as figure:
        panel = figure.subplots()
        handles = []
        for place, curve in enumerate(curves):
            colour, mark = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
            handles.append(
                panel.errorbar(
                    *_bars(curve.points),
                    color=colour,
                    marker=mark,
                    markersize=5,
                    linestyle=DASHES[place % len(DASHES)],
                    linewidth=1.6,
                    elinewidth=1,
                    capsize=2.5,
                )
            )
            if curve.worst:
                panel.errorbar(
                    *_bars(curve.worst),
                    color=colour,
                    marker=mark,
                    markersize=11,
                    markerfacecolor="white",
                    markeredgewidth=1.8,
                    linestyle="",
                    elinewidth=1,
                    capsize=4,
                )
        panel.set_ylim(-3, 103)
        panel.set_yticks(range(0, 101, 20))
        panel.set_xlim(left=-0.02 * max(point.epsilon for curve in curves for point in curve.points))
        panel.set_xlabel("epsilon")
        panel.set_ylabel("accuracy (%)")
        panel.grid(color=GRID, linewidth=0.8)
        panel.set_axisbelow(True)
        legend(figure, handles, [label(curve.name) for curve in curves])
        return written(figure, name)


def _bars(points: Sequence[Point]) -> tuple[list[float], list[float], list[list[float]]]:
    shares = [100 * point.share for point in points]
    below = [max(100 * (point.share - point.low), 0.0) for point in points]
    above = [max(100 * (point.high - point.share), 0.0) for point in points]
    return [point.epsilon for point in points], shares, [below, above]
