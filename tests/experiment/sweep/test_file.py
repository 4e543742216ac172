from __future__ import annotations

import pytest
import yaml

from lavarobust.errors import SettingsError
from lavarobust.experiment.loading import builtin, load_recipe
from lavarobust.experiment.sweep.file import load_sweep

SWEEP = """\
name: two
set: {data.limit: 50, training.epochs: 9}
rows:
  vanilla: {recipe: digits-plain}
  AT: {recipe: digits-adversarial, set: {training.epochs: 7}}
over: {seed: [3, 4], training.learning_rate: [0.1, 0.2]}
evaluate: {images: 30, on_lava: 2}
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="sweep.yaml"):
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


def test_every_row_is_combined_with_every_value(write):
    name, units, *_ = load_sweep(write(SWEEP))
    assert name == "two"
    assert [(unit.row, unit.recipe.seed) for unit in units] == [
        (f"{row} learning_rate={rate}", seed)
        for row in ("vanilla", "AT")
        for seed in (3, 4)
        for rate in (0.1, 0.2)
    ]
    first, last = units[0], units[-1]
    overrides = ["seed=3", "data.limit=50", "training.epochs=9", "training.learning_rate=0.1"]
    assert first.recipe == load_recipe("digits-plain", overrides)
    overrides = ["seed=4", "data.limit=50", "training.epochs=7", "training.learning_rate=0.2"]
    assert last.recipe == load_recipe("digits-adversarial", overrides)
    assert all((u.images, u.on_lava, u.shard, u.shards) == (30, 2, 0, 1) for u in units)


def test_overrides_of_the_command_line_come_last_and_take_the_place_of_values(write):
    units = load_sweep(write(SWEEP), ["training.epochs=6", "seed=8"])[1]
    assert [(unit.row, unit.recipe.seed, unit.recipe.training.epochs) for unit in units] == [
        (f"{row} learning_rate={rate}", 8, 6) for row in ("vanilla", "AT") for rate in (0.1, 0.2)
    ]


def test_shards_are_units_of_their_own(write):
    units = load_sweep(write("name: s\nrecipe: digits-plain\nevaluate: {shards: 3}"))[1]
    assert [(unit.row, unit.shard, unit.shards) for unit in units] == [("s", i, 3) for i in range(3)]


def test_a_recipe_is_a_name_a_file_beside_the_sweep_or_written_out(write, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    recipe = load_recipe("digits-plain", ["name=mine"]).model_dump(mode="json")
    write(yaml.safe_dump(recipe), "mine.yaml")
    rows = {"a": {}, "b": {"recipe": "mine.yaml", "set": {"seed": 5}}}
    first, second = load_sweep(write(yaml.safe_dump({"name": "s", "recipe": recipe, "rows": rows})))[1]
    assert first.recipe == load_recipe(tmp_path / "mine.yaml")
    assert second.recipe == load_recipe(tmp_path / "mine.yaml", ["seed=5"])


@pytest.mark.parametrize("name", builtin("sweep"))
def test_sweeps_of_the_package_can_be_expanded(name):
    assert load_sweep(name)[0] == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "is not a mapping"),
        ("rows: {}", "name is missing. Give letters"),
        ("name: a b", 'name is "a b". Allowed: letters'),
        ("name: s\nrow: {}", "row is not a known key. Did you mean rows?"),
        ("name: s\nover: {seed: 3}", "over.seed is 3. Allowed: a mapping such as {seed: [0, 1, 2]}"),
        ("name: s\nover: {seed: []}", "over.seed is []. Allowed: a mapping such as"),
        ("name: s\nevaluate: {shards: 0}", "evaluate.shards is 0. Allowed: an integer of at least 1"),
        ("name: s\nrows: {a: {recipe: digits-plain, sets: {}}}", "rows.a.sets is not a known key"),
        ("name: s\nrows: {a: {}}", "rows.a: recipe is missing. Give a recipe's name or file"),
        ("name: s", "recipe is missing. Give a recipe's name or file"),
        ("name: s\nrecipe: nowhere", "sweep.yaml: nowhere: no such recipe. Name a YAML file"),
        ("name: s\nrecipe: 3", "recipe"),
        ("name: s\nrecipe: {name: x}", "network is missing"),
        ("name: s\nrecipe: digits-plain\nset: {seeds: 3}", "override seeds=3: seeds is not a known key"),
        (
            "name: s\nrows: {a: {recipe: digits-plain}}\nover: {training.epochs: [9, x]}",
            'rows.a: override training.epochs="x": training.epochs is "x". Allowed: an integer',
        ),
        (
            "name: s\nrows: {a: {recipe: digits-plain}, b: {recipe: digits-plain, set: {threads: 2}}}",
            "'a' and 'b' with seed 0 are the same recipe. Leave one out",
        ),
        ("name: s\nrecipe: digits-plain\nover: {seed: [1, 1]}", "'s' and 's' with seed 1 are the same"),
        ("name: [", "is not YAML"),
    ],
)  # fmt: skip
def test_a_wrong_sweep_is_one_line_with_file_place_and_remedy(write, text, message):
    with pytest.raises(SettingsError) as raised:
        load_sweep(write(text))
    assert message in str(raised.value) and "sweep.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_sweep_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingsError, match=r"no such sweep\. Name a YAML file, .*digits-defenses"):
        load_sweep(tmp_path / "none.yaml")


def test_a_row_to_compare_with_must_be_there_and_stand_alone(write):
    rows = "name: s\nrecipe: digits-plain\nrows: {a: {}, b: {set: {training.epochs: 9}}}\n"
    assert load_sweep(write(rows + "against: a")).against == "a"
    with pytest.raises(SettingsError, match=r"against is 'c'\. Allowed: one of a, b"):
        load_sweep(write(rows + "against: c"))
    with pytest.raises(SettingsError, match=r"over varies training\.epochs too"):
        load_sweep(write(rows + "against: a\nover: {seed: [0], training.epochs: [5, 6]}"))


def test_the_axis_is_the_first_key_of_numbers_and_other_keys_make_more_curves(write):
    text = "name: s\nrecipe: digits-plain\nrows: {a: {}, b: {set: {training.epochs: 9}}}\n"
    axis = load_sweep(
        write(text + "over: {seed: [0, 1], network.readout: [membrane, spike_count], network.steps: [4, 8]}")
    ).axis
    assert axis.key == "network.steps"
    assert axis.places["a readout=membrane steps=8"] == ("a readout=membrane", 8.0)
    assert axis.places["b readout=spike_count steps=4"] == ("b readout=spike_count", 4.0)
    assert load_sweep(write(text + "over: {seed: [0, 1]}")).axis is None


STEPPED = """\
name: equal
recipe: digits-hire
rows: {HIRE: {}, rate: {set: {network.encoding: {kind: rate}, defense: {kind: none}}}}
over: {network.steps: [2, 4], seed: [0, 1]}
equal_accuracy: HIRE
"""


def test_a_row_is_put_beside_others_at_equal_accuracy(write):
    sweep = load_sweep(write(STEPPED))
    assert sweep.equal_accuracy == "HIRE" and sweep.axis.places["rate steps=4"] == ("rate", 4.0)
    assert load_sweep(write(SWEEP)).equal_accuracy is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "equal_accuracy: HIRE",
            "equal_accuracy: SEA",
            "equal_accuracy is 'SEA'. Allowed: one of HIRE, rate",
        ),
        ("network.steps: [2, 4], ", "", "over varies nothing. Allowed there: network.steps and seed"),
        ("seed: [0, 1]", "training.epochs: [3]", "over varies network.steps, training.epochs. Allowed"),
        ("equal_accuracy: HIRE", "equal_accuracy: rate", "rows.rate: equal_accuracy needs the ANN"),
    ],
)
def test_a_sweep_that_lacks_what_equal_accuracy_needs_is_refused(write, old, new, said):
    with pytest.raises(SettingsError) as refused:
        load_sweep(write(STEPPED.replace(old, new)))
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_one_number_of_steps_in_place_of_all_leaves_nothing_to_choose_from(write):
    with pytest.raises(SettingsError, match=r"one value of network\.steps in place of all"):
        load_sweep(write(STEPPED), ["network.steps=4"])
