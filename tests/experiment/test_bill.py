from __future__ import annotations

import json

import pytest

from lavarobust.errors import SettingsError
from lavarobust.experiment import bill as module
from lavarobust.experiment.bill import bill, price_tables
from lavarobust.experiment.inputs import DataChoice


def test_a_bill_is_counts_times_prices(model_file):
    """INT32 prices of HIRE-SNN's table 7: 3.2 pJ a multiply-accumulate, 0.1 pJ an accumulate."""
    report = bill(model_file, DataChoice(limit=7), profiles=["horowitz_45nm_int32"], rules=["executed"])
    first, last = report.record.layers
    expected = (3.2 * first.synops.sum() + 0.1 * last.synops.sum()) / 7
    assert report.bills[0].total_pj.mean == pytest.approx(expected, rel=1e-12)
    plain = report.as_dict()
    assert json.loads(json.dumps(plain)) == plain and plain["backend"] == "simulator"


def test_every_table_with_every_rule_that_applies(model_file):
    report = bill(model_file, DataChoice(limit=2))
    assert [(each.profile, each.rule) for each in report.bills] == [
        (profile, rule)
        for profile in ("horowitz_45nm_fp32", "horowitz_45nm_int32")
        for rule in ("executed", "hire-eq8")
    ]


@pytest.mark.parametrize(
    ("choice", "words"),
    [({"profiles": ["gold"]}, "no price table 'gold'"), ({"rules": ["fair"]}, "no energy rule 'fair'"),
     ({"profiles": []}, "name at least one price table")],
)  # fmt: skip
def test_a_wrong_name_is_said_before_anything_is_executed(model_file, monkeypatch, choice, words):
    monkeypatch.setattr(module, "execute", None)
    with pytest.raises(SettingsError, match=words):
        bill(model_file, **choice)


def test_price_tables_may_be_files(tmp_path):
    from lavarobust.resources import resource_folder

    own = tmp_path / "mine.toml"
    own.write_bytes((resource_folder("hw_profiles") / "horowitz_45nm_fp32.toml").read_bytes())
    assert [table.name for table in price_tables(["horowitz_45nm_int32", own])] == [
        "horowitz_45nm_int32",
        "mine",
    ]
