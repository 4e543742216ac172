"""Train a recipe's network into a run folder, and get it back out of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lavarobust.data import DataSet
from lavarobust.errors import SettingsError
from lavarobust.experiment.builders import build_data, build_device, build_network, build_objective
from lavarobust.experiment.convert import convert
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.run_folder import METRICS_FILE, SPLIT_FILE, RunFolder, RunFolderError, open_run
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.checkpoint import load_checkpoint, restore_module
from lavarobust.training.loop import fit
from lavarobust.training.progress import ProgressKind


@dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        folder: the run's folder.
        network_file: the selected epoch's weights.
        epochs: trained.
        best_epoch: the selected one, from 1.
        train_accuracy: running mean over that epoch, on what the objective trained on.
        validation_accuracy: of the quantised network; None without validation images.
    """

    folder: Path
    network_file: Path
    epochs: int
    best_epoch: int
    train_accuracy: float
    validation_accuracy: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self) | {"folder": str(self.folder), "network_file": str(self.network_file)}


def train(
    recipe: Recipe | str | Path,
    folder: str | Path | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    progress: ProgressKind = "auto",
    overrides: Iterable[str] = (),
    data: DataSet | None = None,
) -> TrainResult:
    """Train a network; the test images are not looked at.

    Args:
        recipe: a recipe, or the name or path of one.
        folder: of the run; None for ``runs/<name>-<seed>``.
        resume: go on with a run that was stopped.
        force: overwrite a run.
        overrides: ``key=value``, for a recipe named here.
        data: images from Python (:func:`lavarobust.data.from_arrays`) instead of the recipe's; export
            and evaluation then need them too.

    Raises:
        SettingsError: an impossible recipe.
        DataError: missing or malformed data.
        RunFolderError: the folder is taken.
        CheckpointError, TrainingError, TrainingInterruptedError, WriteError: as ``training.loop.fit``.
    """
    resolved = _resolved(recipe, overrides)
    if data is not None:
        resolved = resolved.model_copy(
            update={"data": resolved.data.model_copy(update={"name": data.name, "root": None})}
        )
    with torch_threads(resolved.threads):
        data = data or build_data(resolved)
        network = build_network(resolved, data.train.shape, len(data.class_names), data.train.images)
        network.to(build_device(resolved))
        run = open_run(resolved, folder, resume=resume, force=force)
        run.write_json(SPLIT_FILE, _about(data))
        if not (resume and run.checkpoint_file.is_file()):
            convert(resolved, network, data, run.path, resume=resume, progress=progress)
        result = fit(
            network,
            data,
            resolved.training,
            build_objective(resolved),
            run.path,
            seed=resolved.seed,
            resume=resume,
            progress=progress,
        )
    selected = result.history[result.best_epoch]
    run.write_json(
        METRICS_FILE,
        {
            "best_epoch": result.best_epoch + 1,
            "validation_accuracy": result.validation_accuracy,
            "history": result.history,
        },
    )
    return TrainResult(
        folder=run.path,
        network_file=result.network_file,
        epochs=len(result.history),
        best_epoch=result.best_epoch + 1,
        train_accuracy=selected["train_accuracy"],
        validation_accuracy=result.validation_accuracy,
    )


def load_network(folder: str | Path) -> SpikingNetwork:
    """The selected network of a finished run, in eval mode.

    Raises:
        RunFolderError: no run, or one that is not finished.
        CheckpointError: its network file is damaged.
    """
    run = RunFolder(Path(folder))
    recipe = run.recipe()
    run.check_finished()
    about = run.read_json(SPLIT_FILE)
    try:
        shape, classes = tuple(int(side) for side in about["input_shape"]), len(about["class_names"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{run.path / SPLIT_FILE}: is damaged ({error}). Train again") from error
    network = build_network(recipe, shape, classes)
    restore_module(network, load_checkpoint(run.network_file).tensors.get("network", {}), run.network_file)
    return network.eval()


def run_data(run: RunFolder, data: DataSet | None = None) -> DataSet:
    """The data set that a run was trained on, from its recipe or as given.

    Raises:
        RunFolderError: the images are split otherwise than for the training, so that test images may
            have been trained on.
        DataError: missing or malformed data.
    """
    data = data or build_data(run.recipe())
    there, here = run.read_json(SPLIT_FILE), json.loads(json.dumps(_about(data)))
    if there != here:
        differing = ", ".join(key for key in here if there.get(key) != here[key])
        raise RunFolderError(
            f"{run.path / SPLIT_FILE}: the run was trained on other data than these (different: "
            f"{differing}). Give the data it was trained on, or train again"
        )
    return data


def _about(data: DataSet) -> dict[str, Any]:
    return {
        "name": data.name,
        "class_names": data.class_names,
        "input_shape": data.train.shape,
        "split": data.split,
    }


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run with so many torch threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _resolved(recipe: Recipe | str | Path, overrides: Iterable[str]) -> Recipe:
    if not isinstance(recipe, Recipe):
        return load_recipe(recipe, overrides)
    if tuple(overrides):
        raise SettingsError("overrides belong to a recipe that is named, and this one is resolved already")
    return recipe
