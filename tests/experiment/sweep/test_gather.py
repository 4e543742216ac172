"""Figures worked out by hand."""

from __future__ import annotations

import json

import pytest
from sweep_results import counted, result, unit

from lavarobust.errors import DataError
from lavarobust.experiment.sweep.gather import gather, spread


def test_mean_and_spread_of_three_seeds():
    found = spread([0.2, 0.5, 0.8])
    # deviations -0.3, 0, 0.3: squares add up to 0.18, over n - 1 = 2 is 0.09, whose root is 0.3
    assert (found.mean, found.std, found.low, found.high) == (
        pytest.approx(0.5),
        pytest.approx(0.3),
        0.2,
        0.8,
    )
    assert found.values == (0.2, 0.5, 0.8)
    assert spread([0.7]).std is None and spread([0.7]).mean == 0.7


def test_shards_add_up_before_shares_are_taken():
    """10 images of which 9 are right, and 30 of which 15 are: 24 of 40, not the mean of 0.9 and 0.5."""
    first, second = unit("AT", shard=0, shards=2), unit("AT", shard=1, shards=2)
    few = [
        counted(samples=10, correct=9, float_correct=10, spikes=100, on_lava=4),
        counted("FGSM", 0.1, 10, correct=3, fooled=6, gradients=10, zero_gradients=1, on_lava=4),
    ]
    many = [
        counted(samples=30, correct=15, float_correct=18, spikes=500, accumulates=80),
        counted("FGSM", 0.1, 30, correct=9, fooled=6, gradients=30, zero_gradients=3),
    ]
    few[0]["multiply_accumulates"], few[1]["lava_differences"], many[1]["slayer_differences"] = 40, 1, 2
    results = {
        first.key: result(first, *few, robust=[(0.1, 2)]),
        second.key: result(second, *many, robust=[(0.1, 4)]),
    }
    [row] = gather([first, second], results)
    assert (row.name, row.seeds, row.missing, row.images) == ("AT", (0,), (), 40)
    assert (row.attacks, row.epsilons) == (("FGSM at 0.1",), (0.1,))
    assert {name: figure.mean for name, figure in row.figures.items()} == {
        "train accuracy": 0.75,
        "float accuracy": 28 / 40,
        "accuracy": 24 / 40,
        "accuracy, FGSM at 0.1": 12 / 40,
        "success, FGSM at 0.1": 12 / 24,  # of the 24 that were right without attack
        "worst, 0.1": 6 / 40,
        "spikes": 15.0,
        "accumulates": 2.0,
        "multiply_accumulates": 1.0,
    }
    assert (row.slayer_differences, row.slayer_images) == (2, 80)
    assert (row.lava_differences, row.lava_images) == (1, 8)
    assert row.zero_gradient_share == 4 / 40
    assert json.loads(json.dumps(row.as_dict()))["figures"]["accuracy"]["values"] == [0.6]


def test_a_seed_counts_when_all_its_shards_are_there():
    units = [unit("a", seed, shard, 2) for seed in (3, 4) for shard in (0, 1)] + [unit("b")]
    results = {each.key: result(each, counted(correct=5 + each.recipe.seed)) for each in units[:3]}
    first, second = gather(units, results)
    assert (first.seeds, first.missing, first.figures["accuracy"].values) == ((3,), (4,), (0.8,))
    assert (second.name, second.seeds, second.missing) == ("b", (), (0,))
    assert dict(second.figures) == {} and (second.images, second.zero_gradient_share) == (0, 0)


def test_a_figure_that_a_seed_lacks_is_left_out():
    units = [unit("a", seed) for seed in (0, 1)]
    results = {each.key: result(each, counted(correct=4)) for each in units}
    del results[units[1].key]["training"]["train_accuracy"]
    [row] = gather(units, results)
    assert "train accuracy" not in row.figures and row.figures["accuracy"].values == (0.4, 0.4)


def test_the_mean_opening_of_gates_is_a_figure_where_there_are_some():
    units = [unit("a", seed) for seed in (0, 1)]
    results = {each.key: result(each, counted(correct=4)) for each in units}
    [row] = gather(units, results)
    assert "gate opening" not in row.figures
    for each, opening in zip(units, (0.5, 0.75), strict=True):
        results[each.key]["export"] = {"gate_opening": opening}
    [row] = gather(units, results)
    assert row.figures["gate opening"].values == (0.5, 0.75)


def test_operations_by_rule_are_those_of_all_shards_per_image():
    """10 images with 40 and 30 with 80: 120 over 40 images; the ANN is right about 9 + 21 of them."""
    units = [unit("a", shard=shard, shards=2) for shard in (0, 1)]
    results = {}
    for each, samples, count, right in zip(units, (10, 30), (40, 80), (9, 21), strict=True):
        made = result(each, counted(samples=samples)) | {"analog": {"correct": right}}
        made["counts"] |= {"operations": {"hire-eq7": {"accumulate": count}}, "ann_operations": 500}
        results[each.key] = made
    [row] = gather(units, results)
    assert row.figures["operations, hire-eq7, accumulate"].values == (3.0,)
    assert row.figures["ANN operations"].values == (500.0,)
    assert row.figures["analog accuracy"].values == (0.75,)


def test_rows_keep_their_order_and_seeds_theirs():
    units = [unit(row, seed) for row in ("z", "a") for seed in (5, 2)]
    results = {each.key: result(each, counted(correct=each.recipe.seed)) for each in units}
    rows = gather(units, results)
    assert [(row.name, row.seeds) for row in rows] == [("z", (5, 2)), ("a", (5, 2))]
    assert rows[0].figures["accuracy"].values == (0.5, 0.2)


def test_attacks_on_the_encoding_are_named_by_their_flips():
    each = unit("a")
    sets = [
        counted(correct=8),
        counted("SEA", correct=2, fooled=6, flips=10),
        counted("SEA", correct=8, flips=2),
    ]
    [row] = gather([each], {each.key: result(each, *sets)})
    assert row.attacks == ("SEA with 10 flips", "SEA with 2 flips")
    assert row.figures["success, SEA with 10 flips"].mean == 0.75


def test_nothing_right_without_attack_is_a_success_of_nothing():
    each = unit("a")
    [row] = gather([each], {each.key: result(each, counted(), counted("FGSM", 0.1))})
    assert row.figures["success, FGSM at 0.1"].mean == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda plain: plain.pop("counts"),
        lambda plain: plain["training"].update(train_accuracy="high"),
        lambda plain: plain.update(training=3),
        lambda plain: plain["counts"].update(sets=3),
        lambda plain: plain["counts"]["sets"][0].pop("spikes"),
        lambda plain: plain["counts"]["sets"].pop(),
        lambda plain: plain["counts"]["sets"][1].update(epsilon=0.2),
        lambda plain: plain["counts"]["sets"][0].update(spikes="many"),
    ],
)
def test_a_damaged_result_is_said_with_its_row_and_seed(damage):
    units = [unit("a", 7, shard, 2) for shard in (0, 1)]
    results = {each.key: result(each, counted(), counted("FGSM", 0.1)) for each in units}
    damage(results[units[1].key])
    with pytest.raises(DataError, match="a result of row 'a' with seed 7 is damaged"):
        gather(units, results)
