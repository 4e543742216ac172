"""The papers' networks and schedules: everything but their size and length runs here."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.data import from_arrays
from lavarobust.experiment.export import export
from lavarobust.experiment.loading import builtin_recipes, load_recipe
from lavarobust.experiment.stages import (
    attack_run,
    differing,
    flip_run,
    image_sets,
    load_deployed,
    set_scores,
)
from lavarobust.experiment.train import run_data, train

NAMES = [name for name in builtin_recipes() if name.startswith("cifar-")]


@pytest.fixture(scope="module")
def colours():
    """Noisy images of one bright channel of three."""
    draws = np.random.default_rng(0)
    labels = np.arange(40) % 10
    images = draws.uniform(0, 0.6, (40, 3, 32, 32)).astype(np.float32)
    images[np.arange(40), labels % 3] += 0.4
    return from_arrays(images, labels, name="colours", class_names=[str(i) for i in range(10)])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_slim_network_trains_and_deploys_without_differences(name, colours, tmp_path):
    overrides = [
        "network.architecture.width=0.06", "training.epochs=1", "training.frozen_epochs=0",
        "training.batch_size=16", "attack.steps=1", "export.allow_overflow=true",
    ]  # fmt: skip
    if getattr(load_recipe(name).defense, "pretraining", None) is not None:
        overrides += ["defense.pretraining.epochs=1", "defense.pretraining.batch_size=16",
                      "defense.calibration.steps=8", "defense.calibration.scaling=0.1"]  # fmt: skip
    run = tmp_path / "run"
    train(name, run, overrides=overrides, data=colours, progress="off")
    export(run, data=colours)
    deployed = load_deployed(run)
    images = run_data(deployed.folder, colours).test.take(4)
    sets = image_sets(attack_run(deployed, images), flip_run(deployed, images), images)
    assert len(sets) >= 3
    for each in sets:
        assert differing(set_scores(deployed, each), each.simulated.scores) == 0


def test_there_is_one_for_each_defence():
    assert NAMES == ["cifar-conversion", "cifar-hire", "cifar-sea", "cifar-sr", "cifar-stog"]
    assert [load_recipe(name).defense.kind for name in NAMES] == ["conversion", "hire", "none", "sr", "stog"]
