from __future__ import annotations

import json

import numpy as np
import pytest

from lavarobust.attacks import FGSM, OperationsAscent, OperationsVictim, ThreatModel
from lavarobust.attacks.campaign import Target, run_suite
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Member, Suite
from lavarobust.data import load
from lavarobust.dynamics import Surrogate
from lavarobust.energy import make_ledger, price
from lavarobust.errors import SettingsError
from lavarobust.execution import backend
from lavarobust.experiment.attack_cost import AttackCost, CostRow, cost_of_images, cost_of_suite
from lavarobust.experiment.bill import price_tables
from lavarobust.experiment.plan import execute, plan_for
from lavarobust.experiment.shipped import model_path
from lavarobust.netx import read_model
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.model import READOUT, Dense, Flatten, Input, Model

TABLES = price_tables()


@pytest.fixture(scope="module")
def shipped():
    model = read_model(model_path("digits-plain"))
    part = load("digits").test.take(20)
    return model, Samples(part.images, part.labels, part.indices)


def test_the_counts_of_one_layer_by_hand():
    # a white pixel drives 2 or 1 non-zero weights, once for each image: it is sent once
    model = Model(
        (Input((1, 1, 2)), Flatten(), Dense(np.array([[2, 2], [2, 0]], dtype=np.int32), READOUT)),
        (1, 1, 2),
        Deployment(1, Encoding("direct", 4), "membrane", (1, 1, 2)),
    )
    images = np.array([[1, 0], [0, 1]], dtype=np.float32).reshape(2, 1, 1, 2)
    samples = Samples(images, np.array([0, 1]), np.arange(2))
    attacked = {"both": np.ones_like(images), "none": np.zeros_like(images)}
    cost = cost_of_images(model, plan_for(model), samples, attacked, "any", backend("simulator"), TABLES[1:])
    clean, both, none = cost.rows
    assert [row.images for row in cost.rows] == ["clean", "both", "none"]
    assert [row.operations for row in cost.rows] == [1.5, 3, 0]
    assert (clean.accuracy, both.accuracy, none.accuracy) == (0.5, 0.5, 0.5)
    assert cost.times_clean(both)["multiply_accumulates"] == cost.times_clean(both)["operations"] == 2
    assert cost.times_clean(both)["spikes"] is None
    added = both.energy_pj["horowitz_45nm_int32"] - clean.energy_pj["horowitz_45nm_int32"]
    multiply = TABLES[1].prices["multiply_accumulate"].value
    assert added == pytest.approx(1.5 * multiply)


def test_a_suite_s_images_are_priced_as_their_execution_is(shipped):
    model, samples = shipped
    threat, simulator = ThreatModel(0.1), backend("simulator")
    target = Target(model, model.deployment)
    suite = Suite("small", (Member(FGSM(), Surrogate()),))
    standing = run_suite(target, suite, samples, threat)
    ascent = OperationsAscent(3)
    cost = cost_of_suite(target, suite, samples, standing, threat, simulator, TABLES, ascent)
    clean, worst, costly = cost.rows
    assert (clean.images, worst.images, costly.images) == ("clean", "suite small", "operations-3")
    record = execute(simulator, model, plan_for(model), standing.images, samples.indices)
    ledger = make_ledger(record, model)
    assert worst.spikes == ledger.total("spikes").mean()
    assert worst.accumulates == ledger.total("accumulates").mean()
    assert worst.multiply_accumulates == ledger.total("multiply_accumulates").mean()
    assert worst.energy_pj == {table.name: price(record, model, table).total_pj.mean for table in TABLES}
    assert worst.accuracy == standing.robust.mean() < clean.accuracy
    counted = OperationsVictim(model, model.deployment).operations(samples.images, samples.indices)
    assert clean.operations == pytest.approx(counted.mean(), rel=1e-12)
    assert costly.operations > max(clean.operations, worst.operations)
    plain = json.loads(json.dumps(cost.as_dict()))
    assert plain["rows"][2]["times_clean"]["operations"] == costly.operations / clean.operations
    assert set(plain["rows"][0]["times_clean"].values()) == {1.0}


def test_every_backend_counts_the_same(shipped):
    pytest.importorskip("lava.magma")
    model, samples = shipped
    part = samples.take(slice(0, 4))
    attacked = {"black": np.zeros_like(part.images)}
    ours, lavas = (
        cost_of_images(model, plan_for(model), part, attacked, "any", backend(name), TABLES)
        for name in ("simulator", "lava")
    )
    assert ours.rows == lavas.rows and lavas.backend == "lava"


def test_a_ball_is_refused(shipped):
    model, samples = shipped
    target = Target(model, model.deployment)
    with pytest.raises(SettingsError, match=r"searches a box, and the threat model is of l2"):
        cost_of_suite(target, Suite("none", ()), samples, None, ThreatModel(2, "l2"), None, TABLES)


def test_nothing_has_no_multiple():
    row = CostRow("clean", 1.0, 0.0, 0.0, 0.0, {"table": 0.0})
    cost = AttackCost("m", "simulator", 1, "any", (row,))
    assert cost.times_clean(row) == dict.fromkeys(
        ("spikes", "accumulates", "multiply_accumulates", "operations", "table")
    )
