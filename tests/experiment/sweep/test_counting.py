from __future__ import annotations

import shutil
from dataclasses import asdict

import pytest
from tiny_runs import TINY

from lavarobust.data import load
from lavarobust.execution import backend
from lavarobust.experiment.bill import bills_of, price_tables
from lavarobust.experiment.evaluate import evaluate_run
from lavarobust.experiment.export import export
from lavarobust.experiment.loading import dump_recipe, load_recipe
from lavarobust.experiment.plan import execute
from lavarobust.experiment.stages import attack_run, flip_run, image_sets, load_deployed
from lavarobust.experiment.sweep import counting
from lavarobust.experiment.sweep.counting import count_run
from lavarobust.experiment.train import train

KEYS = ("attack", "epsilon", "flips")
NUMBERS = [name for name in counting.SetCounts.__dataclass_fields__ if name not in KEYS]


@pytest.fixture(scope="module")
def folder(run_folder, tmp_path_factory):
    folder = shutil.copytree(run_folder, tmp_path_factory.mktemp("runs") / "a")
    recipe = load_recipe(folder / "recipe.yaml", ["attack.attacks=[fgsm, pgd]", "attack.epsilon=[0.1, 0.3]"])
    (folder / "recipe.yaml").write_text(dump_recipe(recipe))
    return folder


@pytest.fixture(scope="module")
def images():
    return load("digits", limit=60).test.take(21)


@pytest.fixture(scope="module")
def whole(folder, images):
    return count_run(load_deployed(folder), images, on_lava=6)


def test_shards_add_up_to_the_whole_exactly(folder, images, whole):
    run = load_deployed(folder)
    parts = [count_run(run, images.shard(i, 3), on_lava=2) for i in range(3)]
    for place, each in enumerate(whole.sets):
        for name in NUMBERS:
            assert getattr(each, name) == sum(getattr(part.sets[place], name) for part in parts), name
    for place, (epsilon, correct) in enumerate(whole.robust):
        assert [part.robust[place][0] for part in parts] == [epsilon] * 3
        assert correct == sum(part.robust[place][1] for part in parts)


def test_counts_are_those_of_the_evaluation_on_lava(folder, whole):
    evaluation = evaluate_run(folder, limit=21)
    assert [each.attack for each in whole.sets] == ["clean", "FGSM", "PGD-3", "FGSM", "PGD-3"]
    for each, condition in zip(whole.sets, evaluation.conditions, strict=True):
        assert (each.samples, each.on_lava, each.lava_differences, each.slayer_differences) == (21, 6, 0, 0)
        assert each.epsilon == condition.epsilon
        assert each.correct / 21 == condition.lava_accuracy
        assert each.float_correct / 21 == condition.float_accuracy
        assert each.slayer_correct / 21 == condition.slayer_accuracy
        assert each.tied / 21 == condition.tie_share
        for name in ("spikes", "accumulates", "multiply_accumulates"):
            assert getattr(each, name) / 21 == getattr(condition, name)
    clean, *attacked = whole.sets
    assert clean.fooled == 0 and clean.gradients == 0
    assert all(each.fooled >= 0 and each.correct == clean.correct - each.fooled for each in attacked)


def test_without_lava_nothing_is_executed_there(folder, images, whole, monkeypatch):
    real = counting.backend

    def only_the_simulator(name):
        assert name == "simulator"
        return real(name)

    monkeypatch.setattr(counting, "backend", only_the_simulator)
    counts = count_run(load_deployed(folder), images, on_lava=0)
    assert [asdict(each) | {"on_lava": 6} for each in counts.sets] == [asdict(each) for each in whole.sets]


