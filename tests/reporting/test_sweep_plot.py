from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sweep_results import counted, result, unit

from lavarobust.experiment.sweep.file import Axis
from lavarobust.experiment.sweep.gather import gather
from lavarobust.reporting.sweep_plot import curves, sweep_plot

AXIS = Axis(
    "network.steps", {f"a steps={steps}": ("a", float(steps)) for steps in (8, 4)} | {"b": ("b", 4.0)}
)


def rows(**exported):
    units = [unit(row, seed) for row in ("a steps=8", "a steps=4", "b") for seed in (0, 1)]
    right = {("a steps=8", 0): 90, ("a steps=8", 1): 94, ("a steps=4", 0): 80}
    results = {
        each.key: result(
            each, counted(samples=100, correct=correct, spikes=5000), robust=[(0.1, correct - 30)]
        )
        | {"export": exported}
        for each in units
        if (correct := right.get((each.row, each.recipe.seed)))
    }
    return gather(units, results)


def test_a_curve_has_its_points_in_order_and_rows_without_results_have_none():
    [(name, (places, means, deviations))] = curves(rows(), AXIS, "accuracy").items()
    assert name == "a" and places == (4.0, 8.0)
    assert means == pytest.approx((0.8, 0.92))
    # 90 and 94 %: 2 and 2 from the mean, 8 over n - 1 = 1
    assert deviations == pytest.approx((0.0, 8**0.5 / 100))
    assert curves(rows(), AXIS, "worst, 0.1")["a"][1] == pytest.approx((0.5, 0.62))
    assert curves(rows(), AXIS, "worst, 0.2") == {}


@pytest.mark.parametrize(
    ("axis", "exported", "width"),
    [
        (AXIS, {}, 1536),
        (None, {}, 768),
        (AXIS, {"gate_opening": 0.5}, 2304),
        (None, {"gate_opening": 1}, 768),
    ],
)
def test_the_picture_is_the_same_for_the_same_rows(axis, exported, width):
    one, other = sweep_plot(rows(**exported), axis), sweep_plot(rows(**exported), axis)
    assert one == other
    image = Image.open(io.BytesIO(one))
    assert image.size == (width, 576) and len(np.unique(np.asarray(image.convert("L")))) > 10


def test_spikes_are_drawn_per_neuron_where_every_finished_row_knows_its_neurons():
    # 5,000 spikes of 100 images: 50 per image, 2.5 for each of 20 neurons
    known, unknown = rows(neurons=20), rows()
    assert known[0].figures["spikes per neuron"].mean == 2.5 and not known[2].seeds
    per_image = sweep_plot(unknown, None)
    assert sweep_plot(known, None) != per_image
    assert sweep_plot(known[:1] + unknown[1:], None) == per_image


def test_a_sweep_of_which_nothing_is_done_has_a_picture():
    assert sweep_plot(gather([unit("b")], {}), AXIS).startswith(b"\x89PNG")
