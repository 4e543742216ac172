from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from dataclasses import replace

import numpy as np
import pytest

from lavarobust.cli.application import application
from lavarobust.experiment.evaluate import evaluate_run
from lavarobust.experiment.export import export
from lavarobust.experiment.loading import load_recipe, resolve_recipe
from lavarobust.experiment.publish import commands, publish
from lavarobust.experiment.run import run
from lavarobust.experiment.run_folder import RunFolderError
from lavarobust.experiment.train import train
from lavarobust.netx import read_model, write_model

SMALL = {
    "name": "small",
    "data": {"name": "digits", "limit": 20},
    "network": {"layers": ["conv 2 3", "dense 10"], "steps": 2},
    "training": {"epochs": 1, "frozen_epochs": 0},
    "attack": {"epsilon": [0.1, 0.2], "steps": 1},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    train(resolve_recipe(SMALL, "small"), folder, progress="off")
    export(folder)
    evaluate_run(folder)
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def test_the_file_is_the_runs_and_the_card_says_its_sum(finished, tmp_path):
    published = publish(finished, tmp_path / "models")
    content = published.model.read_bytes()
    card = json.loads(published.card.read_text())
    assert (published.model.name, published.card.name) == ("small.net", "small.json")
    assert content == (finished / "model.net").read_bytes()
    assert card["sha256"] == published.sha256 == hashlib.sha256(content).hexdigest()
    assert card["bytes"] == len(content)


def test_the_card_counts_what_the_file_executes(finished, tmp_path):
    published = publish(finished, tmp_path / "models", name="other")
    card = json.loads(published.card.read_text())["executed"]
    result = run(published.model)
    assert published.model.name == "other.net"
    assert card["samples"] == result.record.samples == 20
    assert card["correct"] == round(20 * result.accuracy)
    for said, layer in zip(card["layers"], result.record.layers, strict=True):
        assert said["spikes"] == layer.spikes.sum()
        assert said["synops"] == layer.synops.sum()


def test_the_card_describes_the_layers(finished, tmp_path):
    card = json.loads(publish(finished, tmp_path).card.read_text())
    conv, dense = (layer for layer in card["network"]["layers"] if "parameters" in layer)
    # 2 kernels of 3 x 3 with a bias each; 10 rows over 2 x 8 x 8 neurons with a bias each
    assert (conv["parameters"], dense["parameters"]) == (20, 1290)
    assert card["network"]["parameters"] == 1310
    assert dense["output_shape"] == [10] and conv["output_shape"] == [2, 8, 8]
    assert all(0 < low <= high <= 8 for low, high in (conv["weight_bits"], dense["weight_bits"]))
    assert [entry["layer"] for entry in card["overflow"]] == [conv["name"], dense["name"]]
    assert card["data"]["split"]["test"]["samples"] == 20


def test_the_card_names_no_folder_of_this_machine(finished, tmp_path):
    text = publish(finished, tmp_path).card.read_text()
    assert str(finished.parent) not in text and str(tmp_path) not in text


@pytest.mark.parametrize(
    ("place", "value"), [("samples", 19), ("simulator_accuracy", 0.123), ("spikes", 1.0), ("conditions", [])]
)
def test_an_evaluation_of_something_else_is_refused(copied, tmp_path, place, value):
    file = copied / "evaluation.json"
    evaluation = json.loads(file.read_text())
    holder = evaluation["conditions"][0] if place in evaluation["conditions"][0] else evaluation
    holder[place] = value
    file.write_text(json.dumps(evaluation))
    with pytest.raises(RunFolderError, match=r"evaluation\.json"):
        publish(copied, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_a_model_of_another_recipe_is_refused(copied, tmp_path):
    recipe = copied / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("seed: 0", "seed: 1", 1))
    with pytest.raises(RunFolderError, match="not exported from this run"):
        publish(copied, tmp_path / "models")


@pytest.mark.parametrize("missing", ["evaluation.json", "model.net", "versions.json", "recipe.yaml"])
def test_a_run_that_lacks_a_file_is_refused(copied, tmp_path, missing):
    (copied / missing).unlink()
    with pytest.raises(RunFolderError, match=missing.replace(".", r"\.")):
        publish(copied, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_every_command_of_a_card_is_one():
    small = resolve_recipe(SMALL, "small")
    for recipe in (load_recipe("digits-plain"), small):
        lists = commands(recipe, recipe.name)
        for line in (*lists["make"], *lists["repeat"]):
            program, verb, *arguments = shlex.split(line)
            assert program == "lavarobust"
            application.commands[verb].make_context(verb, arguments)
    both = load_recipe("digits-plain", ["attack.attacks=[fgsm, pgd]"])
    assert " --attack fgsm --attack pgd --attack-steps 20 " in commands(both, "both")["repeat"][2]
    rate = load_recipe("digits-plain", ["network.encoding.kind=rate", "attack.flips=[5, 9]"])
    flips = "--epsilon 0.1 --flips 5 --flip-iterations 10 --flips 9 --flip-iterations 10 --surrogate"
    assert flips in commands(rate, "rate")["repeat"][2]
    assert commands(small, "small")["make"][0].startswith("lavarobust train recipe.yaml ")


def test_the_attack_command_repeats_the_evaluation(finished):
    from lavarobust.attacks import PGD
    from lavarobust.dynamics import Surrogate
    from lavarobust.experiment.attack import attack

    recipe = resolve_recipe(SMALL, "small")
    evaluation = json.loads((finished / "evaluation.json").read_text())
    report = attack(
        finished / "model.net",
        attacks=[PGD(steps=1, restarts=1)],
        epsilons=recipe.attack.epsilon,
        rule=Surrogate(recipe.network.surrogate.name, recipe.network.surrogate.width),
        seed=recipe.seed,
    )
    said = [condition["simulator_accuracy"] for condition in evaluation["conditions"][1:]]
    assert np.array_equal(said, [outcome.executed.accuracy for outcome in report.result.outcomes])


def test_a_model_that_executes_as_before_keeps_its_file(finished, copied, tmp_path):
    first = publish(finished, tmp_path / "models")
    before = first.model.read_bytes()
    model = read_model(copied / "model.net")
    later = replace(model.deployment, versions={**model.deployment.versions, "commit": "another"})
    write_model(replace(model, deployment=later), copied / "model.net")
    assert (copied / "model.net").read_bytes() != before
    again = publish(copied, tmp_path / "models")
    assert first.model.read_bytes() == before and again.sha256 == first.sha256
    assert json.loads(again.card.read_text())["sha256"] == hashlib.sha256(before).hexdigest()


def test_another_model_takes_its_place(finished, tmp_path):
    other = publish(finished, tmp_path / "models")
    model = read_model(other.model)
    louder = replace(model.layers[-1], weight=-model.layers[-1].weight)
    write_model(replace(model, layers=(*model.layers[:-1], louder)), other.model)
    assert publish(finished, tmp_path / "models").model.read_bytes() == (finished / "model.net").read_bytes()
