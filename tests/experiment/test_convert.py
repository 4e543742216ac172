from __future__ import annotations

import pytest

from lavarobust.errors import SettingsError, StoppedError
from lavarobust.experiment import convert
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.run_folder import ANALOG_FOLDER
from lavarobust.experiment.train import load_network, train
from lavarobust.training.checkpoint import load_checkpoint

SMALL = (
    "data.limit=64", "network.layers=[conv 4 3 2 no-norm, dense 10]", "training.epochs=2",
    "training.frozen_epochs=1", "defense.pretraining.epochs=2", "defense.calibration.batch_size=32",
    "defense.calibration.steps=10",
)  # fmt: skip


def test_the_spiking_network_begins_with_the_analog_ones_weights_and_its_thresholds(tmp_path, monkeypatch):
    seen = {}
    calibrate = convert.calibrate

    def watched(network, batches, settings):
        seen["weight"] = network.stack[0].synapse.weight.detach().clone()
        seen["images"] = [len(images) for images, _ in batches]
        seen["thresholds"] = calibrate(network, batches, settings)
        return seen["thresholds"]

    monkeypatch.setattr(convert, "calibrate", watched)
    train("digits-hire", tmp_path / "run", overrides=SMALL, progress="off")
    analog = load_checkpoint(tmp_path / "run" / ANALOG_FOLDER / "network.safetensors").tensors["network"]
    assert (analog["network.blocks.0.synapse.weight"] == seen["weight"]).all()
    assert seen["images"] == [32]
    network = load_network(tmp_path / "run")
    threshold = float(network.stack[0].scalars.threshold.detach())
    assert threshold != 1 and threshold == pytest.approx(seen["thresholds"][0], rel=0.2)


def test_a_run_that_was_stopped_goes_on_in_either_stage(tmp_path, monkeypatch):
    whole = train("digits-hire", tmp_path / "whole", overrides=SMALL, progress="off")

    def stopped(*arguments, **named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises((StoppedError, KeyboardInterrupt)):
        patched.setattr(convert, "calibrate", stopped)
        train("digits-hire", tmp_path / "again", overrides=SMALL, progress="off")
    assert (tmp_path / "again" / ANALOG_FOLDER / "network.safetensors").is_file()
    again = train("digits-hire", tmp_path / "again", overrides=SMALL, progress="off", resume=True)
    assert again.network_file.read_bytes() == whole.network_file.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(convert, "fit", stopped)  # a finished training has nothing to convert
        train("digits-hire", tmp_path / "again", overrides=SMALL, progress="off", resume=True)
    assert (tmp_path / "again" / "checkpoint.safetensors").is_file()


def test_force_removes_the_analog_network_too(tmp_path):
    train("digits-hire", tmp_path / "run", overrides=SMALL, progress="off")
    train("digits-plain", tmp_path / "run", force=True, progress="off",
          overrides=("data.limit=64", "training.epochs=1", "training.frozen_epochs=0"))  # fmt: skip
    assert not (tmp_path / "run" / ANALOG_FOLDER).exists()


def test_combinations_that_make_no_sense_are_refused_by_name():
    with pytest.raises(SettingsError, match="defense hire with objective pgd: it crafts its own noise"):
        load_recipe("digits-hire", ["training.objective={kind: pgd, epsilon: 0.1}"])
    with pytest.raises(SettingsError, match=r"defense\.pretraining is missing"):
        load_recipe("digits-plain", ["defense={kind: conversion}"])


def test_drawn_spikes_have_no_analog_network(tmp_path):
    with pytest.raises(SettingsError, match="trained on pixels, and the encoding 'rate'"):
        train(
            "digits-hire", tmp_path / "run", progress="off", overrides=(*SMALL, "network.encoding.kind=rate")
        )
