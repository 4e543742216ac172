from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lavarobust.reporting.query_plot import query_plot


def test_the_picture_shows_the_curves_and_is_the_same_each_time():
    curves = {"plain": ([0, 1, 10, 1000], [0.98, 0.9, 0.5, 0.1]), "robust": ([0, 1000], [0.95, 0.8])}
    picture = query_plot(curves)
    assert picture == query_plot(curves)
    image = Image.open(io.BytesIO(picture))
    assert image.size == (768, 576)
    assert picture != query_plot({"plain": curves["plain"]}) != query_plot({})
    assert len(np.unique(np.asarray(image.convert("L")))) > 10
