"""A trained, exported run in a second, and the model files and arrays that the front is tested with."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np

from lavarobust.data import load
from lavarobust.experiment.export import export
from lavarobust.experiment.train import train

TINY = (
    "threads=1",
    "data.limit=60",
    "network.layers=[conv 4 3 2, dense 10]",
    "network.steps=4",
    "training.epochs=2",
    "training.frozen_epochs=1",
    "training.batch_size=4",
    "training.learning_rate=0.02",
    "attack.steps=3",
)
SAYS = ("--steps", "4", "--encoding", "direct", "--levels", "16", "--readout", "membrane")
"""What the file of a tiny run says of itself, as flags."""


def tiny_run(folder: Path) -> Path:
    """Train and export into the folder."""
    train("digits-plain", folder, overrides=TINY, progress="off")
    export(folder)
    return folder


def stripped(file: Path, folder: Path) -> Path:
    """A copy that says nothing of how it is run."""
    copy = Path(shutil.copy(file, folder / "plain.net"))
    with h5py.File(copy, "r+") as content:
        del content["lavarobust"]
    return copy


def digit_arrays(folder: Path, samples: int = 12) -> tuple[Path, Path]:
    """The first test digits of a tiny run as .npy files."""
    part = load("digits", limit=60).test.take(samples)
    np.save(folder / "images.npy", part.images)
    np.save(folder / "labels.npy", part.labels)
    return folder / "images.npy", folder / "labels.npy"
