"""The training loop: the same bytes for the same settings and threads, also after a kill and a resume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from lavarobust.errors import DataError, LavarobustError, StoppedError
from lavarobust.snn.gate import weights_of
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.batches import epoch_batches, epoch_generator
from lavarobust.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
    save_checkpoint,
)
from lavarobust.training.evaluation import Examples, device_of, evaluate
from lavarobust.training.objective import Batch, Objective
from lavarobust.training.progress import Progress, ProgressKind, show_progress
from lavarobust.training.settings import Settings
from lavarobust.training.tensorboard import TensorBoardLog

CHECKPOINT_FILE = "checkpoint.safetensors"
NETWORK_FILE = "network.safetensors"
TENSORBOARD_FOLDER = "tensorboard"


class TrainingError(LavarobustError):
    """Training that can't go on."""


class TrainingInterruptedError(TrainingError, StoppedError):
    """Training that a person stopped; says what is kept and how to go on."""


class TrainingData(Protocol):
    """Images to train on, and images to select the network on (may be none)."""

    @property
    def train(self) -> Examples: ...
    @property
    def validation(self) -> Examples: ...


@dataclass(frozen=True)
class TrainingResult:
    """What training came to; the network itself holds the selected epoch's weights.

    Attributes:
        network_file: its weights.
        best_epoch: the selected epoch, from 0.
        validation_accuracy: of the selected network, quantised; None without validation images.
        history: per epoch: epoch, loss, train_accuracy, validation_accuracy, validation_loss,
            learning_rate, spike_rates.
    """

    network_file: Path
    best_epoch: int
    validation_accuracy: float | None
    history: tuple[Mapping[str, Any], ...]


def fit(
    network: SpikingNetwork,
    data: TrainingData,
    settings: Settings,
    objective: Objective,
    folder: str | Path,
    *,
    seed: int,
    resume: bool = False,
    progress: ProgressKind = "auto",
    tensorboard: bool = True,
) -> TrainingResult:
    """Train a network, with a checkpoint in ``folder`` after every epoch.

    The network is selected by validation accuracy among the frozen epochs, the later one of equals;
    the test set is never looked at.

    Args:
        seed: of the order of images and the objective's draws; both are keyed by epoch, so that a
            restart needs no generator's state.
        resume: go on from the checkpoint in ``folder``, if there is one.
        progress: a bar, lines, nothing, or whichever suits the terminal.
        tensorboard: write a log to ``folder/tensorboard``.

    Raises:
        DataError: no training images.
        CheckpointError: ``resume`` from a damaged checkpoint, or one of another network or settings.
        TrainingError: the loss is not a finite number.
        TrainingInterruptedError: Ctrl-C.
    """
    folder = Path(folder)
    count = len(data.train.labels)
    if count == 0:
        raise DataError("there are no images to train on. Give at least one")
    run = _Run(network, settings, objective, seed, folder / CHECKPOINT_FILE)
    if resume and run.path.is_file():
        run.restore()
    reports: list[Progress | TensorBoardLog] = []
    try:
        bar = show_progress(progress, settings.epochs, math.ceil(count / settings.batch_size), run.epoch)
        reports.append(bar)
        if tensorboard and run.epoch < settings.epochs:
            reports.append(TensorBoardLog(folder / TENSORBOARD_FOLDER, run.epoch))
        while run.epoch < settings.epochs:
            metrics = run.train_epoch(data, bar)
            for report in reports:
                report.epoch(metrics)
    except KeyboardInterrupt:
        raise TrainingInterruptedError(run.kept()) from None
    finally:
        for report in reports:
            report.close()
    return run.finish(folder / NETWORK_FILE)


