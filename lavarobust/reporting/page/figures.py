"""How figures are drawn: narrow enough for a phone, text as text, the same bytes every time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lavarobust.reporting.page.document import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

WIDTH = 352 / 72
"""Inches; as many points as a phone has pixels beside its margins, so that text keeps its size there."""

TEXT = 14
"""Points, and pixels on a phone."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#e69f00", "#56b4e9", "#332288", "#882255", "#777777")
"""Told apart with any colour vision, and on white (Okabe and Ito 2008; Tol 2021)."""

MARKERS = "osD^vPX*h"
DASHES = ("-", "--", "-.", ":")
GRID = "#d8dde3"
INK = "#1b2733"

_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "legend.fontsize": TEXT,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": False,
    "hatch.linewidth": 0.6,
}
_LONGEST = 26


@contextmanager
def drawing(name: str, height: float) -> Iterator[Drawing]:
    """A figure of the page's width with its settings, for as long as it is drawn and written.

    Args:
        name: no other figure of the page has it.
        height: in inches.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: Any = {**_SETTINGS, "svg.hashsalt": name}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


def written(figure: Drawing, name: str) -> str:
    """The figure as an ``<svg>`` element that scales, without date, links or identifiers of other figures."""
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = content.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", svg)
    return re.sub(r"\n\s*", "\n", svg).strip()


def legend(figure: Drawing, handles: Sequence[Any], names: Sequence[str]) -> None:
    """Names below the figure, where they hide nothing."""
    figure.legend(handles, names, loc="outside lower left", frameon=False)


def label(name: object) -> str:
    """A name as a figure can hold it: short, printable, and not hidden by a leading underscore."""
    text = printable(name)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f" {text}" if text.startswith("_") else text
