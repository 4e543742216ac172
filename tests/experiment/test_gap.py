from __future__ import annotations

import json

import numpy as np
import pytest

from lavarobust.attacks import FGSM, PGD, IntegerVictim, ThreatModel
from lavarobust.execution import backend
from lavarobust.experiment.gap import FLOAT_TWIN, INTEGERS, NOWHERE, float_twin, gap
from lavarobust.experiment.network_scores import network_scores
from lavarobust.experiment.stages import load_deployed
from lavarobust.experiment.train import run_data

THREAT = ThreatModel(0.2)


@pytest.fixture(scope="module")
def case(run_folder):
    run = load_deployed(run_folder)
    return run, run_data(run.folder).test


@pytest.fixture(scope="module")
def measured(case):
    run, images = case
    found = {"black": np.zeros_like(images.images)}
    return gap(run, images, (FGSM(), PGD(3)), THREAT, backend("simulator"), found=found)


def test_every_attack_is_crafted_on_either_side(measured):
    assert [(row.images, row.crafted_on) for row in measured.rows] == [
        ("clean", NOWHERE),
        ("FGSM", INTEGERS),
        ("PGD-3", INTEGERS),
        ("black", INTEGERS),
        ("FGSM", FLOAT_TWIN),
        ("PGD-3", FLOAT_TWIN),
    ]
    for row in measured.rows:
        assert row.slayer_differences == 0 and row.slayer_accuracy == row.executed_accuracy
        assert row.crafted_on == NOWHERE or row.transferred is None or 0 <= row.transferred <= 1
    plain = json.loads(json.dumps(measured.as_dict()))
    assert plain["threat"] == "linf 0.2" and len(plain["rows"]) == 6


def test_each_side_falls_most_to_its_own_images(measured):
    rows = {(row.images, row.crafted_on): row for row in measured.rows}
    clean, own, twin = rows["clean", NOWHERE], rows["PGD-3", INTEGERS], rows["PGD-3", FLOAT_TWIN]
    assert own.executed_accuracy < clean.executed_accuracy and twin.float_accuracy < clean.float_accuracy
    assert own.executed_accuracy <= twin.executed_accuracy
    assert twin.float_accuracy <= own.float_accuracy
    assert own.transferred > 0 and twin.transferred > 0


def test_what_transfers_is_counted_among_samples_that_both_sides_have_right(case, measured):
    run, images = case
    black = np.zeros_like(images.images)
    integers = IntegerVictim(run.model, run.plan.as_deployment(run.model))
    twin = float_twin(run)
    right = np.ones(images.samples, dtype=bool)
    for victim in (integers, twin):
        right &= victim.logits(images.images, images.indices).argmax(1) == images.labels
    fell = right & (integers.logits(black, images.indices).argmax(1) != images.labels)
    also = fell & (twin.logits(black, images.indices).argmax(1) != images.labels)
    (row,) = (row for row in measured.rows if row.images == "black")
    assert fell.any() and row.transferred == also.sum() / fell.sum()


def test_the_float_twin_is_the_network_before_rounding(case):
    run, images = case
    logits = float_twin(run).logits(images.images, images.indices)
    floating = network_scores(run.network, images, quantised=False)
    quantised = network_scores(run.network, images)
    unit = floating / logits
    np.testing.assert_allclose(unit, unit[0, 0], rtol=1e-3)
    assert not np.array_equal(floating, quantised)
