from __future__ import annotations

import json
import shutil

import pytest

from lavarobust.experiment import export as module
from lavarobust.experiment.export import export
from lavarobust.experiment.run_folder import RunFolder, RunFolderError
from lavarobust.files import WriteError
from lavarobust.netx import read_model


@pytest.fixture
def run(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "r")


def test_the_file_tells_how_it_is_run(run):
    result = export(run)
    known = read_model(result.path).deployment
    recipe = RunFolder(run).recipe()
    assert known.recipe == recipe.model_dump(mode="json")
    assert (known.steps, known.encoding.levels, known.readout) == (4, 16, "membrane")
    assert (known.data, known.input_shape, known.class_names) == ("digits", (1, 8, 8), tuple("0123456789"))
    assert known.versions == json.loads((run / "versions.json").read_text())
    assert result.quantised_accuracy == result.deployed_accuracy
    assert result.neurons == 4 * 4 * 4 + 10
    assert json.loads((run / "export.json").read_text()) == json.loads(json.dumps(result.as_dict()))


def test_exporting_again_gives_the_same_bytes_and_forgets_what_was_measured(run):
    before = (run / "model.net").read_bytes()
    (run / "evaluation.json").write_text("{}")
    export(run, run.parent / "other.net")
    assert (run / "evaluation.json").exists()
    export(run)
    assert not (run / "evaluation.json").exists()
    assert (run / "model.net").read_bytes() == (run.parent / "other.net").read_bytes() == before


def test_a_place_that_can_not_be_written_is_said_before_the_work(run, monkeypatch):
    monkeypatch.setattr(module, "describe", None)
    with pytest.raises(WriteError, match="there is no folder"):
        export(run, run / "missing" / "a.net")


def test_a_run_that_is_not_finished_is_not_exported(run):
    (run / "network.safetensors").unlink()
    with pytest.raises(RunFolderError, match="its training is not finished"):
        export(run)
