"""Figures worked out by hand."""

from __future__ import annotations

import json

import pytest
from sweep_results import counted, result, unit

from lavarobust.errors import DataError
from lavarobust.experiment.sweep.equal_accuracy import TABLES, equal_accuracy
from lavarobust.experiment.sweep.file import Axis
from lavarobust.experiment.sweep.gather import gather

FP32, INT32 = TABLES
AXIS = Axis(
    "network.steps",
    {f"{row} steps={steps}": (row, float(steps)) for row in ("HIRE", "rate") for steps in (8, 4, 2)},
)
# Of 10 images, right ones by seed. HIRE's best mean is 0.95, at T = 8; rate coding's 0.9, at T = 4.
RIGHT = {
    "HIRE steps=8": (9, 10),
    "HIRE steps=4": (9, 9),
    "HIRE steps=2": (8, 9),
    "rate steps=8": (8, 9),
    "rate steps=4": (8, 10),
    "rate steps=2": (10, 7),
}


def done(row, seed, accumulates):
    """A result of 10 images: of HIRE 100 multiply-accumulates each, of both the accumulates."""
    each = unit(row, seed)
    rule, terms = "hire-eq7", {"accumulate": 10 * accumulates}
    if row.startswith("HIRE"):
        rule, terms = "hire-eq8", terms | {"multiply_accumulate": 1000}
    made = result(each, counted(correct=RIGHT[row][seed], accumulates=9 * accumulates))
    executed = {"accumulate": 5 * accumulates, "active_update": 77}
    made["counts"] |= {"operations": {"executed": executed, rule: terms}, "ann_operations": 500}
    if row.startswith("HIRE"):
        made["analog"] = {"correct": 8 + seed}
    return each, made


def results(rows=RIGHT):
    """HIRE's accumulates at T = 4 are 200 and 400 an image, rate coding's 1,000 and 2,000."""
    of = {"HIRE": 50, "rate": 250}
    made = [
        done(row, seed, of[row.split()[0]] * AXIS.places[row][1] * (1 + seed))
        for row in rows
        for seed in (0, 1)
    ]
    return [each for each, _ in made], {each.key: found for each, found in made}


def compared():
    return equal_accuracy(gather(*results()), AXIS, "HIRE")


def test_every_row_is_taken_at_its_least_steps_that_reach_the_smallest_of_the_best():
    found = compared()
    assert (found.reference, found.target) == ("HIRE", 0.9)
    hire, rate, _ = found.methods
    assert (hire.name, hire.kind, hire.steps, hire.accuracy.values) == ("HIRE", "direct", 4, (0.9, 0.9))
    assert (rate.name, rate.kind, rate.steps, rate.accuracy.values) == ("rate", "rate-coded", 4, (0.8, 1.0))
    assert hire.reached and rate.reached
    # 9 times 200 and 400 accumulates of 10 images
    assert hire.accumulates.values == (180, 360) and hire.multiply_accumulates.values == (0, 0)


def test_the_ann_is_the_one_that_the_reference_started_from_and_may_miss_the_target():
    ann = compared().methods[-1]
    assert (ann.name, ann.kind, ann.steps, ann.accuracy.values) == ("ANN", "ANN", None, (0.8, 0.9))
    assert (
        not ann.reached and ann.accumulates.values == (0, 0) and ann.multiply_accumulates.values == (500, 500)
    )


def energies(method):
    return {(each.table, each.counted): each for each in method.energies}


def test_energies_are_operations_times_the_papers_prices_and_multiples_go_seed_by_seed():
    hire, rate, ann = map(energies, compared().methods)
    # 100 MAC of 4.6 pJ, and 200 and 400 AC of 0.9
    assert hire[FP32, "equation"].picojoule.values == pytest.approx((640, 820))
    assert hire[INT32, "equation"].picojoule.values == pytest.approx((340, 360))
    assert hire[FP32, "equation"].times.values == (1, 1)
    assert rate[FP32, "equation"].picojoule.values == pytest.approx((900, 1800))
    assert rate[FP32, "equation"].times.values == pytest.approx((900 / 640, 1800 / 820))
    assert rate[INT32, "equation"].times.values == pytest.approx((100 / 340, 200 / 360))
    assert ann[FP32, "equation"].picojoule.values == pytest.approx((2300, 2300))
    assert ann[INT32, "equation"].times.values == pytest.approx((1600 / 340, 1600 / 360))
    # executed: half as many accumulates, no multiply-accumulates; updates have no price in these tables
    assert hire[FP32, "executed"].picojoule.values == pytest.approx((90, 180))
    assert rate[INT32, "executed"].picojoule.values == pytest.approx((50, 100))
    assert ann[FP32, "executed"].times.values == pytest.approx((2300 / 90, 2300 / 180))


def test_nothing_is_compared_while_a_unit_is_missing():
    units, there = results()
    del there[units[3].key]
    assert equal_accuracy(gather(units, there), AXIS, "HIRE") is None


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda made: made["counts"].pop("operations"),
            "row 'HIRE steps=4': its results say no operations by",
        ),
        (
            lambda made: made["counts"].pop("ann_operations"),
            "'HIRE steps=4': its results say no ANN operations",
        ),
        (lambda made: made.pop("analog"), "row 'HIRE steps=4': its results say no analog accuracy"),
    ],
)
def test_a_result_that_does_not_say_what_it_needs_is_named(damage, said):
    units, there = results()
    for each in units:
        if each.row == "HIRE steps=4":
            damage(there[each.key])
    with pytest.raises(DataError, match=said):
        equal_accuracy(gather(units, there), AXIS, "HIRE")


def test_it_is_plain_data():
    plain = json.loads(json.dumps(compared().as_dict()))
    assert plain["methods"][1]["steps"] == 4 and plain["methods"][1]["energies"][0]["table"] == FP32
