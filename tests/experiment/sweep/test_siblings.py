from __future__ import annotations

from dataclasses import replace

import pytest
from sweep_results import unit

from lavarobust.experiment.sweep.file import load_sweep
from lavarobust.experiment.sweep.siblings import with_other_seeds


def attacked(*arguments):
    return replace(unit(*arguments), suite="adaptive")


def test_every_seed_is_told_the_next_of_its_row_and_the_last_the_first():
    units = [attacked(row, seed) for seed in (4, 0, 9) for row in ("a", "b")]
    told = with_other_seeds(units)
    assert [(each.row, each.recipe.seed, each.other_seed) for each in told] == [
        ("a", 4, 0), ("b", 4, 0), ("a", 0, 9), ("b", 0, 9), ("a", 9, 4), ("b", 9, 4),
    ]  # fmt: skip


def test_shards_share_the_other_seed_and_a_row_of_one_seed_has_none():
    shards = [attacked("a", seed, shard, 2) for seed in (0, 1) for shard in (0, 1)]
    assert [each.other_seed for each in with_other_seeds([*shards, attacked("b")])] == [1, 1, 0, 0, None]


def test_units_without_a_suite_are_left_as_they_are():
    units = (unit("a", 0), unit("a", 1))
    assert with_other_seeds(units) == units


@pytest.mark.parametrize("overrides", [(), ("data.root=/data", "threads=1")])
def test_in_the_table_of_mnist_the_other_run_is_that_of_a_unit_of_the_row(overrides):
    units = load_sweep("mnist-defenses", overrides).units
    runs = {(each.row, each.recipe.seed): each.run_name for each in units}
    assert len(units) == 21
    for each in units:
        assert each.other.run_name == runs[each.row, (each.recipe.seed + 1) % 3]
    assert all(each.other is None for each in load_sweep("mnist-defenses", ["seed=1"]).units)
