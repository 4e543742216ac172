from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lavarobust.experiment.sweep.equal_accuracy import TABLES, Energy, EqualAccuracy, Method
from lavarobust.experiment.sweep.file import Axis
from lavarobust.experiment.sweep.gather import spread
from lavarobust.reporting.equal_accuracy import PUBLISHED, equal_accuracy_plot, equal_accuracy_tables


def method(name, kind, steps, accuracy, energies, reached=True):
    """Energies: pJ of both seeds and the multiple, the same by both tables and counts."""
    made = tuple(
        Energy(table, counted, spread(energies), spread([energies[0] / 1000] * 2))
        for table in TABLES
        for counted in ("equation", "executed")
    )
    counts = spread([1234.0, 1234.0])
    return Method(name, kind, steps, spread([accuracy] * 2), reached, counts, spread([0.0, 0.0]), made)


FOUND = EqualAccuracy(
    "HIRE",
    0.9,
    (
        method("HIRE", "direct", 4, 0.95, (1000.0, 3000.0)),
        method("coded", "rate-coded", 16, 0.9, (5000.0, 5000.0)),
        method("ANN", "ANN", None, 0.85, (9000.0, 9000.0), reached=False),
    ),
)


def test_the_tables_say_steps_operations_and_energies_and_the_papers_multiples():
    work, energy = equal_accuracy_tables(FOUND)
    assert work.columns == ("row", "input", "T", "accuracy (%)", "AC", "MAC")
    assert work.rows[0] == ("HIRE", "direct", "4", "95.0 ± 0.0", "1,234 ± 0", "0 ± 0")
    assert work.rows[2][2:4] == ("-", "85.0 ± 0.0 (not reached)")
    assert "90.0 %" in work.notes[0]
    # 1 and 3 nJ: mean 2, deviations of 1, and 1 + 1 over n - 1 = 1 is 2, whose root is 1.4
    assert energy.rows[0] == (
        "HIRE", "Eq. 8", "2.0 ± 1.4", "1.00 ± 0.00", "-", "2.0 ± 1.4", "1.00 ± 0.00", "-",
    )  # fmt: skip
    assert energy.rows[1][1] == "executed"
    assert energy.rows[2][1:5] == ("Eq. 7", "5.0 ± 0.0", "5.00 ± 0.00", "4.6") and energy.rows[2][7] == "3.9"
    assert energy.rows[3][4] == "-"  # the paper has no executed counts
    assert energy.rows[4][4] == "10" and energy.rows[4][7] == "53"
    for table in (work, energy):
        assert all(len(row) == len(table.columns) for row in table.rows) and all(table.notes)
    assert {table for table, _ in PUBLISHED} == set(TABLES)


def test_while_units_are_missing_the_table_says_so():
    [table] = equal_accuracy_tables(None)
    assert not table.rows and "when every unit" in table.markdown()


def test_the_picture_is_the_same_for_the_same_figures():
    axis = Axis("network.steps", {})
    one, other = equal_accuracy_plot(FOUND, (), axis), equal_accuracy_plot(FOUND, (), axis)
    assert one == other != equal_accuracy_plot(None, (), axis)
    image = Image.open(io.BytesIO(one))
    assert image.size == (1536, 576) and len(np.unique(np.asarray(image.convert("L")))) > 10
