"""The models of the package do what their cards say."""

from __future__ import annotations

import hashlib
import json

import pytest

from lavarobust.errors import ModelFileError
from lavarobust.experiment.check import check
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.loading import load_recipe, resolve_recipe
from lavarobust.experiment.publish import COUNTS
from lavarobust.experiment.run import run
from lavarobust.experiment.shipped import model_path, shipped_models
from lavarobust.netx import read_model
from lavarobust.reporting.page.subject import SUITE_SUFFIX
from lavarobust.resources import resource_folder

FOLDER = resource_folder("netx_models")
NAMES = shipped_models()


def card(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_there_is_a_model_of_the_demo_and_every_model_has_its_files():
    assert "digits-plain" in NAMES
    assert {file.name for file in FOLDER.iterdir()} == {
        f"{name}{suffix}" for name in NAMES for suffix in (".net", ".json", SUITE_SUFFIX, ".html")
    }


@pytest.mark.parametrize("name", NAMES)
def test_its_suite_and_its_page_are_of_this_file(name):
    """Made anew by `make pages`."""
    said = card(name)
    suite = json.loads((FOLDER / f"{name}{SUITE_SUFFIX}").read_text())
    page = (FOLDER / f"{name}.html").read_text(encoding="utf-8")
    assert suite["sha256"] == said["sha256"] and said["sha256"] in page
    assert len(page) < 500_000
    executed = said["executed"]
    accuracy, spikes = executed["correct"], sum(layer["spikes"] for layer in executed["layers"])
    robust = suite["results"][0]["robust"]["value"]
    for figure in (accuracy / executed["samples"], robust):
        assert f"<strong>{100 * figure:.1f} %</strong>" in page
    assert f"<strong>{spikes / executed['samples']:,.0f}</strong>" in page
    assert "/tmp/" not in page and str(FOLDER.parent) not in page


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_the_cards(name):
    content = (FOLDER / f"{name}.net").read_bytes()
    assert card(name)["sha256"] == hashlib.sha256(content).hexdigest()
    assert len(content) <= 1 << 20, "the wheel is to stay small"


@pytest.mark.parametrize("name", NAMES)
def test_it_executes_to_the_cards_accuracy_and_counts(name):
    said = card(name)["executed"]
    result = run(name, backend=said["backend"])
    assert result.record.samples == said["samples"]
    assert round(result.accuracy * said["samples"]) == said["correct"]
    assert int(result.record.tied.sum()) == said["tied"]
    assert [layer.name for layer in result.record.layers] == [layer["name"] for layer in said["layers"]]
    for layer, counts in zip(result.record.layers, said["layers"], strict=True):
        assert {name: int(getattr(layer, name).sum()) for name in COUNTS} == {
            name: counts[name] for name in COUNTS
        }


@pytest.mark.parametrize("name", NAMES)
def test_its_evaluation_says_the_same_as_its_execution(name):
    whole = card(name)
    clean = whole["evaluation"]["conditions"][0]
    correct = whole["executed"]["correct"] / whole["executed"]["samples"]
    assert clean["simulator_accuracy"] == clean["lava_accuracy"] == clean["slayer_accuracy"] == correct
    for condition in whole["evaluation"]["conditions"]:
        assert condition["slayer_differences"] == condition["lava_differences"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_it_was_made_of_the_recipe_that_the_package_holds(name):
    """A key that recipes have gained since, with a default, makes no other model."""
    deployment = read_model(FOLDER / f"{name}.net").deployment
    assert deployment is not None
    assert card(name)["recipe"] == dict(deployment.recipe)
    assert resolve_recipe(dict(deployment.recipe), f"{name}.net") == load_recipe(name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_wrong_with_it(name):
    result = check(name)
    assert not [finding for finding in result.findings if finding.severity != "note"]
    # the card's call names the file beside it; stock lava-dl refuses an extended one
    said, call = card(name)["stock_call"], result.stock_call
    assert said == call if call is None else said.split(",", 1)[1] == call.split(",", 1)[1]


def test_a_file_comes_before_a_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert model_path("digits-plain") == FOLDER / "digits-plain.net"
    (tmp_path / "digits-plain").write_text("my own")
    assert str(model_path("digits-plain")) == "digits-plain"
    with pytest.raises(ModelFileError):
        run("no-such-model", DataChoice(limit=1))
