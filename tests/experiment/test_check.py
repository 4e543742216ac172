from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_runs import TINY, stripped

from lavarobust.errors import DataError, ModelFileError, SettingsError
from lavarobust.experiment.check import CHIP_PROFILES, check, check_recipe
from lavarobust.netx import READOUT, Dense, Encoding, Model, write_model
from netx_models import LIF, conv_model, shipped


def errors_of(result):
    return [finding for finding in result.findings if finding.severity == "error"]


def test_findings_and_the_stock_call(model_file):
    result = check(model_file, "loihi2")
    assert (result.model, result.target, result.errors) == (str(model_file), "loihi2", 0)
    assert f"net_config='{model_file}'" in result.stock_call
    assert result.as_dict()["findings"][0]["severity"] == "note"


def test_a_plain_file_is_warned_about(model_file, tmp_path):
    assert "warning" in [finding.severity for finding in check(stripped(model_file, tmp_path)).findings]


def test_impossible_requests(model_file, tmp_path):
    with pytest.raises(SettingsError, match="--target moon: choose one of lava, loihi1, loihi2"):
        check(model_file, "moon")
    with pytest.raises(SettingsError, match="--input-shape 3x8: write it as C,H,W"):
        check(model_file, input_shape="3x8")
    with pytest.raises(ModelFileError):
        check(tmp_path / "missing.net")


def test_the_fit_is_that_of_the_targets_profile(model_file):
    assert check(model_file).fit is None and check(model_file).as_dict()["fit"] is None
    for target, profile in CHIP_PROFILES.items():
        result = check(model_file, target)
        assert result.fit is not None and result.fit.profile == profile
        assert [layer.layer for layer in result.fit.layers] == ["1 conv", "3 dense"]
        assert (result.fit.cores, result.fit.chips) == (2, 1)
        assert result.as_dict()["fit"]["layers"][0]["neurons"] == 64


def test_a_neuron_that_is_too_large_for_a_core_is_named_with_its_remedy(tmp_path):
    weight = np.full((2, 5000), 2, dtype=np.int32)
    write_model(Model((Dense(weight, LIF), Dense(weight[:, :2], READOUT)), (5000,)), tmp_path / "wide.net")
    result = check(tmp_path / "wide.net", "loihi1")
    (finding,) = errors_of(result)
    assert finding.layer == "0 dense"
    assert finding.problem == "one neuron alone takes 5,000 fan-in axons, and a core has 4,096"
    assert "fewer inputs" in finding.remedy
    assert result.errors == 1 and result.fit.cores is None
    assert check(tmp_path / "wide.net", "loihi2").errors == 0


def test_payloads_that_a_spike_cannot_carry(tmp_path):
    model = Model((Dense(np.array([[2]], dtype=np.int32), READOUT),), (1,), conv_model().deployment)
    too_many = replace(model.deployment, encoding=Encoding("direct", levels=1 << 40), input_shape=(1,))
    write_model(replace(model, deployment=too_many), tmp_path / "fine.net")
    (finding,) = errors_of(check(tmp_path / "fine.net", "loihi2"))
    assert finding.problem == "the input carries payloads of 41 bits, and a spike of the chip 32"


def test_a_recipe_before_training_takes_what_its_file_takes_after(model_file):
    before, after = check_recipe("digits-plain", "loihi2", TINY), check(model_file, "loihi2")
    assert before.fit.as_dict()["layers"] == after.fit.as_dict()["layers"]
    assert [finding.problem for finding in before.findings] == [finding.problem for finding in after.findings]
    assert (before.model, before.stock_call) == ("recipe digits-plain", None)


def test_a_recipe_with_what_no_chip_runs():
    result = check_recipe("digits-hire", "loihi2")
    assert {finding.layer for finding in errors_of(result)} == {"1 conv", "2 conv"}
    assert all("resets softly" in finding.problem for finding in errors_of(result))
    (window,) = [found for found in result.findings if "power of two" in found.problem]
    assert "6 steps" in window.problem and "window of 8" in window.problem
    assert check_recipe("digits-stog", "loihi2").errors > 0
    assert check_recipe("digits-stog-stock", "loihi2").errors == 0


def test_a_recipe_whose_data_are_not_there_but_known_by_name():
    result = check_recipe("mnist-mlp", "loihi1", ["data.root=/nowhere"])
    assert result.fit.layers[0].synapses % 784 == 0
    with pytest.raises(DataError, match="missing: no such data set"):
        check_recipe("digits-plain", "loihi2", ["data.name=missing"])


@pytest.mark.parametrize(
    ("name", "neurons"), [("tiny.net", [768, 864, 36]), ("mnist.net", [784, 512, 512, 10])]
)
def test_files_that_lava_dl_wrote(name, neurons):
    result = check(shipped(name), "loihi1")
    assert [layer.neurons for layer in result.fit.layers] == neurons
    assert result.fit.fits and result.fit.chips == 1
    (finding,) = errors_of(result)
    assert finding.layer == "0 input" and "images as biases" in finding.problem
