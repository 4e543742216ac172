from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest

from lavarobust.attacks.presets import PRESETS
from lavarobust.attacks.suites import SUITES
from lavarobust.cli.options import PRESETS as OFFERED_PRESETS
from lavarobust.cli.options import SUITES as OFFERED
from lavarobust.errors import SettingsError
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.sections import SuiteName
from lavarobust.experiment.sweep.unit import Unit, read_unit

UNIT = Unit("a row", load_recipe("digits-plain"), images=40, on_lava=4, shard=1, shards=3)


def with_recipe(*overrides):
    return replace(UNIT, recipe=load_recipe("digits-plain", overrides))


def test_a_unit_is_plain_data_and_comes_back_equal():
    assert read_unit(json.loads(json.dumps(UNIT.as_dict())), "unit") == UNIT


@pytest.mark.parametrize(
    "same",
    [
        replace(UNIT, row="another row"),
        with_recipe("name=other"),
        with_recipe("threads=2"),
        with_recipe("device=cpu"),
        with_recipe("data.root=/somewhere"),
    ],
    ids=["row", "name", "threads", "device", "root"],
)
def test_where_and_under_what_name_it_runs_is_no_part_of_its_key(same):
    assert same != UNIT and same.key == UNIT.key


@pytest.mark.parametrize(
    "other",
    [
        with_recipe("seed=1"),
        with_recipe("training.epochs=31"),
        with_recipe("attack.epsilon=[0.2]"),
        with_recipe("data.name=mnist"),
        replace(UNIT, images=None),
        replace(UNIT, on_lava=5),
        replace(UNIT, shard=2),
        replace(UNIT, shards=4),
        replace(UNIT, suite="quick"),
    ],
)
def test_what_is_done_is_all_of_its_key(other):
    assert other.key != UNIT.key and other.name != UNIT.name


def test_shards_of_a_run_share_its_folder_and_no_other_unit_does():
    assert replace(UNIT, shard=0, on_lava=0).run_name == UNIT.run_name
    assert UNIT.run_name.startswith("a-row-0-") and UNIT.name.endswith("-1of3")
    # a training goes on with the number of threads that it was begun with
    assert with_recipe("threads=2").run_name != UNIT.run_name != with_recipe("seed=1").run_name


def test_a_row_of_any_name_makes_names_of_files():
    odd = replace(UNIT, row="../AT: eps=0.1 / é" + "x" * 200)
    assert odd.name.startswith("at-eps-0-1-x") and "/" not in odd.name and len(odd.name) < 100


def test_keys_that_recipes_gained_since_have_their_defaults():
    plain = UNIT.as_dict()
    del plain["recipe"]["attack"]["attacks"]
    assert read_unit(plain, "unit").key == UNIT.key


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": {"name": "x"}}, "unit: network is missing"),
        ({"recipe": None}, "unit: is not a mapping"),
        ({"shard": 3}, "unit: is no work unit"),
        ({"shards": "3"}, "unit: is no work unit"),
        ({"images": 1.5}, "unit: is no work unit"),
        ({"other_seed": "1"}, "unit: is no work unit"),
        ({"other_seed": 0}, "unit: is no work unit"),
    ],
)
def test_what_is_no_unit_is_said(change, message):
    with pytest.raises(SettingsError, match=message):
        read_unit(UNIT.as_dict() | change, "unit")
    with pytest.raises(SettingsError, match="'row' is missing"):
        read_unit({}, "unit")


def test_results_from_before_there_were_suites_still_count():
    assert replace(UNIT, suite_images=7).key == UNIT.key
    asked = replace(UNIT, suite="adaptive", suite_images=7)
    assert replace(asked, suite_images=8).key != asked.key
    assert read_unit(json.loads(json.dumps(asked.as_dict())), "unit") == asked
    told = replace(asked, other_seed=1)
    assert told.key != asked.key and told.run_name == asked.run_name
    assert replace(told, other_seed=2).key != told.key
    assert read_unit(json.loads(json.dumps(told.as_dict())), "unit") == told
    since = ("suite", "suite_images", "other_seed")
    before = {name: value for name, value in UNIT.as_dict().items() if name not in since}
    assert read_unit(json.loads(json.dumps(before)), "unit") == UNIT


def test_the_other_unit_is_the_same_recipe_of_another_seed():
    other = replace(UNIT, other_seed=5).other
    assert other.recipe == with_recipe("seed=5").recipe and other.other is None
    assert other.run_name == with_recipe("seed=5").run_name != UNIT.run_name
    assert UNIT.other is None


def test_suites_are_named_alike_everywhere():
    assert get_args(get_args(SuiteName)[0]) == SUITES == OFFERED
    assert PRESETS == OFFERED_PRESETS
