from __future__ import annotations

import json

import pytest

from benchmarks.inputs import shipped_file
from lavarobust.errors import SettingsError
from lavarobust.experiment import bill as module
from lavarobust.experiment.bill import bill, price_tables
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice


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


@pytest.fixture
def stock_file(tmp_path):
    """A file as lava-dl's tutorials write one: SLAYER's own blocks and export, and nothing of ours."""
    import h5py
    import torch

    from lavarobust.compat import activate

    activate()
    from lava.lib.dl import slayer

    neuron = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.1}
    path = tmp_path / "stock.net"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        blocks = [slayer.block.cuba.Dense(neuron, 12, 20), slayer.block.cuba.Dense(neuron, 20, 4)]
        arriving = (torch.rand(2, 12, 8) < 0.4).float()
        for block in blocks:
            arriving = block(arriving)
    with h5py.File(path, "w") as file:
        layers = file.create_group("layer")
        for index, block in enumerate(blocks):
            block.export_hdf5(layers.create_group(str(index)))
    return path


def test_a_file_of_lava_dl_is_priced_on_spikes_of_a_chosen_rate(stock_file):
    report = bill(
        stock_file, DataChoice(limit=5), PlanChoice(steps=10),
        profiles=["horowitz_45nm_int8_int32"], rules=["executed"], synthetic=0.3,
    )  # fmt: skip
    first, last = report.ledger.layers
    assert report.record.samples == 5 and report.record.steps == 10
    assert 0.2 < first.input_events.sum() / (5 * 10 * 12) < 0.4
    assert first.accumulates.any() and not first.multiply_accumulates.any() and first.spikes.any()
    assert (last.active_updates + last.idle_updates == 4 * 10).all()
    assert report.source == "synthetic input, 5 windows with 0.3 spikes per input and step (seed 0), no data"
    assert report.assumptions == ("assumed --readout spike_count: the file does not say",)
    expected = 0.1 * (first.accumulates + last.accumulates).mean()
    assert report.bills[0].total_pj.mean == pytest.approx(expected)
    assert [peer.accuracy for peer in report.peers] == [None] * 4
    again = bill(
        stock_file, DataChoice(limit=5), PlanChoice(steps=10),
        profiles=["horowitz_45nm_int8_int32"], rules=["executed"], synthetic=0.3,
    )  # fmt: skip
    assert again.as_dict() == report.as_dict()


def test_spikes_take_the_place_of_an_input_population():
    """lava-dl's own tiny.net: 768 pixels as biases, then two convolutions."""
    report = bill(shipped_file("tiny.net"), DataChoice(limit=3), PlanChoice(steps=8), synthetic=0.25)
    first, last = report.ledger.layers
    assert (first.layer, first.shape.neurons, last.shape.neurons) == ("0 conv", 864, 36)
    assert 0.2 < first.input_events.sum() / (3 * 8 * 768) < 0.3
    assert first.accumulates.any() and not report.ledger.total("multiply_accumulates").any()
    readout, left_out = report.assumptions
    assert readout.startswith("assumed --readout") and "what it does itself is left out" in left_out
    with pytest.raises(SettingsError, match=r"sends more than spikes to the layer behind it\. Give images"):
        bill(shipped_file("gts/pilotnet_sdnn/network.net"), synthetic=0.25)


@pytest.mark.parametrize(
    ("rate", "choice", "words"),
    [(1.5, DataChoice(), "--synthetic 1.5: a rate is spikes per input and step, 0 to 1"),
     (0.1, DataChoice(limit=0), "--limit 0: at least one window"),
     (0.1, DataChoice(data="digits"), "leave out --data and --images")],
)  # fmt: skip
def test_synthetic_input_is_refused_by_name(model_file, rate, choice, words):
    with pytest.raises(SettingsError, match=words):
        bill(model_file, choice, synthetic=rate)


def test_peers_saw_the_same_images(model_file):
    report = bill(model_file, DataChoice(limit=40))
    assert [peer.name for peer in report.peers[:3]] == ["spiking network", "FP32 ANN", "INT8 ANN"]
    spiking, *_, quantised = report.peers
    assert spiking.accumulates == pytest.approx(report.ledger.total("accumulates").mean())
    assert quantised.name.endswith("-bit QNN") and quantised.accuracy is not None
    assert 0 < quantised.multiply_accumulates <= report.peers[1].multiply_accumulates
    assert report.left_out == "" and len(report.bands) == 2
