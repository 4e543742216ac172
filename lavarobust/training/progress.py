"""What a person sees while a network trains."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TextIO

from tqdm import tqdm  # type: ignore[import-untyped]

ProgressKind = Literal["auto", "bar", "lines", "off"]


class Progress(Protocol):
    """Told of every batch and every finished epoch; does nothing unless a subclass says otherwise."""

    def batch(self, epoch: int, loss: float, accuracy: float) -> None:
        """After each batch: epoch from 0, mean loss and train accuracy of the epoch so far."""
        return

    def epoch(self, metrics: Mapping[str, Any]) -> None:
        """After each epoch, with its entry of the history."""
        return

    def close(self) -> None:
        """At the end, also after an error."""
        return


class Silent(Progress):
    """Shows nothing."""


class Bar(Progress):
    """One bar over all batches of all epochs, with epoch, loss, accuracies and the time left."""

    def __init__(self, epochs: int, batches: int, first_epoch: int, stream: TextIO) -> None:
        self._epochs = epochs
        self._validation: float | None = None
        self._bar = tqdm(
            total=epochs * batches,
            initial=first_epoch * batches,
            file=stream,
            dynamic_ncols=True,
            unit="batch",
            bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}, {remaining} left",
        )

    def batch(self, epoch: int, loss: float, accuracy: float) -> None:
        self._bar.set_description_str(
            _line(epoch, self._epochs, loss, accuracy, self._validation), refresh=False
        )
        self._bar.update()

    def epoch(self, metrics: Mapping[str, Any]) -> None:
        self._validation = metrics["validation_accuracy"]

    def close(self) -> None:
        self._bar.close()


class Lines(Progress):
    """One line an epoch, for logs and pipes."""

    def __init__(self, epochs: int, first_epoch: int, stream: TextIO) -> None:
        self._epochs, self._first, self._stream = epochs, first_epoch, stream
        self._start = time.monotonic()

    def epoch(self, metrics: Mapping[str, Any]) -> None:
        epoch = metrics["epoch"]
        line = _line(
            epoch, self._epochs, metrics["loss"], metrics["train_accuracy"], metrics["validation_accuracy"]
        )
        done = epoch + 1 - self._first
        left = (time.monotonic() - self._start) / done * (self._epochs - epoch - 1)
        print(f"{line}, {left:.0f} s left", file=self._stream, flush=True)


def show_progress(
    kind: ProgressKind, epochs: int, batches: int, first_epoch: int, stream: TextIO | None = None
) -> Progress:
    """A progress report on standard error (or ``stream``): ``auto`` is a bar on a terminal, else lines."""
    stream = stream or sys.stderr
    if kind == "off":
        return Silent()
    if kind == "bar" or (kind == "auto" and stream.isatty()):
        return Bar(epochs, batches, first_epoch, stream)
    return Lines(epochs, first_epoch, stream)


def _line(epoch: int, epochs: int, loss: float, accuracy: float, validation: float | None) -> str:
    known = "" if validation is None else f", validation {validation:.1%}"
    return f"epoch {epoch + 1}/{epochs}: loss {loss:.4f}, train {accuracy:.1%}{known}"
