"""The verb ``sweep``: one table of everything that is done, whatever was stopped, killed or failed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sweep_results import counted, result
from tiny_runs import TINY

import lavarobust
from lavarobust.experiment.sweep.plan import plan_sweep
from lavarobust.experiment.sweep.results import read_results, write_result
from lavarobust.experiment.sweep.work import run_unit

COMMAND = Path(sys.executable).with_name("lavarobust")
SMALL = [override for override in TINY if not override.startswith(("data.limit", "training.epochs"))]


@pytest.fixture
def file(tmp_path):
    """One good and one hopeless row of two seeds."""
    sets = "".join(f"  {key}: {value}\n" for key, value in (each.split("=") for each in SMALL))
    path = tmp_path / "two.yaml"
    path.write_text(
        f"name: two\nset:\n{sets}  data.limit: 24\n  training.epochs: 2\n"
        "rows:\n  good: {recipe: digits-plain}\n"
        "  hopeless: {recipe: digits-plain, set: {data.name: nowhere}}\n"
        "over: {seed: [0, 1]}\nevaluate: {images: 9, on_lava: 2}\n"
    )
    return path


def with_results(file, out):
    """A result of every unit, whose correct images are its seed plus 5 of 10."""
    (out / "results").mkdir(parents=True)
    for unit in plan_sweep(file, out).units:
        sets = [counted(correct=5 + unit.recipe.seed), counted("PGD-3", 0.1, fooled=3, correct=2)]
        made = result(unit, *sets, robust=[(0.1, 2)])
        write_result(out / "results" / f"{unit.name}.json", made)


def test_a_sweep_that_is_done_is_shown_and_written(cli, file, tmp_path):
    out = tmp_path / "out"
    with_results(file, out)
    answer = cli("sweep", file, "--out", out, "--json", tmp_path / "result.json")
    assert (answer.code, answer.err) == (0, "")
    # 50 % and 60 %: mean 55, deviations of 5, and 25 + 25 over 1 is 50, whose root is 7.1
    assert re.search(r"good +2 +75\.0 ± 0\.0 +0\.0 ± 0\.0 +55\.0 ± 7\.1 ", answer.out)
    for name in ("sweep.md", "sweep.csv", "sweep.json", "results"):
        assert f"  {out / name}\n" in answer.out and (out / name).exists()
    made = lavarobust.sweep(file, out)
    assert json.loads((out / "sweep.json").read_text()) == json.loads(json.dumps(made.as_dict()))
    assert json.loads((tmp_path / "result.json").read_text()) == json.loads(json.dumps(made.as_dict()))
    assert (made.units, made.done, made.failures) == (4, 4, ())
    assert all(table.markdown() in (out / "sweep.md").read_text() for table in made.tables)


def test_a_dry_run_lists_units_and_writes_nothing(cli, file, tmp_path):
    out = tmp_path / "out"
    answer = cli("sweep", file, "--dry-run", "--out", out)
    assert answer.out.endswith(f"4 units, 0 done; results in {out}/results\n")
    assert not out.exists()
    with_results(file, out)
    answer = cli("sweep", file, "--dry-run", "--out", out, "seed=1")
    assert (answer.code, answer.err) == (0, "")
    header, *rows, last = answer.out.splitlines()
    assert [row.split()[0] for row in rows] == ["good", "hopeless"]
    assert all(row.split()[2:] == ["1", "1", "of", "1", "done"] for row in rows)
    assert last.startswith("2 units, 2 done") and header.split() == ["row", "unit", "seed", "shard", "state"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("nowhere.yaml", "nowhere.yaml: no such sweep. Name a YAML file, or one of: "),
        ("two.yaml --workers 0", "0 is not in the range x>=1"),
        ("two.yaml training.epochs=x", "rows.good: override training.epochs=x"),
        ("two.yaml --results two.yaml --out two.yaml", "two.yaml: can't be made"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(cli, file, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    answer = cli("sweep", *arguments.split())
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ") and answer.err.count("\n") == 1 and words in answer.err
    assert os.listdir(tmp_path) == ["two.yaml"]


def start(*arguments):
    return subprocess.Popen(
        [COMMAND, "sweep", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def eventually(process, condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def units_of(process):
    """The processes of units, by the unit's name."""
    children = psutil.Process(process.pid).children(recursive=True)
    lines = [(child, child.cmdline()) for child in children]
    return {Path(line[3]).stem: child for child, line in lines if line[1:2] == ["-m"]}


