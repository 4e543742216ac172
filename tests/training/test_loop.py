from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lavarobust.errors import DataError
from lavarobust.training.adversarial import AdversarialPGD
from lavarobust.training.augmentation import Augmentation
from lavarobust.training.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from lavarobust.training.evaluation import evaluate
from lavarobust.training.free import Free
from lavarobust.training.loop import (
    CHECKPOINT_FILE,
    NETWORK_FILE,
    TENSORBOARD_FOLDER,
    TrainingError,
    TrainingInterruptedError,
    fit,
)
from lavarobust.training.objective import Loss, Objective, Vanilla
from lavarobust.training.settings import Settings

SETTINGS = Settings(epochs=4, frozen_epochs=2, batch_size=16, learning_rate=0.02)


def run(network, data, folder, objective=None, settings=SETTINGS, **more):
    options = {"seed": 0, "progress": "off", "tensorboard": False, **more}
    return fit(network, data, settings, objective or Vanilla(), folder, **options)


class KilledError(Exception):
    pass


def Stopping(batch: int) -> Vanilla:  # noqa: N802 (stands for an objective)
    """The vanilla objective, and Ctrl-C at a batch."""
    countdown = iter(range(batch))

    class Interrupted(Vanilla):
        def losses(self, *arguments):
            if next(countdown, None) is None:
                raise KeyboardInterrupt
            yield from super().losses(*arguments)

    Interrupted.__qualname__ = Vanilla.__qualname__
    return Interrupted()


class Wandering(Objective):
    """Two updates a batch and a state that outlives it, as HIRE-SNN has."""

    def __init__(self) -> None:
        self.noise = torch.zeros(())

    def losses(self, network, batch):
        for _ in range(2):
            images = batch.images.detach().requires_grad_()
            logits = network((images + self.noise).clamp(0, 1), batch.indices)
            yield Loss(torch.nn.functional.cross_entropy(logits, batch.labels), logits)
            self.noise = (self.noise + 0.01 * images.grad.sum().sign()).clamp(-0.05, 0.05)

    def state(self):
        return {"noise": self.noise}

    def restore(self, state):
        self.noise = state["noise"]


def test_it_learns_and_keeps_the_selected_epochs_weights(make_network, data, tmp_path):
    network = make_network()
    result = run(network, data, tmp_path, settings=SETTINGS.model_copy(update={"epochs": 8}))
    assert result.validation_accuracy == 1.0
    assert evaluate(network, data.validation).accuracy == result.validation_accuracy
    accuracies = [entry["validation_accuracy"] for entry in result.history]
    assert len(accuracies) == 8 and result.best_epoch in (6, 7)
    assert accuracies[result.best_epoch] == max(accuracies[6:])
    kept = load_checkpoint(result.network_file).tensors["network"]
    assert all(torch.equal(kept[name], tensor) for name, tensor in network.state_dict().items())


def test_selection_takes_the_best_frozen_epoch_and_the_later_of_equals(
    make_network, data, tmp_path, monkeypatch
):
    accuracies = iter([1.0, 0.9, 0.5, 0.5, 0.4])

    def judged(network, examples):
        return replace(evaluate(network, examples), accuracy=next(accuracies))

    monkeypatch.setattr("lavarobust.training.loop.evaluate", judged)
    settings = Settings(epochs=5, frozen_epochs=3, batch_size=16)
    assert run(make_network(), data, tmp_path, settings=settings).best_epoch == 3


def test_frozen_epochs_change_weights_but_neither_statistics_nor_scale(make_network, data, tmp_path):
    frozen = []

    class Watching(Vanilla):
        def losses(self, network, *arguments):
            block = network.blocks[0]
            frozen.append(
                (
                    block.frozen,
                    block.frozen_scale.item(),
                    block.running_mean.clone(),
                    block.synapse.weight.clone(),
                )
            )
            yield from super().losses(network, *arguments)

    run(make_network(), data, tmp_path, Watching())
    assert [entry[0] for entry in frozen] == [False] * 6 + [True] * 6
    assert len({entry[1] for entry in frozen[6:]}) == 1
    assert all(torch.equal(entry[2], frozen[6][2]) for entry in frozen[7:])
    assert not torch.equal(frozen[0][2], frozen[5][2])
    assert not torch.equal(frozen[6][3], frozen[11][3])


