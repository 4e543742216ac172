from __future__ import annotations

import csv
import io

from sweep_results import counted, result, unit

from lavarobust.experiment.sweep.gather import gather
from lavarobust.reporting.sweep_tables import sweep_csv, sweep_tables


def rows():
    units = [unit(row, seed) for row in ("vanilla", "AT", "none") for seed in (0, 1)]
    results = {}
    for each in units[:3]:
        seed = each.recipe.seed
        sets = [
            counted(samples=100, correct=90 + 2 * seed, float_correct=95, spikes=100_000, on_lava=16),
            counted("FGSM", 0.1, 100, correct=45, fooled=45 + 2 * seed, gradients=200, zero_gradients=50),
        ]
        if each.row == "AT":  # attacked a second time
            sets.append(counted("PGD-20", 0.3, 100, correct=30, fooled=60))
        results[each.key] = result(each, *sets, robust=[(0.1, 44), (0.3, 29)][: len(sets) - 1])
    return gather(units, results)


def test_every_row_has_the_same_columns_and_every_figure_its_spread():
    accuracy, success, work = sweep_tables(rows())
    assert accuracy.columns == (
        "row", "seeds", "train", "float", "deployed", "FGSM at 0.1", "PGD-20 at 0.3", "worst at 0.1",
        "worst at 0.3",
    )  # fmt: skip
    # 90 % and 92 %: mean 91, deviations of 1, and 1 + 1 over n - 1 = 1 is 2, whose root is 1.4
    assert accuracy.rows == (
        ("vanilla", "2", "75.0 ± 0.0", "95.0 ± 0.0", "91.0 ± 1.4", "45.0 ± 0.0", "-", "44.0 ± 0.0", "-"),
        ("AT", "1 of 2", "75.0", "95.0", "90.0", "45.0", "30.0", "44.0", "29.0"),
        ("none", "0 of 2", "-", "-", "-", "-", "-", "-", "-"),
    )
    assert success.columns == ("row", "seeds", "FGSM at 0.1", "PGD-20 at 0.3", "zero gradients")
    # 45 of 90 and 47 of 92: 50.00 and 51.09
    assert success.rows[0] == ("vanilla", "2", "50.5 ± 0.8", "-", "25.0")
    assert success.rows[1] == ("AT", "1 of 2", "50.0", "66.7", "25.0")
    assert work.columns == ("row", "seeds", "spikes", "AC", "MAC", "differ")
    assert work.rows[0][2] == "1,000 ± 0" and work.rows[0][-1] == "0 of 400 / 0 of 32"
    for table in (accuracy, success, work):
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert "Test images per seed: 100." in accuracy.notes


def test_a_sweep_of_which_nothing_is_done_has_a_table():
    for table in sweep_tables(gather([unit("a")], {})):
        assert table.rows[0][:2] == ("a", "0 of 1") and all(table.notes)


def test_the_csv_holds_every_figure_unrounded():
    first, second, third = csv.DictReader(io.StringIO(sweep_csv(rows())))
    assert (first["row"], first["seeds"], first["missing"], first["images"]) == ("vanilla", "2", "0", "100")
    assert float(first["accuracy (mean)"]) == 0.91
    assert (first["accuracy (min)"], first["accuracy (max)"]) == ("0.9", "0.92")
    assert second["accuracy (std)"] == "" and second["success, PGD-20 at 0.3 (mean)"] == str(60 / 90)
    assert first["accuracy, PGD-20 at 0.3 (mean)"] == "" == third["accuracy (mean)"]
    assert (first["slayer_images"], first["lava_images"], first["zero_gradient_share"]) == (
        "400",
        "32",
        "0.25",
    )
