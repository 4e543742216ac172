from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from lavarobust.data import load
from lavarobust.errors import SettingsError
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.run_folder import RunFolderError
from lavarobust.experiment.train import load_network, train
from lavarobust.training.evaluation import evaluate
from lavarobust.training.loop import TrainingInterruptedError
from lavarobust.training.objective import Vanilla

QUICK = (
    "threads=1",
    "data.limit=96",
    "network.layers=[conv 4 3 2, dense 10]",
    "network.steps=3",
    "training.epochs=3",
    "training.frozen_epochs=1",
)


def quick_train(folder, **options):
    return train("digits-plain", folder, overrides=QUICK, progress="off", **options)


def test_a_run_folder_holds_all_that_is_needed_to_get_the_network_back(tmp_path):
    result = quick_train(tmp_path / "r")
    network = load_network(result.folder)
    assert not network.training
    data = load("digits", limit=96)
    assert evaluate(network, data.validation).accuracy == result.validation_accuracy
    assert load_recipe(tmp_path / "r" / "recipe.yaml") == load_recipe("digits-plain", QUICK)
    split = json.loads((tmp_path / "r" / "split.json").read_text())
    assert split["split"] == data.split and split["input_shape"] == [1, 8, 8]
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert [entry["epoch"] for entry in metrics["history"]] == [0, 1, 2]
    assert metrics["best_epoch"] == result.best_epoch == result.epochs == 3
    assert metrics["validation_accuracy"] == result.validation_accuracy


def test_the_test_images_are_not_looked_at(tmp_path, monkeypatch):
    from lavarobust.experiment import train as module

    def blinded(recipe):
        data = load("digits", limit=96)
        data.test.images[:] = np.nan
        data.test.labels[:] = -1
        return data

    plain = quick_train(tmp_path / "plain")
    monkeypatch.setattr(module, "build_data", blinded)
    assert quick_train(tmp_path / "blind").network_file.read_bytes() == plain.network_file.read_bytes()


def test_threads_are_those_of_the_recipe_while_it_trains(tmp_path, monkeypatch):
    seen = []
    losses = Vanilla.losses

    def watching(*arguments):
        seen.append(torch.get_num_threads())
        yield from losses(*arguments)

    monkeypatch.setattr(Vanilla, "losses", watching)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        quick_train(tmp_path / "r")
        assert set(seen) == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_stopped_run_goes_on_only_when_asked_and_ends_in_the_same_bytes(tmp_path, monkeypatch):
    whole = quick_train(tmp_path / "whole")
    losses, countdown = Vanilla.losses, iter(range(5))

    def stopping(*arguments):
        if next(countdown, None) is None:
            raise KeyboardInterrupt
        yield from losses(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Vanilla, "losses", stopping)
        with pytest.raises(TrainingInterruptedError, match="Epoch 1 is kept"):
            quick_train(tmp_path / "r")
    with pytest.raises(RunFolderError, match="its training is not finished"):
        load_network(tmp_path / "r")
    with pytest.raises(RunFolderError, match="holds an unfinished run"):
        quick_train(tmp_path / "r")
    resumed = quick_train(tmp_path / "r", resume=True)
    for name in (
        "network.safetensors",
        "checkpoint.safetensors",
        "metrics.json",
        "split.json",
        "recipe.yaml",
    ):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    assert quick_train(tmp_path / "r", resume=True) == resumed


def test_a_network_of_other_classes_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(
        SettingsError, match=r"network\.layers ends in 'dense 7', and the data have 10 classes"
    ):
        train("digits-plain", tmp_path / "r", overrides=["network.layers=[dense 7]"])
    assert not (tmp_path / "r").exists()


def test_overrides_of_a_resolved_recipe_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="resolved already"):
        train(load_recipe("digits-plain"), tmp_path / "r", overrides=["seed=3"])