def test_another_execution_would_be_counted(folder, images, monkeypatch):
    """Scores of Lava and SLAYER that are off by one in one class of one image of every set."""
    scores, on_lava = counting.set_scores, counting._scores_on_lava

    def off(run, each, quantised=True):
        changed = scores(run, each, quantised)
        changed[3, 1] += 1
        return changed

    def off_on_lava(run, sets, count):
        changed = on_lava(run, sets, count)
        for each in changed:
            each[0, 2] -= 1
        return changed

    monkeypatch.setattr(counting, "set_scores", off)
    monkeypatch.setattr(counting, "_scores_on_lava", off_on_lava)
    counts = count_run(load_deployed(folder), images, on_lava=2)
    assert all(each.slayer_differences == each.lava_differences == 1 for each in counts.sets)


def test_an_attack_that_fools_a_wrong_image_fools_nothing(folder, images):
    """fooled counts only images that were right without attack, by hand on the simulator's records."""
    run = load_deployed(folder)
    result = attack_run(run, images)
    sets = image_sets(result, (), images)
    counts = count_run(run, images, on_lava=0)
    clean = sets[0].simulated.prediction
    for each, counted in zip(sets, counts.sets, strict=True):
        fooled = [
            before == label != after
            for before, after, label in zip(clean, each.simulated.prediction, images.labels, strict=True)
        ]
        assert counted.fooled == sum(fooled)
    robust = [
        all(each.simulated.prediction[i] == images.labels[i] for each in (sets[0], *sets[1:3]))
        for i in range(images.samples)
    ]
    assert counts.robust[0] == (0.1, sum(robust))


@pytest.fixture(scope="module")
def rate_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "rate"
    flips = ("network.encoding.kind=rate", "attack.flips=[3]", "attack.flip_iterations=2")
    train("digits-plain", folder, overrides=[*TINY, *flips], progress="off")
    export(folder)
    return folder


def test_attacks_on_the_encoding_are_counted_too(rate_folder, images):
    run = load_deployed(rate_folder)
    whole = count_run(run, images, on_lava=3)
    names = ["clean at 0", "PGD-3 at 0.1", "SEA with 3 flips", "SEA-2 with 3 flips"]
    assert [each.name for each in whole.sets] == names
    assert all((each.lava_differences, each.slayer_differences) == (0, 0) for each in whole.sets)
    assert [each.on_lava for each in whole.sets] == [3] * 4
    outcomes = flip_run(run, images)
    for counted, outcome in zip(whole.sets[2:], outcomes, strict=True):
        assert counted.correct == outcome.executed.correct.sum()
        assert counted.fooled == round(outcome.success_rate * whole.sets[0].correct)
        assert counted.gradients == outcome.gradients
    parts = [count_run(run, images.shard(i, 2), on_lava=0) for i in range(2)]
    for place, each in enumerate(whole.sets):
        assert each.correct == sum(part.sets[place].correct for part in parts)
        assert each.spikes == sum(part.sets[place].spikes for part in parts)
    evaluation = evaluate_run(rate_folder, limit=8)
    assert [condition.name for condition in evaluation.conditions] == ["clean", *names[1:]]
    assert all(c.lava_differences == c.slayer_differences == 0 for c in evaluation.conditions)


def test_operations_by_rule_are_those_that_its_bills_price(folder, images, whole):
    """By one price table, 4.6 and 0.9 pJ, which prices no other term that the model executes."""
    run = load_deployed(folder)
    record = execute(backend("simulator"), run.model, run.plan, images.images, images.indices)
    bills = {bill.rule: bill for bill in bills_of(record, run.model, price_tables(["horowitz_45nm_fp32"]))}
    assert set(bills) == set(whole.operations) == {"executed", "hire-eq8"}
    for rule, terms in whole.operations.items():
        spent = 4.6 * terms["multiply_accumulate"] + 0.9 * terms["accumulate"]
        assert spent / 21 == pytest.approx(bills[rule].total_pj.mean)
    assert whole.operations["executed"]["accumulate"] == whole.sets[0].accumulates
    assert whole.ann_operations == bills["executed"].ann.multiply_accumulates