def test_failed_and_killed_units_are_reported_and_done_by_the_next_call(file, tmp_path):
    """A row that can't be trained, and one whose process somebody kills."""
    file.write_text(
        file.read_text().partition("rows:")[0].replace("epochs: 2", "epochs: 60")
        + "rows:\n  killed: {recipe: digits-plain}\n  good: {recipe: digits-plain, set: {seed: 1}}\n"
        "  hopeless: {recipe: digits-plain, set: {data.name: nowhere}}\nevaluate: {images: 9, on_lava: 2}\n"
    )
    out = tmp_path / "out"
    process = start(file, "--out", out, "--workers", 2)
    eventually(process, lambda: list(out.glob("runs/killed-*/checkpoint.safetensors")))
    units = units_of(process)
    name = next(name for name in units if name.startswith("killed-0"))
    units[name].kill()
    printed, error = process.communicate(timeout=400)
    assert process.returncode == 1
    reason = "killed by signal 9 (often a lack of memory)"
    assert f"failed: {name}: {reason} (log: {out}/logs/{name}.log)" in error
    assert len(re.findall("^failed: hopeless-0-.*: error: nowhere: no such data set", error, re.M)) == 1
    assert "2 units failed; the same command tries again" in error
    assert re.search(r"^-- good, seed 1 \([123] of 3\): done in ", error, re.M)
    assert re.search(r"good +1 ", printed)
    assert re.search(r"killed +0 of 1 ", printed)
    assert json.loads((out / "sweep.json").read_text())["done"] == 1
    again = start(file, "--out", out)
    printed, error = again.communicate(timeout=400)
    assert again.returncode == 1 and "1 unit failed" in error and "good, seed 1" not in error
    assert re.search(r"killed +1 ", printed) and re.search(r"hopeless +0 of 1 ", printed)
    resumed = {each["unit"]["row"]: each["resumed"] for each in read_results(out / "results").values()}
    assert resumed == {"killed": True, "good": False}


def test_a_sweep_that_is_killed_or_stopped_goes_on_within_the_training(file, tmp_path):
    out = tmp_path / "out"
    file.write_text(file.read_text().replace("  hopeless", "#"))
    overrides = ("seed=3", "training.epochs=60")
    arguments = (file, "--out", out, "--quiet", *overrides)
    [unit] = plan_sweep(file, out, None, overrides).units
    log = out / "logs" / f"{unit.name}.log"

    def epochs():
        return [int(epoch) for epoch in re.findall(r"^epoch (\d+)/60", log.read_text(), re.M)]

    for how in (signal.SIGKILL, signal.SIGINT):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        process = start(*arguments)
        eventually(process, epochs)
        children = list(units_of(process).values())
        os.killpg(process.pid, how)
        _, error = process.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert children and not alive
        if how == signal.SIGINT:
            assert process.returncode == 130
            assert error == "stopped; 0 of 1 units are done. The same command goes on\n"
        trained = epochs()[-1]
    assert read_results(out / "results") == {} and trained < 60
    log.unlink()
    resumed = subprocess.run([COMMAND, "sweep", *map(str, arguments)], capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    [there] = read_results(out / "results").values()
    first = epochs()[0]
    assert there["resumed"] is True and epochs() == list(range(first, 61))
    assert 1 <= first - trained <= 2  # an epoch is kept before it is printed
    whole = run_unit(unit.as_dict(), tmp_path / "whole")
    assert whole["counts"] == there["counts"] and whole["training"] == there["training"]
