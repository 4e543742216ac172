from __future__ import annotations

import pytest
from tiny_runs import tiny_run

from lavarobust.attacks import FGSM, PGD
from lavarobust.attacks.suites import adaptive, quick, standard
from lavarobust.errors import SettingsError
from lavarobust.experiment import benchmark as module
from lavarobust.experiment import suite_run
from lavarobust.experiment.benchmark import benchmark
from lavarobust.experiment.bill import price_tables
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice
from lavarobust.experiment.suite_effects import costs_of, gaps_of, gradient_attacks, run_of


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny_run(tmp_path_factory.mktemp("runs") / "tiny") / "model.net"


def test_the_attacks_of_a_suite_that_follow_gradients_are_told_once_each():
    assert gradient_attacks(quick()) == (FGSM(), PGD(20))
    names = [settings.name for settings in gradient_attacks(adaptive(other=True))]
    assert names == ["PGD-20", "SA-PGD-100", "APGD-100", "APGD-20 (DLR, 9 targets)"]
    assert gradient_attacks(standard()) == ()


def test_gap_and_cost_are_of_the_images_that_the_suite_found(file):
    report = benchmark(file, DataChoice(limit=10), suite="quick", epsilons=(0.05, 0.1), audited=0)
    told = []
    costs = costs_of(report, price_tables(["horowitz_45nm_int32"]), lambda what, *_: told.append(what))
    gaps = gaps_of(report, run_of(file), lambda what, *_: told.append(what))
    assert told == [
        "cost of attacked images at 0.05",
        "cost of attacked images at 0.1",
        "float, SLAYER and executed at 0.05",
        "float, SLAYER and executed at 0.1",
    ]
    for result, cost, gap in zip(report.results, costs, gaps, strict=True):
        assert cost.threat == gap.threat == str(result.threat)
        assert cost.rows[1].operations == pytest.approx(result.operations[1])
        [worst] = [row for row in gap.rows if row.images == "suite quick"]
        assert worst.executed_accuracy == result.robust.value


def test_a_file_that_was_run_otherwise_has_no_gap(file, monkeypatch):
    monkeypatch.setattr(suite_run, "_diagnosed", lambda *_: [None])
    monkeypatch.setattr(module, "named_suite", lambda name, rule, other: quick())
    monkeypatch.setattr(suite_run, "summarised", lambda *_: None)
    report = benchmark(file, DataChoice(limit=4), PlanChoice(steps=3), audited=0)
    with pytest.raises(SettingsError, match="other steps, encoding or readout than it was trained with"):
        gaps_of(report, run_of(file))
