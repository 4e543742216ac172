from __future__ import annotations

import pytest

from lavarobust.errors import SettingsError
from lavarobust.experiment.builders import build_objective
from lavarobust.experiment.loading import builtin_recipes, dump_recipe, load_recipe, resolve_recipe
from lavarobust.training.adversarial import (
    AdversarialFGSM,
    AdversarialPGD,
    GaussianNoise,
    RandomNormalFGSM,
    RandomSignFGSM,
)
from lavarobust.training.divergence import Mart, RandomSignDivergence, Trades
from lavarobust.training.free import Free
from lavarobust.training.objective import Vanilla
from lavarobust.training.sparse_encoding import SparseEncoding

SMALL = {"name": "small", "network": {"layers": ["dense 10"], "steps": 2}}


def problem(*overrides: str, recipe: str = "digits-adversarial") -> str:
    with pytest.raises(SettingsError) as caught:
        load_recipe(recipe, overrides)
    message = str(caught.value)
    assert "\n" not in message and "pydantic" not in message
    return message


@pytest.mark.parametrize("name", ["digits-plain", "digits-adversarial", "mnist-mlp", "nmnist-conv"])
def test_a_built_in_recipe_loads_under_its_own_name(name):
    assert name in builtin_recipes()
    assert load_recipe(name).name == name


def test_a_resolved_recipe_reads_back_equal(tmp_path):
    encoding = ["network.encoding.mean=[0.3]", "network.encoding.std=[0.4]"]
    recipe = load_recipe("digits-adversarial", ["training.objective.step_size=0.02", *encoding])
    (tmp_path / "r.yaml").write_text(dump_recipe(recipe))
    assert load_recipe(tmp_path / "r.yaml") == recipe


def test_overrides_are_yaml_and_the_last_one_wins():
    recipe = load_recipe(
        "digits-plain",
        [
            "training.epochs=7",
            "training.epochs=8",
            "training.learning_rate=1e-3",
            "network.layers=[conv 4 3, dense 10]",
            "data.limit=null",
            "training.objective={kind: pgd, epsilon: 0.2}",
            "training.objective.steps=3",
        ],
    )
    assert recipe.training.epochs == 8
    assert recipe.training.learning_rate == 0.001
    assert recipe.network.layers == ("conv 4 3", "dense 10")
    assert build_objective(recipe) == AdversarialPGD(0.2, None, 3)
    assert build_objective(load_recipe("digits-plain")) == Vanilla()


def test_a_normalisation_is_named_or_written_out():
    named = load_recipe("digits-plain", ["network.encoding.normalisation=cifar100"]).network.encoding
    assert named.statistics == ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761))
    written = load_recipe("digits-plain", ["network.encoding={mean: [0.3], std: [0.4]}"]).network.encoding
    assert written.statistics == ((0.3,), (0.4,))


@pytest.mark.parametrize(
    ("section", "objective"),
    [
        ("kind: fgsm, epsilon: 0.1", AdversarialFGSM(0.1)),
        ("kind: rfgsm, epsilon: 0.1", RandomSignFGSM(0.1)),
        ("kind: rfgsm-normal, epsilon: 0.1, alpha: 0.01", RandomNormalFGSM(0.1, 0.01)),
        ("kind: gaussian, epsilon: 0.1", GaussianNoise(0.1)),
        ("kind: trades, epsilon: 0.1, steps: 3", Trades(0.1, 6.0, None, 3)),
        ("kind: mart, epsilon: 0.1, beta: 5, step_size: 0.05", Mart(0.1, 5.0, 0.05, 10)),
        ("kind: rfgsm-kl, epsilon: 0.1", RandomSignDivergence(0.1, 2.0)),
        ("kind: sea, flips: 5, iterations: 2", SparseEncoding(5, 2)),
    ],
)
def test_a_section_builds_its_objective(section, objective):
    recipe = load_recipe(
        "digits-plain", [f"training.objective={{{section}}}", "network.encoding.kind=signed_rate"]
    )
    assert build_objective(recipe) == objective


