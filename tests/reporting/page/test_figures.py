from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from lavarobust.reporting.page.activity_figure import ROWS, raster_figure, rate_figure, shares
from lavarobust.reporting.page.band_figure import Place, band_figure
from lavarobust.reporting.page.curve_figure import Curve, Point, curve_figure
from lavarobust.reporting.page.energy_figure import energy_figure
from lavarobust.reporting.page.figures import label
from lavarobust.reporting.page.sample_figure import sample_figure

HOSTILE = "_<script>$x^$ & \x00'\""
RASTER = np.arange(12).reshape(4, 3) % 2 == 0


def drawn(name, text=HOSTILE):
    """Every figure of a page, its names out of a hostile file."""
    point = Point(0.1, 0.5, 0.3, 0.7)
    grey = np.linspace(0, 1, 16).reshape(4, 4)
    return {
        "curve": lambda: curve_figure(name, [Curve(text, (point,), (point,)), Curve("other", (point,))]),
        "energy": lambda: energy_figure(
            name, [{"layer": text, "term": "accumulate", "energy_pj": 3.0},
                   {"layer": text, "term": "spike", "energy_pj": 1.0}]
        ),
        "rates": lambda: rate_figure(name, [{"layer": text, "rate_per_step": [0.1, 0.2]}]),
        "raster": lambda: raster_figure(name, [(text, RASTER)]),
        "band": lambda: band_figure(name, text, 0.15, 1.38, [Place(text, 0.5, 0.7), Place("none", 0.0, 0.0)]),
        "sample": lambda: sample_figure(name, grey, grey[::-1], 0.1, (RASTER, RASTER), (text, "answer 3")),
        "colours": lambda: sample_figure(
            name, np.zeros((4, 4, 3)), np.ones((4, 4, 3)), 0.1, (RASTER, RASTER), ("", "")
        ),
    }  # fmt: skip


FIGURES = list(drawn(""))


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_is_the_same_xml_every_time_and_has_its_own_identifiers(figure):
    first, again, other = (drawn(name)[figure]() for name in ("one", "one", "two"))
    assert first == again
    identifiers = [
        {node.get("id") for node in ET.fromstring(svg).iter() if node.get("id")} for svg in (first, other)
    ]
    assert identifiers[0] and not identifiers[0] & identifiers[1]
    references = {part.split(")")[0] for part in first.split("url(#")[1:]}
    references |= {part.split('"')[0] for part in first.split('href="#')[1:]}
    assert references <= identifiers[0]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_has_no_date_and_takes_nothing_from_elsewhere(figure):
    svg = drawn("one")[figure]()
    root = ET.fromstring(svg)
    assert root.get("viewBox") and root.get("width") is None and root.get("height") is None
    for node in root.iter():
        assert not node.tag.endswith(("script", "metadata", "date"))
        for name, value in node.attrib.items():
            assert not name.endswith("href") or value.startswith(("#", "data:image/png;base64,"))


def test_text_is_text_of_a_size_that_a_phone_can_show():
    svg = drawn("one", "4 dense")["energy"]()
    texts = [node for node in ET.fromstring(svg).iter() if node.tag.endswith("text")]
    assert {"4 dense", "accumulate", "spike", "pJ per image"} <= {node.text for node in texts}
    sizes = [part.split("px")[0].split()[-1] for part in svg.split("font-size: ")[1:]]
    assert sizes and all(float(size) >= 14 for size in sizes)


def test_names_are_short_printable_and_shown():
    assert label("_hidden") == " _hidden"
    assert label("a" * 40) == "a" * 25 + "…"
    assert label("a\nb") == "a?b"


def test_a_raster_of_many_neurons_has_rows_that_share_nearly_equally():
    raster = np.zeros((2 * ROWS + 1, 2), dtype=bool)
    raster[:2, 0] = True
    raster[-1, 1] = True
    found = shares(raster)
    assert found.shape == (ROWS, 2)
    # the first of the rows has three neurons, all others two
    assert found[0].tolist() == [2 / 3, 0] and found[-1].tolist() == [0, 0.5] and found.sum() == 2 / 3 + 0.5
    assert shares(RASTER).tolist() == RASTER.astype(float).tolist()
