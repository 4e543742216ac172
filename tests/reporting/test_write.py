from __future__ import annotations

import json
import os
import shutil

import pytest
from tiny_runs import stripped, tiny_run

from lavarobust.errors import SettingsError
from lavarobust.experiment.bill import bill
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run_folder import RunFolderError
from lavarobust.files import WriteError
from lavarobust.reporting.write import report

FEW = {"images": DataChoice(limit=6), "attacked": 2, "epsilons": (0.1,)}


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    run = tiny_run(tmp_path_factory.mktemp("runs") / "a")
    return run, report([run], **FEW)


def test_a_report_of_a_run_holds_its_evaluation_and_lies_in_its_folder(reported):
    run, result = reported
    assert [file.parent for file in (result.html, result.markdown, result.json)] == [run] * 3
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert json.loads(result.json.read_text())["robustness"][0]["evaluation"] == evaluation
    text = result.markdown.read_text()
    for table in result.tables:
        assert table.markdown() in text
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert all(file.is_file() and f"`{file.name}`" in text for file in result.files)
    for accuracy in ("float", "SLAYER", "Lava"):
        assert accuracy in result.html.read_text()


def test_runs_side_by_side_are_reported_beside_them_without_evaluating_again(reported, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(reported[0], tmp_path / name)
    told = []
    result = report([tmp_path / "a", tmp_path / "b"], progress=told.append, **FEW)
    assert result.markdown == tmp_path / "report.md" and told == []
    assert "- `b/model.net`" in result.markdown.read_text()
    assert json.loads(result.json.read_text())["models"] == ["digits-plain (a)", "digits-plain (b)"]


def test_a_file_that_says_nothing_of_itself_says_what_was_assumed(reported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = stripped(reported[0] / "model.net", tmp_path)
    result = report([file], images=DataChoice(data="digits", limit=4), attacked=2, epsilons=(0.1,))
    assert str(result.html) == "runs/plain-report/report.html"
    text = result.markdown.read_text()
    assert "assumed --steps 16: the file does not say" in text
    assert "### Accuracy\n" not in text and "No suite of attacks has been run" in text
    assert f"\nlavarobust report {file} --data digits --limit 4 --attacked 2 --epsilon 0.1\n" in text
    assert f"lavarobust attack {file} --data digits --limit 4 --suite adaptive --eps" in text


@pytest.mark.parametrize(
    ("synthetic", "limit", "said"), [(None, 1000, ""), (None, 5, "--limit 5"), (0.2, 1000, "--limit 1000")]
)
def test_a_page_s_command_leaves_out_only_the_verb_s_own_limit(reported, tmp_path, synthetic, limit, said):
    """Without --limit the verb takes 1,000 images, or 32 windows of random spikes."""
    file = reported[0] / "model.net"
    choice = {"images": DataChoice(limit=limit), "attacked": 0, "synthetic": synthetic}
    command = json.loads(report([file], tmp_path, **choice).json.read_text())["provenance"]["page"]["command"]
    assert command.split("model.net ")[1].startswith(f"{said} --attacked 0".strip())


def test_a_file_without_data_is_counted_on_synthetic_spikes(reported, tmp_path):
    file = stripped(reported[0] / "model.net", tmp_path)
    result = report([file], tmp_path / "out", images=DataChoice(limit=3), synthetic=0.2)
    plain = json.loads(result.json.read_text())
    assert plain["robustness"][0]["clean"] is None and plain["robustness"][0]["curve"] is None
    assert plain["key_figures"][0]["Clean accuracy"]["value"] == "unknown"
    assert plain["activity"][0]["samples"] == 3 and plain["activity"][0]["total"]["input_events"]["mean"] > 0
    assert all(peer["accuracy"] is None for peer in plain["standing"][0]["peers"])
    counted = bill(file, DataChoice(limit=3), synthetic=0.2).ledger.as_dict()["total"]
    assert plain["activity"][0]["total"] == counted
    again = json.loads(result.json.read_text())["provenance"]["page"]["command"]
    assert again == f"lavarobust report {file} --limit 3 --synthetic 0.2 --out {tmp_path / 'out'}"
    text = result.html.read_text()
    assert "synthetic input, 3 windows with 0.2 spikes per input and step" in text
    with pytest.raises(SettingsError, match="leave out --data"):
        report([file], tmp_path / "out", images=DataChoice(data="digits"), synthetic=0.2)


def test_a_damaged_evaluation_is_named_before_anything_is_executed(reported, tmp_path):
    run = shutil.copytree(reported[0], tmp_path / "a")
    for damaged in ("[]", '{"conditions": 3}', "{}x"):
        (run / "evaluation.json").write_text(damaged)
        with pytest.raises(RunFolderError, match=r"evaluation\.json"):
            report([run], steps=pytest.fail, **FEW)


def test_a_damaged_result_of_a_suite_is_named(reported, tmp_path):
    run = shutil.copytree(reported[0], tmp_path / "a")
    sha256 = json.loads((run / "report.json").read_text())["card"][0]["sha256"]
    (run / "model.suite.json").write_text(json.dumps({"sha256": sha256, "suite": "quick"}))
    with pytest.raises(RunFolderError, match=r"suite\.json of .* is damaged"):
        report([run], steps=pytest.fail, **FEW)


def test_what_can_not_be_reported_is_said_before_any_work(reported, tmp_path):
    with pytest.raises(SettingsError, match="name at least one run folder"):
        report([])
    with pytest.raises(RunFolderError, match="holds no run"):
        report([reported[0], tmp_path / "missing"], tmp_path / "out")
    with pytest.raises(SettingsError, match="no price table"):
        report([reported[0]], tmp_path / "out", profiles=["missing"])
    (tmp_path / "taken").write_text("")
    with pytest.raises(WriteError, match="taken: can't be made"):
        report([reported[0]], tmp_path / "taken")
    assert os.listdir(tmp_path) == ["taken"]
