from __future__ import annotations

import json
from threading import Event, Thread

import pytest

from lavarobust.errors import SettingsError
from lavarobust.experiment.loading import resolve_recipe
from lavarobust.experiment.run_folder import RunFolder, RunFolderError, open_run, versions
from lavarobust.files import WriteError

RECIPE = resolve_recipe({"name": "small", "seed": 3, "network": {"layers": ["dense 10"], "steps": 2}}, "here")


def test_a_new_run_holds_recipe_and_versions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = open_run(RECIPE)
    assert run.path.resolve() == tmp_path / "runs" / "small-3"
    assert run.recipe() == RECIPE
    found = json.loads((run.path / "versions.json").read_text())
    assert found == versions()
    assert {"python", "numpy", "torch", "lava-nc", "lava-dl", "lavarobust"} <= found.keys()
    assert not run.finished


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_is_not_overwritten_unless_forced(tmp_path, finished):
    run = open_run(RECIPE, tmp_path / "r")
    if finished:
        run.network_file.write_bytes(b"x")
    (run.path / "checkpoint.safetensors").write_bytes(b"x")
    (run.path / "model.net").write_bytes(b"of the network that goes")
    (run.path / "notes.txt").write_text("mine")
    with pytest.raises(
        RunFolderError, match=f"r: holds {'a finished' if finished else 'an unfinished'} run.*--force"
    ):
        open_run(RECIPE, tmp_path / "r")
    again = open_run(RECIPE, tmp_path / "r", force=True)
    assert sorted(file.name for file in again.path.iterdir()) == ["notes.txt", "recipe.yaml", "versions.json"]


def test_resuming_keeps_what_is_there_and_refuses_another_recipe(tmp_path):
    run = open_run(RECIPE, tmp_path / "r")
    (run.path / "checkpoint.safetensors").write_bytes(b"x")
    assert open_run(RECIPE, tmp_path / "r", resume=True) == run
    assert (run.path / "checkpoint.safetensors").read_bytes() == b"x"
    other = RECIPE.model_copy(update={"network": RECIPE.network.model_copy(update={"steps": 5})})
    with pytest.raises(RunFolderError, match=r"r: was begun with network\.steps = 2, and 5 is asked for now"):
        open_run(other, tmp_path / "r", resume=True)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("x")
    for options in ({}, {"force": True}, {"resume": True}):
        for place in (tmp_path, tmp_path / "mine"):
            with pytest.raises(RunFolderError, match="is there already and holds no run"):
                open_run(RECIPE, place, **options)
    with pytest.raises(WriteError, match="can't be made"):
        open_run(RECIPE, tmp_path / "mine" / "r")
    assert [file.name for file in tmp_path.iterdir()] == ["mine"]


def test_what_is_no_run_or_damaged_is_said(tmp_path):
    with pytest.raises(RunFolderError, match=r"holds no run \(recipe\.yaml is missing\)"):
        RunFolder(tmp_path).recipe()
    run = open_run(RECIPE, tmp_path / "r")
    with pytest.raises(RunFolderError, match=r"split\.json: can't be read"):
        run.read_json("split.json")
    run.recipe_file.write_text("name: [")
    with pytest.raises(SettingsError, match=r"recipe\.yaml: line 1 is not YAML"):
        run.recipe()


def test_who_comes_second_waits_until_the_first_has_left(tmp_path):
    folder, entered = RunFolder(tmp_path / "run"), Event()

    def enter():
        with RunFolder(tmp_path / "run").alone():
            entered.set()

    second = Thread(target=enter)
    with folder.alone():
        second.start()
        assert not entered.wait(0.3)
    assert entered.wait(10)
    second.join()
