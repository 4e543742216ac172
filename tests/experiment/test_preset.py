from __future__ import annotations

import json

import pytest

from lavarobust.attacks import FGSM, SEA, FlipBudget, Noise, ThreatModel
from lavarobust.attacks.presets import Column, FlipColumn, Preset
from lavarobust.attacks.suites import Member, Suite
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.experiment import preset as module
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.preset import report_preset

SMALL = Preset(
    "paper:small",
    (
        Column(ThreatModel(0.05), Suite("noise", (Member(Noise()),))),
        Column(ThreatModel(0.2), Suite("step", (Member(FGSM(), Surrogate()),))),
    ),
    (FlipColumn(SEA(), FlipBudget(10), Surrogate()),),
)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "named_preset", lambda name: SMALL)


def test_every_attack_is_made_on_all_images_and_judged_by_itself():
    report = report_preset("digits-plain", DataChoice(limit=30), preset="paper:small")
    assert [(row.attack, row.budget) for row in report.rows] == [("noise", "linf 0.05"), ("step", "linf 0.2")]
    noise, step = report.rows
    assert step.right.value < noise.right.value <= report.clean.value
    assert step.success.count == report.clean.count - step.right.count
    assert "direct sends no spikes" in report.left_out[0]
    assert json.loads(json.dumps(report.as_dict()))["rows"][1]["accuracy"] == step.right.value


def test_an_encoding_of_spikes_is_attacked_too_and_processes_change_nothing():
    alone = report_preset("digits-sea", DataChoice(limit=12), preset="paper:small", votes=3)
    assert [row.budget for row in alone.rows] == ["linf 0.05", "linf 0.2", "10 flips"]
    assert alone.left_out == () and alone.rows[2].success.count > 0
    assert [row.diagnosis is None for row in alone.rows] == [True, True, False]
    plain = json.loads(json.dumps(alone.as_dict()))
    assert plain["rows"][2]["diagnosis"]["samples"] == 12 and plain["rows"][2]["unreliable"] is False
    assert plain["rows"][1]["unreliable"] is None and "--suite adaptive" in plain["not_diagnosed"]
    together = report_preset("digits-sea", DataChoice(limit=12), preset="paper:small", votes=3, workers=2)
    assert together == alone


def test_votes_that_could_tie_are_refused():
    with pytest.raises(SettingsError, match="odd"):
        report_preset("digits-sea", DataChoice(limit=4), preset="paper:small", votes=2)