def test_a_section_builds_free_training():
    recipe = load_recipe("digits-plain", ["training.objective={kind: free, epsilon: 0.1, replays: 2}"])
    assert repr(build_objective(recipe)) == repr(Free(0.1, 2))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=5", "training.epoch is not a known key. Did you mean epochs?"),
        (
            "xyz=1",
            "xyz is not a known key. Allowed: name, seed, threads, device, data, network, defense, "
            "training, export, attack",
        ),
        (
            "training.objective.epslon=0.1",
            "training.objective.epslon is not a known key. Did you mean epsilon?",
        ),
        ("training.epochs=-1", "training.epochs is -1. Allowed: an integer of at least 1"),
        ("training.epochs=two", 'training.epochs is "two". Allowed: an integer of at least 1'),
        ("training.epochs=2.0", "training.epochs is 2.0. Allowed: an integer of at least 1"),
        ("training.epochs=true", "training.epochs is true. Allowed: an integer of at least 1"),
        ("training.optimiser=adm", "training.optimiser is \"adm\". Allowed: 'adam' or 'sgd'"),
        ("training.learning_rate=.nan", "training.learning_rate is NaN. Allowed: a number above 0"),
        ("training.learning_rate=.inf", "training.learning_rate is Infinity. Allowed: a number above 0"),
        ("training.objective.kind=foo", "training.objective.kind is \"foo\". Allowed: 'vanilla', 'pgd', "),
        ("training.objective={}", "training.objective.kind is missing. Allowed: vanilla, pgd, "),
        (
            "training.objective={kind: rfgsm, epsilon: 0.1, alpha: 0.1}",
            "training.objective: alpha is 0.1 of epsilon 0.1. Allowed: below epsilon",
        ),
        (
            "training.objective={kind: sea, flips: 3}",
            "objective sea with encoding direct: flips are of spikes. Use the encoding rate, "
            "signed_rate or frames",
        ),
        ("training=3", "training is 3. Allowed: a mapping of keys to values"),
        ("training.frozen_epochs=99", "training: frozen_epochs is 99 of "),
        ("network.layers=[conv x]", "network: network layer 0 ('conv x'): 'x' is not understood."),
        (
            "network.layers=[]",
            "network.layers is []. Allowed: a list such as [conv 16 3 2, pool 2, dense 10]",
        ),
        ("network.surrogate.name=tri", "network.surrogate: name is 'tri'. Allowed: one of triangular, "),
        (
            "network.encoding={mean: [0.1], std: [1.0], normalisation: svhn}",
            "network.encoding: mean is [0.1] and normalisation svhn. Allowed: one of the two",
        ),
        (
            "network.encoding.normalisation=mnist",
            "network.encoding.normalisation is \"mnist\". Allowed: 'cifar10',",
        ),
        (
            "training.augmentation.crop=-1",
            "training.augmentation.crop is -1. Allowed: an integer of at least 0",
        ),
        ("network.encoding.mean=[0.1]", "network.encoding: mean has 1 numbers and std 0."),
        (
            "attack.flips=[5]",
            "attack.flips are of spikes. Allowed: with encoding rate, signed_rate or frames",
        ),
        ("attack.epsilon=[0.1,7]", "attack.epsilon.1 is 7. Allowed: a list of numbers above 0 and up to 1"),
        (
            "network={}",
            "network.steps is missing. Give an integer of at least 1",
        ),
        ("network={steps: 3}", "network: layers and architecture are both missing. Allowed: one of the two"),
        ("network.architecture={name: vgg5}", "network: layers and architecture are both given."),
        ("network.architecture={name: vgg6}", "network.architecture: name is 'vgg6'. Allowed: one of vgg5, "),
        (
            "network.architecture={name: vgg5, width: 0}",
            "network.architecture.width is 0. Allowed: a ",
        ),
        ("name=a/b", 'name is "a/b". Allowed: letters, digits'),
        ("data.name.x=3", "name is 'digits' and has no keys. Set name itself"),
        ("training.epochs=[", "line 1 is not YAML ("),
    ],
)
def test_a_wrong_override_is_one_line_with_override_place_value_and_what_is_allowed(override, message):
    assert problem(override).startswith(f"override {override}: {message}")


@pytest.mark.parametrize("override", ["epochs", "=3", "a..b=1", ""])
def test_an_override_that_is_no_assignment_is_refused(override):
    assert problem(override) == (
        f"override {override!r} is not understood. Write key=value, e.g. training.epochs=5"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nnetwork: [1\nseed: 2", ":{line 3} is not YAML ("),
        ("name: a\nseed: 1\nseed: 2\n", ":{line 3} is not YAML (seed stands twice)"),
        ("just text", ": is not a mapping. "),
        ("", ": is not a mapping. "),
        (
            "name: a\nnetwork: {layers: [dense 10], steps: 0}",
            ": network.steps is 0. Allowed: an integer of at least 1",
        ),
        ("network: {layers: [dense 10], steps: 1}", ": name is missing. Give letters, digits"),
        ("name: a", ": network is missing. Give a mapping with layers, architecture, steps, "),
        ("a: !!python/object/apply:os.system [ls]", ":{line 1} is not YAML ("),
    ],
)
def test_a_wrong_file_is_one_line_with_the_file_and_the_line_or_place(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    assert problem(recipe=str(path)).startswith(f"{path}{message.replace('{', ' ').replace('}', '')}")


def test_a_recipe_that_is_not_there_names_those_that_are(tmp_path):
    known = ", ".join(builtin_recipes())
    assert f"no such recipe. Name a YAML file, or one of: {known}" in problem(recipe="digit")
    assert "can't be read as text" in problem(recipe=str(tmp_path))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "can't be read as text" in problem(recipe=str(tmp_path / "binary"))


def test_defaults_fill_a_short_recipe_and_nothing_can_be_changed():
    recipe = resolve_recipe(SMALL, "here")
    assert recipe.training.objective.kind == "vanilla" and recipe.data.name == "digits"
    with pytest.raises(ValueError, match="frozen"):
        recipe.training.epochs = 3
