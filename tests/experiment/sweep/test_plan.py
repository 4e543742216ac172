from __future__ import annotations

import os

import pytest
from sweep_results import result

from lavarobust.errors import DataError, SettingsError
from lavarobust.experiment.sweep import plan as plan_module
from lavarobust.experiment.sweep.plan import plan_sweep, run_plan
from lavarobust.experiment.sweep.pool import Silent
from lavarobust.experiment.sweep.results import write_result

SWEEP = "name: s\nrecipe: digits-plain\nover: {seed: [0, 1, 2]}\n"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "s.yaml").write_text(SWEEP)
    return tmp_path / "s.yaml"


def test_what_has_a_result_is_done_and_what_has_a_run_is_begun(file, tmp_path):
    out, results = tmp_path / "out", tmp_path / "committed"
    units = plan_sweep(file, out, results).units
    write_result(tmp_path / "before.json", {})
    results.mkdir()
    write_result(results / "whatever.json", result(units[1]))
    (out / "runs" / units[2].run_name).mkdir(parents=True)
    plan = plan_sweep(file, out, results)
    assert [plan.state(unit) for unit in plan.units] == ["to do", "done", "begun"]
    assert [job.unit.recipe.seed for job in plan.jobs] == [0, 2]
    assert plan.done == {units[1].key: result(units[1])}
    assert {job.result.parent for job in plan.jobs} == {results}
    assert {job.log.parent for job in plan.jobs} == {out / "logs"}
    # results of other sweeps in the folder are nobody's here
    assert plan_sweep(file, out, results, ["seed=2"]).done == {}


def test_planning_writes_nothing_and_runs_lie_with_the_others(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = plan_sweep(file)
    assert (str(plan.folder), str(plan.results)) == ("runs/s", "runs/s/results")
    assert os.listdir(tmp_path) == ["s.yaml"]


def test_nothing_to_do_starts_nothing(file, tmp_path, monkeypatch):
    out = tmp_path / "out"
    (out / "results").mkdir(parents=True)
    for unit in plan_sweep(file, out).units:
        write_result(out / "results" / f"{unit.name}.json", result(unit))
    monkeypatch.setattr(plan_module, "run_jobs", None)
    assert run_plan(plan_sweep(file, out), 1, Silent()) == ()
    assert os.listdir(out) == ["results"]


def test_a_second_sweep_in_the_folder_is_refused_while_the_first_is_at_work(file, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def meanwhile(jobs, workers, watcher):
        monkeypatch.setattr(plan_module, "run_jobs", lambda jobs, workers, watcher: ())
        with pytest.raises(SettingsError, match="out: another sweep is at work there"):
            run_plan(plan_sweep(file, out), 1, Silent())
        return ()

    monkeypatch.setattr(plan_module, "run_jobs", meanwhile)
    assert run_plan(plan_sweep(file, out), 1, Silent()) == ()
    assert run_plan(plan_sweep(file, out), 1, Silent()) == ()


def test_a_damaged_result_is_said_before_any_work(file, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a\.json"):
        plan_sweep(file, results=tmp_path / "results")
