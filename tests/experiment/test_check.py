from __future__ import annotations

import pytest
from tiny_runs import stripped

from lavarobust.errors import ModelFileError, SettingsError
from lavarobust.experiment.check import check


def test_findings_and_the_stock_call(model_file):
    result = check(model_file, "loihi2")
    assert (result.model, result.target, result.errors) == (str(model_file), "loihi2", 0)
    assert f"net_config='{model_file}'" in result.stock_call
    assert result.as_dict()["findings"][0]["severity"] == "note"


def test_a_plain_file_is_warned_about(model_file, tmp_path):
    assert "warning" in [finding.severity for finding in check(stripped(model_file, tmp_path)).findings]


def test_impossible_requests(model_file, tmp_path):
    with pytest.raises(SettingsError, match="--target moon: choose one of lava, loihi2"):
        check(model_file, "moon")
    with pytest.raises(SettingsError, match="--input-shape 3x8: write it as C,H,W"):
        check(model_file, input_shape="3x8")
    with pytest.raises(ModelFileError):
        check(tmp_path / "missing.net")