class _Run:
    """A training in progress: everything that a checkpoint holds."""

    def __init__(
        self, network: SpikingNetwork, settings: Settings, objective: Objective, seed: int, path: Path
    ) -> None:
        self.network, self.settings, self.objective = network, settings, objective
        self.seed, self.path = seed, path
        self.device = device_of(network)
        self.optimiser = _optimiser(network, settings)
        self.epoch = 0
        self.history: list[dict[str, Any]] = []
        self.best_epoch: int | None = None
        self.best: dict[str, torch.Tensor] = {}

    def train_epoch(self, data: TrainingData, bar: Progress) -> dict[str, Any]:
        epoch = self.epoch
        if epoch >= self.settings.epochs - self.settings.frozen_epochs:
            self.network.freeze()
        loss, accuracy, rate = self._pass_over(data.train, bar)
        judged = evaluate(self.network, data.validation if len(data.validation.labels) else data.train)
        known = len(data.validation.labels) > 0
        metrics = {
            "epoch": epoch,
            "loss": loss,
            "train_accuracy": accuracy,
            "validation_accuracy": judged.accuracy if known else None,
            "validation_loss": judged.loss if known else None,
            "learning_rate": rate,
            "spike_rates": list(judged.spike_rates),
        }
        self.history.append(metrics)
        if self.settings.selectable(epoch) and self._at_least_as_good(metrics):
            self.best_epoch = epoch
            self.best = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.epoch += 1
        self.save()
        return metrics

    def _pass_over(self, examples: Examples, bar: Progress) -> tuple[float, float, float]:
        """Train one epoch; mean loss, accuracy and last learning rate."""
        generator = epoch_generator(self.seed, self.epoch)
        settings = self.settings
        passes = epoch_batches(examples, settings.batch_size, self.seed, self.epoch, settings.augmentation)
        seen, right, total, rate = 0, 0, 0.0, 0.0
        for number, (images, labels, indices) in enumerate(passes):
            position = self.epoch + number * self.settings.batch_size / len(examples.labels)
            rate = self.settings.learning_rate_at(position)
            self.network.train()
            labels = labels.to(self.device)
            batch = Batch(images.to(self.device), labels, indices, generator, self.epoch)
            for loss in self.objective.losses(self.network, batch):
                value = float(loss.value.detach())
                if not math.isfinite(value):
                    raise TrainingError(
                        f"epoch {self.epoch + 1}, batch {number + 1}: the loss is {value}. "
                        "Lower the learning rate, or set gradient_clip"
                    )
                self._update(loss.value, rate)
                seen += len(labels)
                total += value * len(labels)
                right += int((loss.logits.detach().argmax(1) == labels).sum())
            bar.batch(self.epoch, total / seen, right / seen)
        return total / seen, right / seen, rate

    def _update(self, loss: torch.Tensor, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.settings.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(weights_of(self.network), self.settings.gradient_clip)
        self.optimiser.step()
        self.network.constrain()

    def _at_least_as_good(self, metrics: Mapping[str, Any]) -> bool:
        if self.best_epoch is None or metrics["validation_accuracy"] is None:
            return True
        return bool(metrics["validation_accuracy"] >= self.history[self.best_epoch]["validation_accuracy"])

    def _identity(self) -> dict[str, Any]:
        """What a run that goes on must have in common with the one that began."""
        return {
            "seed": self.seed,
            "objective": _describe(self.objective),
            **self.settings.model_dump(mode="json"),
        }

    def save(self) -> None:
        tensors = {
            "network": self.network.state_dict(),
            "optimiser": optimiser_tensors(self.optimiser),
            "objective": self.objective.state(),
            "best": self.best,
        }
        facts = {
            "identity": self._identity(),
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "history": self.history,
        }
        save_checkpoint(self.path, Checkpoint(tensors, facts))

    def restore(self) -> None:
        checkpoint = load_checkpoint(self.path)
        facts, tensors = checkpoint.facts, checkpoint.tensors
        identity = self._identity()
        try:
            epoch, best_epoch, history, found = (
                facts[name] for name in ("epoch", "best_epoch", "history", "identity")
            )
            whole = len(history) == epoch <= self.settings.epochs and (
                best_epoch is None or "best" in tensors
            )
            unlike = [name for name in identity if identity[name] != found[name]]
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self.path}: holds no training to go on with ({error}). Train again"
            ) from error
        if unlike:
            name = unlike[0]
            raise CheckpointError(
                f"{self.path}: was trained with {name} {found[name]!r}, and {identity[name]!r} is asked for "
                "now. Use the same settings, or start a new run"
            )
        if not whole:
            raise CheckpointError(f"{self.path}: its history does not fit its epoch {epoch}. Train again")
        restore_module(self.network, tensors.get("network", {}), self.path)
        restore_optimiser(self.optimiser, tensors.get("optimiser", {}), self.path)
        self.objective.restore(tensors.get("objective", {}))
        self.epoch, self.best_epoch, self.history = epoch, best_epoch, history
        self.best = dict(tensors.get("best", {}))

    def kept(self) -> str:
        if not self.history:
            return "stopped in the first epoch, of which nothing is kept. Start again"
        return (
            f"stopped in epoch {self.epoch + 1}. Epoch {self.epoch} is kept in {self.path}: "
            "give the same recipe and folder with --resume (resume=True in Python) to go on"
        )

    def finish(self, path: Path) -> TrainingResult:
        """Give the network the selected weights and write them; this file is what a finished run has."""
        assert self.best_epoch is not None
        restore_module(self.network, self.best, self.path)
        self.network.eval()
        accuracy = self.history[self.best_epoch]["validation_accuracy"]
        facts = {"best_epoch": self.best_epoch, "validation_accuracy": accuracy}
        save_checkpoint(path, Checkpoint({"network": self.best}, facts))
        return TrainingResult(path, self.best_epoch, accuracy, tuple(self.history))


def _describe(objective: Objective) -> str:
    """Name and, for a dataclass, values; an objective's state is no part of what it is."""
    return repr(objective) if is_dataclass(objective) else type(objective).__name__


def _optimiser(network: SpikingNetwork, settings: Settings) -> torch.optim.Optimizer:
    parameters = weights_of(network)
    if settings.optimiser == "adam":
        return torch.optim.Adam(parameters, settings.learning_rate, weight_decay=settings.weight_decay)
    return torch.optim.SGD(
        parameters, settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )
