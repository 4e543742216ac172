"""Train a tiny network on digits into a folder, killed in the third epoch.

Run as a program, ``train_and_die.py FOLDER/MOMENT...``: each training is a forked process of its own
(imports take far longer than the training); prints how each ended.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from lavarobust import files
from lavarobust.data import load
from lavarobust.dynamics import Surrogate
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training import loop
from lavarobust.training.objective import Loss, Vanilla
from lavarobust.training.settings import Settings

BATCHES = 4  # an epoch: 64 images by 16


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(Vanilla):
    """Dies in the middle of the third epoch."""

    seen = 0

    def losses(self, *arguments: Any) -> Iterator[Loss]:
        Dying.seen += 1
        if Dying.seen == 2 * BATCHES + 2:
            die()
        yield from super().losses(*arguments)


def train(folder: Path, moment: str) -> None:
    torch.set_num_threads(1)
    folder.mkdir(exist_ok=True)
    objective = Vanilla()
    written = []
    save, flush = loop.save_checkpoint, files._flush

    def save_and_die(path: Path, checkpoint: Any) -> None:
        save(path, checkpoint)
        written.append(path)
        if len(written) == 2:
            die()

    def die_before_the_rename(path: Path) -> None:
        flush(path)
        written.append(path)
        if len(written) == 3:
            path.write_bytes(path.read_bytes()[:100])
            die()

    if moment == "between epochs":
        loop.save_checkpoint = save_and_die
    elif moment == "while writing":
        files._flush = die_before_the_rename
    elif moment == "in an epoch":
        objective = Dying()
        Dying.__qualname__ = Vanilla.__qualname__
    network = SpikingNetwork(
        parse_layers(["conv 4 3 2", "dense 10"]),
        (1, 8, 8),
        3,
        Encoding("direct", 16),
        "membrane",
        Surrogate(),
        torch.Generator().manual_seed(0),
    )
    loop.fit(
        network,
        load("digits", limit=16 * BATCHES),
        Settings(epochs=4, frozen_epochs=1, batch_size=16),
        objective,
        folder,
        seed=0,
        resume=True,
        progress="off",
        tensorboard=False,
    )


if __name__ == "__main__":
    # what would be imported in every fork again
    load("digits", limit=1)
    torch.optim.Adam([torch.zeros(1)]).step()
    for argument in sys.argv[1:]:
        place = Path(argument)
        if (child := os.fork()) == 0:
            train(place, place.name)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
