"""What a recipe's untrained model is, and what is known of samples without having them."""

from __future__ import annotations

import os

import pytest

from lavarobust.data import load
from lavarobust.data.known import KNOWN
from lavarobust.errors import LavarobustError
from lavarobust.experiment.loading import builtin_recipes, load_recipe
from lavarobust.experiment.untrained import sample_shape_and_classes, untrained_model
from lavarobust.netx import check_model
from lavarobust.snn.architecture import parse_layers


def test_digits_have_the_shape_that_is_said():
    data = load("digits", limit=20)
    assert sample_shape_and_classes(load_recipe("digits-plain")) == (data.train.shape, len(data.class_names))


@pytest.mark.parametrize("name", [name for name in KNOWN if not KNOWN[name].events])
def test_known_images_have_the_shape_that_is_said(name):
    if not os.environ.get("LAVAROBUST_DATA"):
        pytest.skip("no data sets: LAVAROBUST_DATA names no folder")
    try:
        data = load(name, limit=20)
    except LavarobustError as error:
        pytest.skip(f"not at hand: {error}")
    assert (data.train.shape, len(data.class_names)) == (KNOWN[name].shape, KNOWN[name].classes)


def test_events_come_in_as_many_frames_as_steps():
    recipe = load_recipe("nmnist-conv", ["data.name=nmnist", "network.steps=7"])
    assert sample_shape_and_classes(recipe) == ((2, 34, 34, 7), 10)


@pytest.mark.parametrize("name", [name for name in builtin_recipes() if name.startswith("digits-")])
def test_every_recipe_of_digits_becomes_a_model_that_says_how_it_runs(name):
    recipe = load_recipe(name)
    model = untrained_model(recipe)
    assert model.deployment is not None
    assert model.deployment.steps == recipe.network.steps
    assert model.deployment.encoding.kind == recipe.network.encoding.kind
    assert recipe.network.layers is not None
    assert len(model.populations) == len(parse_layers(recipe.network.layers))
    assert not [finding for finding in check_model(model) if finding.severity == "error"]
    assert model.gated == (recipe.network.gate is not None and recipe.export.gates == "kept")
