from __future__ import annotations

import json
import os
import shutil

import pytest
from tiny_runs import tiny_run

from lavarobust.errors import SettingsError
from lavarobust.experiment.run_folder import RunFolderError
from lavarobust.files import WriteError
from lavarobust.reporting.write import report


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    run = tiny_run(tmp_path_factory.mktemp("runs") / "a")
    return run, report([run])


def test_a_report_holds_the_evaluation_and_every_table(reported):
    run, result = reported
    assert (result.markdown, result.json) == (run / "report.md", run / "report.json")
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert json.loads(result.json.read_text()) == {"runs": [evaluation]}
    text = result.markdown.read_text()
    for table in result.tables:
        assert table.markdown() in text
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert all(file.is_file() and f"`{file.name}`" in text for file in result.files)


def test_runs_side_by_side_are_reported_beside_them_without_executing_again(reported, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(reported[0], tmp_path / name)
    told = []
    result = report([tmp_path / "a", tmp_path / "b"], progress=told.append)
    assert result.markdown == tmp_path / "report.md" and told == []
    assert "- `b/model.net`" in result.markdown.read_text()


def test_what_can_not_be_reported_is_said_before_any_work(reported, tmp_path):
    with pytest.raises(SettingsError, match="name at least one run folder"):
        report([])
    with pytest.raises(RunFolderError, match="holds no run"):
        report([reported[0], tmp_path / "missing"], tmp_path / "out")
    (tmp_path / "taken").write_text("")
    with pytest.raises(WriteError, match="taken: can't be made"):
        report([reported[0]], tmp_path / "taken")
    assert os.listdir(tmp_path) == ["taken"]
