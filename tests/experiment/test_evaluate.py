from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tiny_runs import TINY

from lavarobust.errors import ModelFileError
from lavarobust.experiment.evaluate import evaluate_run
from lavarobust.experiment.export import export
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.loading import dump_recipe, load_recipe
from lavarobust.experiment.run import run as run_model
from lavarobust.experiment.train import train
from lavarobust.netx import read_model


@pytest.fixture
def run(run_folder, tmp_path):
    return shutil.copytree(run_folder, tmp_path / "r")


def test_every_stage_is_measured_on_the_same_images_and_agrees(run):
    told = []
    evaluation = evaluate_run(run, limit=20, report=told.append)
    clean, attacked = evaluation.conditions
    assert (clean.name, attacked.name, attacked.epsilon) == ("clean", "PGD-3 at 0.1", 0.1)
    for condition in evaluation.conditions:
        assert condition.slayer_differences == condition.lava_differences == 0
        assert condition.slayer_accuracy == condition.simulator_accuracy == condition.lava_accuracy
    executed = run_model(run / "model.net", DataChoice(limit=20), backend="lava")
    assert clean.lava_accuracy == executed.accuracy
    assert clean.spikes == sum(layer.spikes.sum() for layer in executed.record.layers) / 20
    assert {bill.backend for bill in (*evaluation.bills, *evaluation.attack_bills)} == {"lava"}
    assert json.loads((run / "evaluation.json").read_text()) == json.loads(json.dumps(evaluation.as_dict()))
    assert told[0] == "digits-plain: attacking 20 images" and len(told) == 3


def test_every_attack_of_the_recipe_is_measured_at_every_epsilon(run):
    recipe = load_recipe(run / "recipe.yaml", ["attack.attacks=[fgsm, pgd]", "attack.epsilon=[0.1, 0.2]"])
    (run / "recipe.yaml").write_text(dump_recipe(recipe))
    conditions = evaluate_run(run, limit=8).conditions
    assert [each.name for each in conditions] == [
        "clean", "FGSM at 0.1", "PGD-3 at 0.1", "FGSM at 0.2", "PGD-3 at 0.2",
    ]  # fmt: skip
    assert [each.epsilon for each in conditions] == [0, 0.1, 0.1, 0.2, 0.2]
    assert all(each.lava_differences == each.slayer_differences == 0 for each in conditions)


def test_a_run_with_gates_is_trained_deployed_and_executed_with_the_same_draws(tmp_path):
    gated = ["network.gate={initial: 0.9}", "defense={kind: stog, gamma: 0.05, gate_epochs: 2}"]
    train("digits-plain", tmp_path / "r", overrides=[*TINY, *gated], progress="off")
    export(tmp_path / "r")
    model = read_model(tmp_path / "r" / "model.net")
    assert model.extensions == ("stochastic gate",)
    opening = np.concatenate([layer.gate.opening for _, layer in model.populations[:-1]]) / 65536
    assert 0.1 < opening.mean() < 0.9
    for replaced in ("kept", "thinned", "masked"):
        recipe = load_recipe(tmp_path / "r" / "recipe.yaml", [f"export.gates={replaced}"])
        (tmp_path / "r" / "recipe.yaml").write_text(dump_recipe(recipe))
        said = export(tmp_path / "r").gate_opening
        assert said == (pytest.approx(opening.mean()) if replaced == "kept" else None)
        assert bool(read_model(tmp_path / "r" / "model.net").extensions) == (replaced == "kept")
        conditions = evaluate_run(tmp_path / "r", limit=8).conditions
        assert all(each.slayer_differences == each.lava_differences == 0 for each in conditions)


@pytest.mark.parametrize(
    "method",
    [
        (
            "network.encoding.kind=signed_rate",
            "training.objective={kind: sea, flips: 3, iterations: 2}",
            "attack.flips=[3]",
            "attack.flip_iterations=2",
        ),
        ("defense={kind: sr, weight: 0.05}", "training.objective={kind: rfgsm, epsilon: 0.1}"),
        ("network.encoding.kind=rate", "training.objective={kind: trades, epsilon: 0.1, steps: 2}"),
        (
            "network.layers=[conv 4 3 2 no-norm, dense 10]",
            "network.neuron={reset: soft, threshold: trained, leak: trained}",
            "defense={kind: hire, epsilon: 0.05, pretraining: {epochs: 2, frozen_epochs: 0}, "
            "calibration: {batches: 1, steps: 10, taken_over: step}}",
        ),
        (
            "network.neuron={threshold: trained, least_threshold: 0.03}",
            "network.surrogate={relative: false, through_reset: true}",
            "training.objective={kind: rfgsm-kl, epsilon: 0.1}",
            "defense={kind: conversion, pretraining: {epochs: 2, frozen_epochs: 0, "
            "objective: {kind: mart, epsilon: 0.1, steps: 2}}, calibration: {batches: 2, steps: 10}}",
        ),
    ],
    ids=["sea", "sr", "trades", "hire", "conversion"],
)
def test_a_run_of_the_method_is_trained_deployed_and_executed_with_the_same_integers(method, tmp_path):
    train("digits-plain", tmp_path / "r", overrides=[*TINY, *method], progress="off")
    export(tmp_path / "r")
    conditions = evaluate_run(tmp_path / "r", limit=12).conditions
    assert len(conditions) == (4 if "sea" in method[1] else 2)
    assert all(each.slayer_differences == each.lava_differences == 0 for each in conditions)
    assert all(each.spikes > 0 for each in conditions)


def test_a_run_that_is_not_exported_is_said(run):
    (run / "model.net").unlink()
    with pytest.raises(ModelFileError, match="model"):
        evaluate_run(run)
    assert not (run / "evaluation.json").exists()