@pytest.mark.parametrize(
    "make", [Vanilla, lambda: AdversarialPGD(0.1, None, 2), Wandering, lambda: Free(0.1, 2)]
)
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_resumed_run_ends_in_the_same_bytes(make_network, data, tmp_path, monkeypatch, make, optimiser):
    augmentation = Augmentation(crop=1, flip=True, cutout=1, fill=(0.5,))
    settings = SETTINGS.model_copy(
        update={
            "optimiser": optimiser,
            "gradient_clip": 1.0,
            "warmup_epochs": 1.0,
            "augmentation": augmentation,
        }
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir(), parts.mkdir()
    expected = run(make_network(), data, whole, make(), settings)

    def write_and_die(path, checkpoint):
        save_checkpoint(path, checkpoint)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("lavarobust.training.loop.save_checkpoint", write_and_die)
        for _ in range(settings.epochs):
            with pytest.raises(KilledError):
                run(make_network(), data, parts, make(), settings, resume=True)
    result = run(make_network(seed=5), data, parts, make(), settings, resume=True)
    assert result.history == expected.history
    for name in (CHECKPOINT_FILE, NETWORK_FILE):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


def test_a_killed_program_resumes_to_the_same_bytes(tmp_path):
    """SIGKILL between epochs, in an epoch, and while a checkpoint is being written."""
    moments = ("between epochs", "in an epoch", "while writing")
    script = Path(__file__).parents[1] / "helpers" / "train_and_die.py"
    program = [sys.executable, str(script), *(f"{tmp_path}/{moment}" for moment in moments)]
    environment = {**os.environ, "PYTHONPATH": str(script.parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=300, check=True)
    # Lava's own notes about CUDA may come first
    assert done.stdout.split()[-3:] == [str(-signal.SIGKILL)] * 3, done.stderr

    train = runpy.run_path(str(script))["train"]
    train(tmp_path / "whole", "never")
    for moment in moments:
        folder = tmp_path / moment
        assert not (folder / NETWORK_FILE).exists()
        assert load_checkpoint(folder / CHECKPOINT_FILE).facts["epoch"] == 2
        train(folder, "never")
        for name in (CHECKPOINT_FILE, NETWORK_FILE):
            assert (tmp_path / "whole" / name).read_bytes() == (folder / name).read_bytes()


def test_ctrl_c_keeps_the_last_finished_epoch_and_says_how_to_go_on(make_network, data, tmp_path):
    with pytest.raises(
        TrainingInterruptedError, match=r"epoch 3\. Epoch 2 is kept in .*checkpoint.*--resume"
    ):
        run(make_network(), data, tmp_path, Stopping(7))
    assert load_checkpoint(tmp_path / CHECKPOINT_FILE).facts["epoch"] == 2


def test_ctrl_c_in_the_first_epoch_says_that_nothing_is_kept(make_network, data, tmp_path):
    with pytest.raises(TrainingInterruptedError, match="first epoch, of which nothing is kept"):
        run(make_network(), data, tmp_path, Stopping(2))
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_not_a_number_stops_and_says_where(make_network, data, tmp_path):
    network = make_network()

    class Broken(Vanilla):
        def losses(self, network, *arguments):
            for loss in super().losses(network, *arguments):
                yield Loss(loss.value * float("nan"), loss.logits)

    before = network.blocks[0].synapse.weight.clone()
    with pytest.raises(TrainingError, match=r"epoch 1, batch 1: the loss is nan\. Lower the learning rate"):
        run(network, data, tmp_path, Broken())
    assert torch.equal(network.blocks[0].synapse.weight, before)


def test_no_images_are_an_error(make_network, data, tmp_path):
    empty = type(data.train)(*(array[:0] for array in vars(data.train).values()))
    with pytest.raises(DataError, match="no images to train on"):
        run(make_network(), replace(data, train=empty), tmp_path)


def test_without_validation_images_the_last_epoch_is_kept(make_network, data, tmp_path):
    empty = type(data.train)(*(array[:0] for array in vars(data.train).values()))
    result = run(make_network(), replace(data, validation=empty), tmp_path)
    assert (result.best_epoch, result.validation_accuracy) == (3, None)


def test_resume_refuses_other_settings_and_other_networks(make_network, data, tmp_path):
    run(make_network(), data, tmp_path)
    other = SETTINGS.model_copy(update={"learning_rate": 0.5})
    with pytest.raises(CheckpointError, match=r"trained with learning_rate 0\.02, and 0\.5 is asked for now"):
        run(make_network(), data, tmp_path, settings=other, resume=True)
    with pytest.raises(CheckpointError, match="trained with objective"):
        run(make_network(), data, tmp_path, AdversarialPGD(0.1), resume=True)
    with pytest.raises(CheckpointError, match="another network"):
        run(make_network(layers=("conv 5 3", "dense 4")), data, tmp_path, resume=True)


@pytest.mark.parametrize("change", [{"epoch": 9}, {"history": []}, {"history": None}, {"identity": 3}])
def test_resume_refuses_facts_that_do_not_fit(make_network, data, tmp_path, change):
    run(make_network(), data, tmp_path)
    good = load_checkpoint(tmp_path / CHECKPOINT_FILE)
    save_checkpoint(tmp_path / CHECKPOINT_FILE, Checkpoint(good.tensors, {**good.facts, **change}))
    with pytest.raises(CheckpointError, match="Train again"):
        run(make_network(), data, tmp_path, resume=True)


def test_the_tensorboard_log_holds_every_curve_once_also_after_a_resume(make_network, data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with pytest.raises(TrainingInterruptedError):
        run(make_network(), data, tmp_path, Stopping(7), tensorboard=True)
    result = run(make_network(), data, tmp_path, tensorboard=True, resume=True)
    log = EventAccumulator(str(tmp_path / TENSORBOARD_FOLDER))
    log.Reload()
    assert set(log.Tags()["scalars"]) == {
        "loss", "train_accuracy", "validation_accuracy", "validation_loss", "learning_rate",
        "spike_rate/layer_0", "spike_rate/layer_1",
    }  # fmt: skip
    for name in ("loss", "validation_accuracy"):
        curve = [(event.step, event.value) for event in log.Scalars(name)]
        assert curve == [(entry["epoch"], pytest.approx(entry[name])) for entry in result.history]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
def test_a_gpu_trains_to_the_same_loss_up_to_the_order_of_sums(make_network, data, tmp_path):
    losses = []
    for device in ("cpu", "cuda"):
        network = make_network().to(device)
        result = run(network, data, tmp_path / device, AdversarialPGD(0.1, None, 2))
        losses.append([entry["loss"] for entry in result.history])
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
