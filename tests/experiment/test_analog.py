from __future__ import annotations

import shutil

import pytest
import torch
from tiny_runs import TINY

from lavarobust.data import load
from lavarobust.errors import LavarobustError
from lavarobust.experiment.analog import analog_correct, load_analog
from lavarobust.experiment.train import load_network, train

HIRE = (
    "threads=1",
    "data.limit=60",
    "network.layers=[conv 4 3 2 no-norm, dense 10]",
    "network.steps=2",
    "defense.pretraining.epochs=2",
    "defense.calibration.steps=4",
    "training.epochs=1",
    "training.frozen_epochs=0",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "hire"
    train("digits-hire", folder, overrides=HIRE, progress="off")
    return folder


def test_it_is_the_network_before_the_spiking_training(folder):
    analog, spiking = load_analog(folder), load_network(folder)
    before, after = (dict(each.named_parameters()) for each in (analog.network, spiking))
    weights = [name for name in before if "weight" in name]
    assert weights and any(not torch.equal(before[name], after[name]) for name in weights)
    images = load("digits", limit=60).test
    with torch.no_grad():
        logits = analog(torch.from_numpy(images.images), images.indices).numpy()
    right = int((logits.argmax(1) == images.labels).sum())
    assert analog_correct(folder, images) == right and 0 < right <= images.samples
    parts = [analog_correct(folder, images.shard(i, 2)) for i in range(2)]
    assert sum(parts) == right


def test_a_run_that_began_with_spikes_has_none(tmp_path):
    train("digits-plain", tmp_path / "run", overrides=TINY, progress="off")
    assert load_analog(tmp_path / "run") is None
    assert analog_correct(tmp_path / "run", load("digits", limit=60).test) is None


def test_a_lost_file_of_it_is_said(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "analog" / "network.safetensors").unlink()
    with pytest.raises(LavarobustError, match="analog"):
        load_analog(copy)
