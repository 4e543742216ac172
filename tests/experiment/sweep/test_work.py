from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from tiny_runs import TINY

from lavarobust.attacks import FGSM, PGD
from lavarobust.attacks.suites import OTHER_MODEL, Member, Suite
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.sweep.unit import Unit
from lavarobust.experiment.sweep.work import run_unit

UNIT = Unit("row", load_recipe("digits-plain", [*TINY, "data.limit=24"]), images=9, on_lava=2)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return runs, run_unit(UNIT.as_dict(), runs)


def measured(result):
    """Without what differs from run to run."""
    return {name: value for name, value in result.items() if name not in ("seconds", "resumed")}


def test_a_result_is_plain_and_says_all_it_was_made_of(done):
    runs, result = done
    assert json.loads(json.dumps(result)) == result
    assert result["unit"] == json.loads(json.dumps(UNIT.as_dict()))
    assert [each["samples"] for each in result["counts"]["sets"]] == [9, 9]
    assert all(each["lava_differences"] == 0 and each["on_lava"] == 2 for each in result["counts"]["sets"])
    assert set(result["seconds"]) == {"train", "export", "evaluate"} and result["resumed"] is False
    assert result["versions"]["lavarobust"] and 1 <= result["training"]["best_epoch"] <= 2
    assert 0 <= result["training"]["train_accuracy"] <= 1
    assert os.listdir(runs) == [UNIT.run_name]


def test_done_again_it_comes_to_the_same_without_training(done):
    runs, result = done
    network = runs / UNIT.run_name / "network.safetensors"
    before = network.stat().st_mtime_ns
    again = run_unit(UNIT.as_dict(), runs)
    assert measured(again) == measured(result)
    assert again["resumed"] is True and set(again["seconds"]) == {"evaluate"}
    assert network.stat().st_mtime_ns == before


@pytest.mark.parametrize("left", [(), ("versions.json",), ("versions.json", ".recipe.yaml.0a1b.part")])
def test_it_goes_on_in_the_folder_of_a_process_that_was_killed_at_once(done, tmp_path, left):
    folder = tmp_path / UNIT.run_name
    folder.mkdir()
    for name in left:
        (folder / name).write_text("{}")
    assert measured(run_unit(UNIT.as_dict(), tmp_path)) == measured(done[1])


def test_it_goes_on_after_an_export_that_was_stopped(done, tmp_path):
    import shutil

    folder = shutil.copytree(done[0] / UNIT.run_name, tmp_path / UNIT.run_name)
    (folder / "export.json").unlink()
    (folder / "model.net").write_bytes(b"")
    assert measured(run_unit(UNIT.as_dict(), tmp_path)) == measured(done[1])


def test_more_shards_than_images_are_refused(done):
    with pytest.raises(SettingsError, match="give fewer shards"):
        run_unit(replace(UNIT, shard=20, shards=21).as_dict(), done[0])


def test_the_folder_of_the_data_stays_on_this_machine(done, tmp_path):
    recipe = load_recipe("digits-plain", [*TINY, "data.limit=24", f"data.root={tmp_path}"])
    somewhere = replace(UNIT, recipe=recipe)
    result = run_unit(somewhere.as_dict(), tmp_path)
    assert str(tmp_path) not in json.dumps(result)
    assert measured(result) == measured(done[1])


def command(unit, tmp_path, *more):
    file = tmp_path / "unit.json"
    file.write_text(json.dumps(unit))
    flags = ("--runs", tmp_path / "runs", "--result", tmp_path / "results" / "a.json", *more)
    program = [sys.executable, "-m", "lavarobust.experiment.sweep.work", file, *flags]
    return subprocess.run(list(map(str, program)), capture_output=True, text=True)


def test_as_a_process_it_writes_its_result(done, tmp_path):
    ended = command(UNIT.as_dict(), tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "PGD-3 at 0.1: 9/9" in ended.stdout and "epoch 2/2: loss" in ended.stderr
    assert measured(json.loads((tmp_path / "results" / "a.json").read_text())) == measured(done[1])


def test_as_a_process_it_ends_errors_in_a_line(tmp_path):
    ended = command(UNIT.as_dict() | {"shards": 0}, tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: unit: is no work unit") and ended.stderr.count("\n") == 1
    assert not (tmp_path / "results" / "a.json").exists()


def test_as_a_process_it_does_nothing_for_a_caller_that_has_ended(tmp_path):
    ended = command(UNIT.as_dict(), tmp_path, "--caller", 1)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
    assert not (tmp_path / "runs").exists()


def test_a_suite_runs_beside_the_recipes_attacks(done, monkeypatch):
    small = Suite("small", (Member(FGSM(), Surrogate()), Member(PGD(2), Surrogate())))
    monkeypatch.setattr("lavarobust.experiment.sweep.suite.named_suite", lambda name, rule, other: small)
    runs, before = done
    asked = replace(UNIT, suite="quick", suite_images=9, on_lava=1)
    [found] = run_unit(asked.as_dict(), runs)["suite"]
    assert found["epsilon"] == asked.recipe.attack.epsilon[0]
    assert found["robust"]["of"] == 9 and found["members"][0]["attempted"] == found["clean"]["count"]
    assert found["audit"]["images"] == min(1, found["clean"]["count"]) and found["audit"]["differences"] == 0
    assert found["diagnosis"]["samples"] == found["clean"]["count"]
    assert "suite" not in before and str(runs) not in json.dumps(found)


def test_images_are_transferred_from_another_seed_whichever_is_trained_first(done, tmp_path, monkeypatch):
    carrying = Suite("carrying", (Member(PGD(2), Surrogate(), OTHER_MODEL),))
    monkeypatch.setattr("lavarobust.experiment.sweep.suite.named_suite", lambda name, rule, other: carrying)
    recipe = load_recipe("digits-plain", [*TINY, "data.limit=200"])
    asked = Unit("row", recipe, 9, on_lava=0, suite="adaptive", suite_images=20, other_seed=1)
    result = run_unit(asked.as_dict(), tmp_path)
    [found] = result["suite"]
    assert [each["attack"] for each in found["members"]] == ["PGD-2, triangular 1, from other model"]
    assert found["members"][0]["attempted"] == found["clean"]["count"] > 0
    assert any(check["name"].startswith("transfer from another") for check in found["diagnosis"]["checks"])
    assert set(result["seconds"]) == {
        "train", "export", "evaluate", "train, other seed", "export, other seed", "suite",
    }  # fmt: skip
    assert sorted(os.listdir(tmp_path)) == sorted([asked.run_name, asked.other.run_name])
    # the other way round: the other seed is there before this one
    second = tmp_path / "second"
    run_unit(asked.other.as_dict() | {"suite": None}, second)
    again = run_unit(asked.as_dict(), second)
    assert without_times(again) == without_times(result)
    assert set(again["seconds"]) == {"train", "export", "evaluate", "suite"}


def without_times(result):
    plain = json.loads(json.dumps(measured(result)))
    for found in plain["suite"]:
        for member in found["members"]:
            del member["seconds"]
    return plain
