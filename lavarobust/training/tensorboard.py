"""The training history as a TensorBoard log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lavarobust.errors import LavarobustError


class TensorBoardLog:
    """Loss, accuracies, learning rate and spike rate per layer, an entry an epoch.

    Args:
        folder: of the event files.
        first_epoch: entries of a killed run from here on are hidden behind those that follow.

    Raises:
        LavarobustError: TensorBoard is not installed.
    """

    def __init__(self, folder: str | Path, first_epoch: int = 0) -> None:
        try:
            # takes about a second, so only those wait who want a log
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise LavarobustError(
                "a TensorBoard log needs tensorboard. Install it (pip install tensorboard), or train "
                "without a log"
            ) from error
        self._writer = SummaryWriter(str(folder), purge_step=first_epoch or None)

    def epoch(self, metrics: Mapping[str, Any]) -> None:
        """Write one entry of the history."""
        step = metrics["epoch"]
        for name, value in metrics.items():
            if name == "spike_rates":
                for layer, rate in enumerate(value):
                    self._writer.add_scalar(f"spike_rate/layer_{layer}", rate, step)
            elif name != "epoch" and value is not None:
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
