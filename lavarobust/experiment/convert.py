"""What comes before the spiking training of a converted network: an analog one, and its thresholds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import cast

from lavarobust.data import DataSet
from lavarobust.defenses.conversion import calibrate
from lavarobust.experiment.conversion_recipes import ConversionRecipe, HireRecipe
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.run_folder import ANALOG_FOLDER
from lavarobust.snn.analog import AnalogNetwork
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.batches import epoch_batches
from lavarobust.training.evaluation import device_of
from lavarobust.training.loop import fit
from lavarobust.training.progress import ProgressKind


def convert(
    recipe: Recipe,
    network: SpikingNetwork,
    data: DataSet,
    folder: Path,
    *,
    resume: bool = False,
    progress: ProgressKind = "auto",
) -> tuple[float, ...]:
    """Train the analog network of a recipe's defence, and give the spiking one its weights and thresholds.

    Does nothing where the defence begins with spikes.

    Args:
        network: whose parameters are set; its statistics begin anew.
        folder: of the run.
        resume: go on with an analog training that was stopped.

    Returns:
        the thresholds, one per spiking block, where there was something to convert.

    Raises:
        SettingsError: an encoding or a network that can't be converted.
        CheckpointError, TrainingError, TrainingInterruptedError, WriteError: as ``training.loop.fit``.
    """
    defense = recipe.defense
    if not isinstance(defense, (HireRecipe, ConversionRecipe)) or defense.pretraining is None:
        return ()
    analog = cast(SpikingNetwork, AnalogNetwork(network))  # the loop asks it for nothing that it lacks
    pretraining = defense.pretraining
    fit(
        analog,
        data,
        pretraining,
        pretraining.objective.build(),
        folder / ANALOG_FOLDER,
        seed=recipe.seed,
        resume=resume,
        progress=progress,
    )
    calibration = defense.calibration
    batches = epoch_batches(data.train, calibration.batch_size, recipe.seed, 0, pretraining.augmentation)
    device = device_of(network)
    taken = [(images.to(device), indices) for images, _, indices in islice(batches, calibration.batches)]
    return calibrate(network, taken, calibration.settings())
