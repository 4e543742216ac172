"""The analog network that a finished run started from, and what it says of images."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from lavarobust.data import Images
from lavarobust.experiment.conversion_recipes import pretraining_of
from lavarobust.experiment.run_folder import ANALOG_FOLDER, RunFolder
from lavarobust.experiment.train import load_network
from lavarobust.snn.analog import AnalogNetwork
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.checkpoint import load_checkpoint, restore_module
from lavarobust.training.evaluation import evaluate
from lavarobust.training.loop import NETWORK_FILE


def load_analog(folder: str | Path) -> AnalogNetwork | None:
    """The analog network of a finished run as its pre-training left it, in eval mode; None where it had none.

    Raises:
        RunFolderError: no run, or one that is not finished.
        CheckpointError: its network's file is missing or damaged.
    """
    run = RunFolder(Path(folder))
    if pretraining_of(run.recipe().defense) is None:
        return None
    analog = AnalogNetwork(load_network(run.path))
    file = run.path / ANALOG_FOLDER / NETWORK_FILE
    restore_module(analog, load_checkpoint(file).tensors.get("network", {}), file)
    return analog.eval()


def analog_correct(folder: str | Path, images: Images) -> int | None:
    """Images that a run's analog network is right about, rounded as the encoder does; None where there is
    no such network.

    Raises:
        RunFolderError, CheckpointError: as :func:`load_analog`.
    """
    analog = load_analog(folder)
    if analog is None:
        return None
    return round(evaluate(cast(SpikingNetwork, analog), images).accuracy * images.samples)
