from __future__ import annotations

import json

import numpy as np
import pytest

from lavarobust.attacks import SDA
from lavarobust.data import load
from lavarobust.errors import SettingsError
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice
from lavarobust.experiment.sparse_attack import sparse_attack

RATE = PlanChoice(encoding="rate")


def test_the_report_is_plain_and_the_same_on_every_backend(model_file):
    reports = [
        sparse_attack(model_file, DataChoice(limit=8), RATE, settings=SDA(20), backend=name, seed=3)
        for name in ("simulator", "lava")
    ]
    here, there = (report.as_dict() for report in reports)
    assert json.loads(json.dumps(here)) == here and here["seed"] == 3
    assert there == here | {"backend": "lava"}
    fooled = reports[0].outcome.found.fooled.sum()
    assert here["accuracy"] == here["clean_accuracy"] - fooled / 8 < here["clean_accuracy"]


def test_where_nothing_was_right_nothing_is_told_of_flips(model_file, tmp_path):
    chosen = DataChoice(limit=8)
    report = sparse_attack(model_file, chosen, RATE, settings=SDA(1))
    wrong = (report.outcome.clean.record.prediction + 1) % 10
    np.save(tmp_path / "images.npy", load("digits", limit=60).test.take(8).images)
    np.save(tmp_path / "labels.npy", wrong)
    files = (str(tmp_path / name) for name in ("images.npy", "labels.npy"))
    own = DataChoice(**dict(zip(("images", "labels"), files, strict=True)))
    plain = sparse_attack(model_file, own, RATE).as_dict()
    assert plain["clean_accuracy"] == plain["success_rate"] == 0
    assert plain["mean_flips"] is None and plain["median_flips"] is None


def test_input_of_levels_is_refused(model_file):
    with pytest.raises(SettingsError, match="sda: the encoding direct sends other entries than 0 and 1"):
        sparse_attack(model_file)
