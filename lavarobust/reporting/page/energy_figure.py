"""A bill per layer and kind of operation, drawn."""

from __future__ import annotations

from collections.abc import Sequence

from lavarobust.reporting.page.document import Plain
from lavarobust.reporting.page.figures import COLOURS, GRID, drawing, label, legend, written
from lavarobust.reporting.page.words import energy_unit

_HATCHES = ("", "//", "\\\\", "||", "--", "xx", "++")


def energy_figure(name: str, lines: Sequence[Plain]) -> str:
    """An SVG of stacked bars, a bar per layer and a colour and hatch per kind of operation.

    Args:
        lines: of a bill, with ``layer``, ``term`` and ``energy_pj``.
    """
    layers = list(dict.fromkeys(line["layer"] for line in lines))
    terms = list(dict.fromkeys(line["term"] for line in lines))
    amounts = {(line["layer"], line["term"]): line["energy_pj"] for line in lines}
    highest = max(sum(amounts.get((layer, term), 0.0) for term in terms) for layer in layers)
    size, unit = energy_unit(highest)
    with drawing(name, 1.0 + 0.42 * len(layers) + 0.27 * len(terms)) as figure:
        panel = figure.subplots()
        bars = []
        start = [0.0] * len(layers)
        for place, term in enumerate(terms):
            widths = [amounts.get((layer, term), 0.0) / size for layer in layers]
            drawn = panel.barh(
                range(len(layers)),
                widths,
                left=start,
                height=0.64,
                color=COLOURS[place % len(COLOURS)],
                hatch=_HATCHES[place % len(_HATCHES)],
                edgecolor="white",
                linewidth=0,
            )
            bars.append(drawn)
            start = [before + width for before, width in zip(start, widths, strict=True)]
        panel.set_yticks(range(len(layers)), [label(layer) for layer in layers])
        panel.invert_yaxis()
        panel.set_xlabel(f"{unit} per image")
        panel.grid(axis="x", color=GRID, linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
        names = [term.replace("_", " ") for term in terms]
        legend(figure, bars, names)
        return written(figure, name)
