from __future__ import annotations

import pytest
from sweep_results import counted, result, unit

from lavarobust.experiment.sweep.compare import compare
from lavarobust.experiment.sweep.gather import gather
from lavarobust.reporting.sweep_tables import comparison_table

ROBUST = {  # by row and seed: right of 100 at epsilon 0.1 and 0.3
    "vanilla": {0: (40, 10), 1: (50, 12), 2: (45, 11)},
    "better": {0: (60, 11), 1: (58, 20)},
    "worse": {0: (60, 5), 1: (70, 6), 2: (70, 11)},
    "mixed": {0: (39, 20), 1: (60, 22), 2: (60, 21)},
}
CORRECT = {"vanilla": 90, "better": 88, "worse": 90, "mixed": 91}
SPIKES = {"vanilla": 1000, "better": 1500, "worse": 500, "mixed": 1000}


def rows():
    units = [unit(row, seed) for row in (*ROBUST, "none") for seed in (0, 1, 2)]
    results = {}
    for each in units:
        row, seed = each.row, each.recipe.seed
        if seed in ROBUST.get(row, {}):
            near, far = ROBUST[row][seed]
            clean = counted(samples=100, correct=CORRECT[row], spikes=SPIKES[row])
            attacked = [counted("FGSM", epsilon, 100, correct=50) for epsilon in (0.1, 0.3)]
            results[each.key] = result(each, clean, *attacked, robust=[(0.1, near), (0.3, far)])
    return gather(units, results)


def test_gains_are_taken_seed_by_seed_and_decide_what_becomes_of_the_claim():
    better, worse, mixed = compare(rows(), "vanilla")  # of "none" no seed is done
    assert better.row == "better" and better.seeds == (0, 1)
    assert better.robust[0.1].values == pytest.approx((0.2, 0.08))
    assert better.robust[0.3].values == pytest.approx((0.01, 0.08))
    assert better.clean.mean == pytest.approx(-0.02) and better.spikes.mean == pytest.approx(1.5)
    assert better.verdict == "holds"
    assert worse.robust[0.3].mean == pytest.approx(-0.11 / 3) and worse.verdict == "fails"
    assert mixed.robust[0.1].low < 0 < mixed.robust[0.1].mean and mixed.verdict == "unclear"


def test_the_table_shows_points_and_the_verdict():
    table = comparison_table(compare(rows(), "vanilla"), "vanilla")
    assert table.title == "Against vanilla"
    assert table.columns == ("row", "seeds", "clean", "worst at 0.1", "worst at 0.3", "spikes", "more robust")
    # 20 and 8 points: mean 14, standard deviation 12 / sqrt(2) = 8.5; 1 and 8: 4.5 and 4.9
    expected = ("better", "2", "-2.0 ± 0.0", "+14.0 ± 8.5", "+4.5 ± 4.9", "1.50 ± 0.00", "holds")
    assert table.rows[0] == expected
    assert all(len(row) == len(table.columns) for row in table.rows)
