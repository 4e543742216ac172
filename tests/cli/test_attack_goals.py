"""The two attacks of ``attack --attack`` that have goals of their own."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lavarobust
from lavarobust.experiment.inputs import DataChoice


def written(path):
    return json.loads(path.read_text())


def operations(record):
    return sum(int(layer.synops.sum()) for layer in record.layers) / record.samples


def test_sda_tells_how_few_flips_suffice(cli, model_file, tmp_path):
    saved, result = tmp_path / "a.npz", tmp_path / "a.json"
    flags = ("attack", model_file, "--encoding", "rate", "--attack", "sda", "--limit", 10)
    answer = cli(*flags, "--save", saved, "--json", result)
    assert answer.code == 0, answer.err
    plain = written(result)
    assert plain["attack"] == "SDA-500" and plain["entries"] == 4 * 64 and plain["surprises"] == 0
    assert plain["success_rate"] == 1 and 1 <= plain["median_flips"] < 60
    lines = answer.out.splitlines()
    assert lines[0].endswith("executed on simulator; of each, 256 entries of 0 or 1 are sent")
    assert lines[3].split()[0] == "SDA-500" and f"{plain['mean_flips']:,.1f}" in lines[3].split()
    assert plain["not_diagnosed"] in lines
    with np.load(saved) as arrays:
        assert arrays["frames"].shape == (10, 4, 1, 8, 8) and set(np.unique(arrays["frames"])) == {0, 1}
    on_lava = cli(*flags, "--backend", "lava", "--json", result)
    assert on_lava.code == 0 and written(result) == plain | {"backend": "lava"}
    assert cli(*flags, "--attack-steps", 3, "--json", result).code == 0
    assert written(result)["attack"] == "SDA-3"


def test_operations_tells_what_dear_images_cost(cli, model_file, tmp_path):
    saved, result = tmp_path / "a.npz", tmp_path / "a.json"
    answer = cli(
        "attack", model_file, "--attack", "operations", "--eps", 0.05, "--eps", 0.2, "--limit", 8,
        "--attack-steps", 5, "--profile", "horowitz_45nm_int32", "--save", saved, "--json", result,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    plain = written(result)
    assert plain["attack"] == "operations-5" and [each["epsilon"] for each in plain["results"]] == [0.05, 0.2]
    for each in plain["results"]:
        clean, attacked = each["rows"]
        assert set(attacked["energy_pj"]) == {"horowitz_45nm_int32"}
        assert attacked["times_clean"]["operations"] > 1
    assert "8 images of digits test; the class plays no part" in answer.out
    assert answer.out.count("operations-5") == 2 and "horowitz_45nm_fp32" not in answer.out
    own = {name: tmp_path / f"{name}.npy" for name in ("images", "labels")}
    with np.load(saved) as arrays:
        for name, file in own.items():
            np.save(file, arrays[name])
    saved_images = DataChoice(**{name: str(file) for name, file in own.items()})
    for row, choice in ((clean, DataChoice(limit=8)), (attacked, saved_images)):
        assert row["operations"] == operations(lavarobust.run(model_file, choice).record)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("sda",), "sda: the encoding direct sends other entries than 0 and 1"),
        (("sda", "--attack", "pgd"), "--attack sda has a goal of its own"),
        (("operations", "--attack", "sda"), "--attack operations has a goal of its own"),
        (("sda", "--epsilon", 0.1), "--epsilon is not for --attack sda"),
        (("sda", "--flips", 3), "--flips is not for --attack sda"),
        (("sda", "--out", "x"), "--out is not for --attack sda"),
        (("sda", "--attack-steps", 0, "--encoding", "rate"), "SDA with iterations=0 does nothing"),
        (("operations", "--norm", "l2"), "--norm is not for --attack operations"),
        (("operations", "--surrogate", "analog"), "sends no spikes that could be counted"),
        (("operations", "--profile", "nowhere"), "nowhere"),
        (("operations", "--epsilon", 3), "epsilon 3.0 is impossible"),
        (("pgd", "--profile", "horowitz_45nm_int32"), "--profile needs"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(cli, model_file, options, said):
    answer = cli("attack", model_file, "--limit", 4, "--attack", *options)
    assert answer.code == 2 and said in answer.err and answer.err.count("\n") == 1
