from __future__ import annotations

import json

import numpy as np
import pytest

from lavarobust.attacks import OperationsAscent
from lavarobust.dynamics import Analog
from lavarobust.errors import SettingsError
from lavarobust.experiment import operations_attack as module
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.operations_attack import operations_attack

FEW = {"images": DataChoice(limit=9), "settings": OperationsAscent(3), "profiles": ["horowitz_45nm_int32"]}


def test_costs_are_of_the_images_and_parts_change_none_of_them(model_file, monkeypatch):
    told = []
    report = operations_attack(model_file, epsilons=(0.1, 0.3), **FEW)
    monkeypatch.setattr(module, "BATCH", 4)
    parts = operations_attack(
        model_file, epsilons=(0.1, 0.3), progress=lambda what, done, total: told.append((what, done)), **FEW
    )
    assert told[:4] == [
        (f"operations-3 at {eps}", done) for eps, done in ((0.1, 4), (0.1, 8), (0.1, 9), (0.3, 4))
    ]
    assert parts.images.tobytes() == report.images.tobytes() and parts.as_dict() == report.as_dict()
    plain = report.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    small, large = (each["rows"][1]["operations"] for each in plain["results"])
    assert plain["results"][0]["rows"][0]["operations"] < small < large
    assert report.images.shape == (9, 1, 8, 8) and np.isfinite(report.images).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"epsilons": ()}, "at least one epsilon"),
        ({"epsilons": (2.0,)}, "epsilon 2.0 is impossible"),
        ({"rule": Analog()}, "sends no spikes that could be counted"),
    ],
)
def test_what_cannot_be_done_is_said(model_file, options, said):
    with pytest.raises(SettingsError, match=said):
        operations_attack(model_file, **FEW | options)
