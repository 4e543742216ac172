from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_runs import digit_arrays

from lavarobust.data import load
from lavarobust.errors import DataError, ModelFileError, SettingsError
from lavarobust.experiment.inputs import DataChoice, choose_images
from lavarobust.experiment.plan import plan_for
from lavarobust.netx import read_model


@pytest.fixture(scope="module")
def model(model_file):
    return read_model(model_file)


def chosen_for(model, choice):
    return choose_images(model, plan_for(model), choice)


def with_data(model, data):
    return replace(model, deployment=replace(model.deployment, recipe={"data": data}))


@pytest.mark.parametrize("part", ["test", "validation", "train"])
def test_a_file_s_own_data_are_split_as_in_training(model, part):
    """``--data digits`` means the same split, limit and seed, as the file says digits itself."""
    expected = getattr(load("digits", limit=60), part)
    for choice in (DataChoice(part=part), DataChoice(data="digits", part=part)):
        chosen = chosen_for(model, choice)
        assert np.array_equal(chosen.images.indices, expected.indices)
        assert np.array_equal(chosen.images.images, expected.images)
        assert chosen.source == f"digits {part}"


def test_a_limit_takes_the_first(model):
    chosen = chosen_for(model, DataChoice(limit=3)).images
    assert np.array_equal(chosen.indices, load("digits", limit=60).test.indices[:3])


def test_own_arrays_are_named_by_their_file(model, tmp_path):
    images, labels = digit_arrays(tmp_path)
    chosen = chosen_for(model, DataChoice(images=str(images), labels=str(labels)))
    assert chosen.source == "images.npy" and chosen.images.indices.tolist() == list(range(12))


def test_a_part_without_images_is_said(model):
    with pytest.raises(DataError, match=r"digits validation: holds no images\. Choose another part"):
        chosen_for(with_data(model, {"name": "digits", "validation": 0.0}), DataChoice(part="validation"))


def test_a_model_of_fewer_classes_is_said(model, tmp_path):
    output = model.layers[-1]
    small = replace(
        model,
        layers=(*model.layers[:-1], replace(output, weight=output.weight[:3], bias=None)),
        deployment=None,
    )
    with pytest.raises(DataError, match="labels go up to 9, and the model has 3 outputs"):
        chosen_for(small, DataChoice(data="digits"))


@pytest.mark.parametrize(
    ("data", "place"),
    [("digits", "data"), (["digits"], "data"), ({"name": 3}, "data.name"), ({"root": []}, "data.root"),
     ({"name": "digits", "validation": "half"}, "data.validation"), ({"seed": 0.5}, "data.seed"),
     ({"limit": "all"}, "data.limit")],
)  # fmt: skip
def test_a_recipe_that_describes_no_data_is_one_error(model, data, place):
    with pytest.raises(ModelFileError, match=f"the recipe in it: {place}: is "):
        chosen_for(with_data(model, data), DataChoice())


@pytest.mark.parametrize("data", [{"name": "digits", "validation": 7}, {"name": "digits", "limit": -1}])
def test_a_recipe_of_impossible_data_is_one_error(model, data):
    with pytest.raises(SettingsError):
        chosen_for(with_data(model, data), DataChoice())


def test_nothing_says_which_images(model):
    for nothing in (replace(model, deployment=None), with_data(model, {})):
        with pytest.raises(SettingsError, match=r"Give --data NAME .* or --images FILE.npy with --labels"):
            chosen_for(nothing, DataChoice())


def test_an_unknown_part_from_python_is_said(model):
    with pytest.raises(SettingsError, match="--part half: choose one of test, validation, train"):
        chosen_for(model, DataChoice(part="half"))
