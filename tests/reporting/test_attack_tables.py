from __future__ import annotations

from lavarobust.attacks.audit import WITHSTOOD, Audit, AuditRow
from lavarobust.experiment.attack_cost import AttackCost, CostRow
from lavarobust.experiment.gap import FLOAT_TWIN, NOWHERE, Gap, GapRow
from lavarobust.reporting.attack_tables import audit_table, cost_table, gap_table


def test_an_audit_names_what_was_executed_and_what_differs():
    rows = (AuditRow("FGSM", 3, 3, 0, 0, 0), AuditRow(WITHSTOOD, 2, 0, 0, 1, 1))
    table = audit_table([Audit("models/digits-plain", "lava", 40, 0, rows).as_dict()])
    assert table.rows == (
        ("digits-plain", "FGSM", "3", "3", "0", "0", "0"),
        ("digits-plain", "withstood every attack", "2", "0", "0", "1", "1"),
    )
    assert "5 of 40 images executed on lava, 2 differences" in table.markdown()


def test_a_gap_has_each_stage_side_by_side():
    rows = (
        GapRow("clean", NOWHERE, 1.0, 0.9, 0.9, 0, None),
        GapRow("FGSM", FLOAT_TWIN, 0.0, 0.25, 0.25, 0, 0.5),
        GapRow("PGD-20", FLOAT_TWIN, 1.0, 0.9, 0.9, 0, None),
    )
    table = gap_table([Gap("digits-plain", "simulator", 20, "linf 0.1", rows).as_dict()])
    assert table.rows[0][2:] == ("nowhere", "100.0 %", "90.0 %", "90.0 %", "not attacked", "0")
    assert table.rows[1][2:] == ("float twin", "0.0 %", "25.0 %", "25.0 %", "50.0 %", "0")
    assert table.rows[2][6] == "none fell"
    assert "20 images, linf 0.1, executed on simulator" in table.markdown()


def test_a_cost_stands_beside_the_clean_one():
    rows = (
        CostRow("clean", 1.0, 100.0, 4000.0, 500.0, {"prices": 2000.0}),
        CostRow("operations-20", 0.5, 150.0, 8000.0, 750.0, {"prices": 3000.0}),
    )
    table = cost_table([AttackCost("digits-plain", "lava", 20, "linf 0.1", rows).as_dict()])
    assert table.columns[-1] == "nJ, prices"
    assert table.rows[0][2:] == ("100.0 %", "100 (1.00)", "4,000 (1.00)", "500 (1.00)", "2.0 (1.00)")
    assert table.rows[1][2:] == ("50.0 %", "150 (1.50)", "8,000 (2.00)", "750 (1.50)", "3.0 (1.50)")


def test_a_cost_without_a_clean_price_has_no_multiple():
    free = CostRow("clean", 1.0, 0.0, 0.0, 0.0, {"prices": 0.0})
    other = CostRow("clean", 1.0, 0.0, 0.0, 0.0, {"others": 5000.0})
    tables = [
        AttackCost(name, "lava", 1, "any", (row,)).as_dict() for name, row in (("a", free), ("b", other))
    ]
    assert [row[-2:] for row in cost_table(tables).rows] == [("0.0", "no price"), ("no price", "5.0 (1.00)")]
