"""The verb ``sanafe``: files, SANA-FE's answer beside the simulator's, and what it says without SANA-FE."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from tiny_runs import stripped

import lavarobust


@pytest.fixture
def installed():
    pytest.importorskip("sanafe", reason="runs SANA-FE: pip install 'lavarobust[sanafe]' (GPL)")


def spikes_of(text):
    """By layer, both counts as printed."""
    rows = [line.split() for line in text.splitlines() if " conv " in line or " dense " in line]
    return {" ".join(row[:2]): (row[2], row[3]) for row in rows if len(row) == 4}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["digits-plain", "digits-hire", "digits-sea"])
def test_spikes_of_a_shipped_model_are_the_simulators(cli, tmp_path, name):
    result = tmp_path / "result.json"
    answer = cli("sanafe", name, "--out", tmp_path / "out", "--index", 5, "--limit", 6, "--json", result)
    assert (answer.code, answer.err) == (0, "")
    told = json.loads(result.read_text())
    executed = lavarobust.run(name, lavarobust.DataChoice(limit=6)).record.layers
    for layer, line in zip(executed, told["layers"], strict=True):
        assert line["layer"] == layer.name
        assert line["simulator"] == line["sanafe"] == int(layer.spikes[5].sum())
        assert spikes_of(answer.out)[layer.name] == (f"{line['simulator']:,}",) * 2
    assert told["run"]["latency_s"] > 0 and told["run"]["energy_pj"]["network"] > 0
    assert told["profile"] == "loihi_sanafe"
    architecture, network = (Path(path).read_text() for path in told["files"])
    assert yaml.safe_load(architecture)["architecture"]["name"] == "loihi_sanafe"
    # a parser in Python takes half a minute for the synapses
    assert all(f"\n    - name: layer{index}\n" in network for index in (1, 2, 4))


def test_without_the_package_files_are_written_and_it_says_so(cli, model_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sanafe", None)
    answer = cli("sanafe", model_file, "--out", tmp_path / "out", "--limit", 1, "--part", "validation")
    assert (answer.code, answer.err) == (0, "")
    assert "not run: sanafe: " in answer.out and "pip install 'lavarobust[sanafe]'" in answer.out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"architecture.yaml", "network.yaml"}
    assert all(there == "-" for _, there in spikes_of(answer.out).values())


def test_layers_that_spike_otherwise_end_with_1(cli, model_file, tmp_path, monkeypatch):
    from lavarobust.energy.sanafe import SanafeRun
    from lavarobust.experiment import sanafe as verb

    other = SanafeRun({"layer1": -1, "layer3": 0}, 1, 1, {"total": 1.0, "network": 1.0}, 1.0, 6)
    monkeypatch.setattr(verb, "run_sanafe", lambda export, folder: other)
    answer = cli("sanafe", model_file, "--out", tmp_path / "out", "--limit", 1, "--part", "validation")
    assert answer.code == 1
    assert spikes_of(answer.out)["1 conv"][1] == "-1"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--index", 9), "--index 9: there are 2 images, from 0 on"),
        (("--profile", "horowitz_45nm_fp32"), "no times of a mesh are known"),
        (("--encoding", "rate", "--profile", "missing"), "no price table 'missing'"),
    ],
)
def test_wrong_choices(cli, model_file, tmp_path, flags, message):
    answer = cli("sanafe", model_file, "--out", tmp_path / "out", "--limit", 2, *flags)
    assert answer.code == 2 and message in answer.err
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_writer_is_told_what_was_assumed(cli, model_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sanafe", None)
    file = stripped(model_file, tmp_path)
    answer = cli("sanafe", file, "--out", tmp_path / "out", "--data", "digits", "--limit", 1)
    assert answer.code == 0 and "assumed --steps 16" in answer.err


def test_gates_are_refused_by_layer(cli, tmp_path):
    answer = cli("sanafe", "digits-stog", "--out", tmp_path / "out", "--limit", 1)
    assert answer.code == 2 and "1 conv: stochastic gates draw" in answer.err
