"""Recordings of events go the whole road: frames at their steps, attacked, and executed on Lava."""

from __future__ import annotations

import numpy as np
import pytest
from event_files import event_bytes, lay_out

from lavarobust.attacks import FGSM, SDA, OperationsAscent
from lavarobust.errors import DataError, SettingsError
from lavarobust.experiment.attack import attack
from lavarobust.experiment.builders import build_data, build_network
from lavarobust.experiment.export import export
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.operations_attack import operations_attack
from lavarobust.experiment.run import PlanChoice, run
from lavarobust.experiment.run_folder import RunFolder
from lavarobust.experiment.sparse_attack import sparse_attack
from lavarobust.experiment.train import load_network, run_data, train

STEPS = 4
EVENTS = (
    "data.name=nmnist",
    f"network.steps={STEPS}",
    "network.encoding={kind: frames, levels: 1}",
    "network.layers=[conv 4 5 2, dense 10]",
    "training.epochs=3",
    "training.frozen_epochs=1",
    "training.batch_size=10",
    "training.learning_rate=0.01",
)


def bar(digit: int, sample: int) -> bytes:
    """An upright bar at a column of the digit's own, in the bin that the sample's number names."""
    start = 75_000 * (sample % STEPS)
    return event_bytes(*((3 * digit + 2, row, sample % 2, start + 50 * row) for row in range(4, 30)))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Four recordings a digit for training, two for the test."""
    sizes = (("Train", 4), ("Test", 2))
    files = {
        f"{part}/{digit}/{10 * sample + digit + 1:05}.bin": bar(digit, sample)
        for part, count in sizes
        for sample in range(count)
        for digit in range(10)
    }
    return lay_out(tmp_path_factory.mktemp("events") / "nmnist", files).parent


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    """A trained and exported run."""
    folder = tmp_path_factory.mktemp("run") / "events"
    overrides = (*EVENTS, f"data.root={root}", "data.validation=0.25")
    train("digits-plain", folder, overrides=overrides, progress="off")
    export(folder)
    return folder


def test_the_file_says_that_it_takes_spikes_of_recordings(folder):
    result = run(folder / "model.net", plan=PlanChoice())
    assert result.source == "N-MNIST-40 test" and result.record.samples == 20
    first = result.record.layers[0]
    assert not first.graded_input
    # 26 events a recording, all in one bin
    assert (first.input_events.sum(1) == 26).all()
    assert (np.count_nonzero(first.input_events, axis=1) == 1).all()


def test_slayer_simulator_and_lava_agree(folder):
    import torch

    choice = DataChoice(limit=3)
    simulated = run(folder / "model.net", choice).record
    executed = run(folder / "model.net", choice, backend="lava").record
    assert np.array_equal(simulated.potential, executed.potential)
    for ours, theirs in zip(simulated.layers, executed.layers, strict=True):
        assert np.array_equal(ours.spikes, theirs.spikes)
    assert simulated.layers[0].spikes.sum() > 0
    test = run_data(RunFolder(folder)).test.take(3)
    with torch.no_grad():
        activity = load_network(folder).activity(torch.from_numpy(test.images), test.indices)
    assert np.array_equal(activity.trajectories[-1].end.potential.long().numpy(), simulated.potential)


def test_frames_are_attacked_pixel_by_pixel_and_step_by_step(folder):
    report = attack(folder / "model.net", DataChoice(limit=6), attacks=[FGSM()], epsilons=[0.6])
    (outcome,) = report.result.outcomes
    assert outcome.images.shape == (6, 2, 34, 34, STEPS)
    assert outcome.zero_gradient_share == 0
    clean = run_data(RunFolder(folder)).test.images[:6]
    changed = np.abs(outcome.images.astype(np.float64) - clean)
    assert 0 < changed.max() <= 0.6
    # beyond half a level an event comes or goes
    assert (np.rint(outcome.images) != clean).any()


def test_steps_and_kind_have_to_be_those_of_the_data(folder, root, tmp_path):
    with pytest.raises(SettingsError, match=r"encoding\.kind is direct, and a sample is \(2, 34, 34, 4\)"):
        train(
            "digits-plain", tmp_path / "a", progress="off",
            overrides=[*EVENTS, f"data.root={root}", "network.encoding.kind=direct"],
        )  # fmt: skip
    with pytest.raises(SettingsError, match=r"encoding\.kind is frames, and a sample is \(1, 8, 8\)"):
        train("digits-plain", tmp_path / "b", overrides=["network.encoding.kind=frames"], progress="off")
    with pytest.raises(DataError, match="which the encoding frames does not take"):
        run(folder / "model.net", DataChoice(data="digits"))
    recipe = load_recipe("digits-plain", [*EVENTS, f"data.root={root}", "network.steps=6"])
    assert build_data(recipe).train.shape == (2, 34, 34, 6)
    with pytest.raises(SettingsError, match=r"network\.steps is 6, and samples have 4 frames"):
        build_network(recipe, (2, 34, 34, 4), 10)


def test_frames_of_a_person_s_own(folder, tmp_path):
    test = run_data(RunFolder(folder)).test.take(4)
    np.save(tmp_path / "images.npy", test.images)
    np.save(tmp_path / "short.npy", test.images[..., :3])
    np.save(tmp_path / "labels.npy", test.labels)
    labels = str(tmp_path / "labels.npy")
    own = run(folder / "model.net", DataChoice(images=str(tmp_path / "images.npy"), labels=labels))
    assert np.array_equal(
        own.record.potential, run(folder / "model.net", DataChoice(limit=4)).record.potential
    )
    with pytest.raises(DataError, match="samples have 3 frames, and the model runs 4 steps"):
        run(folder / "model.net", DataChoice(images=str(tmp_path / "short.npy"), labels=labels))


def test_counts_of_events_are_payloads(root):
    recipe = load_recipe("digits-plain", [*EVENTS, f"data.root={root}", "data.event_limit=3"])
    assert set(np.unique(build_data(recipe).train.images)) == {np.float32(0), np.float32(1 / 3)}


def test_few_flips_of_events_suffice_and_images_can_be_made_dear(folder):
    sparse = sparse_attack(folder / "model.net", settings=SDA(40))
    assert sparse.entries == STEPS * 2 * 34 * 34 and sparse.outcome.surprises == 0
    flips = sparse.outcome.found.flips[sparse.outcome.found.fooled]
    assert len(flips) and (flips > 0).all() and flips.max() < 200
    assert sparse.outcome.executed.accuracy < sparse.outcome.clean.accuracy
    dear = operations_attack(folder / "model.net", epsilons=(0.3, 0.7), settings=OperationsAscent(3))
    below, above = (cost.times_clean(cost.rows[1])["operations"] for cost in dear.costs)
    # below a half of a spike nothing comes or goes
    assert below == 1 and above > 2
