"""Execute a deployed model on images: the ``run`` verb."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.errors import SettingsError
from lavarobust.execution import chosen_backend
from lavarobust.experiment.inputs import ChosenImages, DataChoice, choose_images
from lavarobust.experiment.plan import Plan, execute, plan_for
from lavarobust.experiment.shipped import model_path
from lavarobust.netx import read_model
from lavarobust.netx.deployment import EncodingKind, ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import LayerCounts, Record


@dataclass(frozen=True)
class PlanChoice:
    """What the command line says about running a file; None leaves it to the file.

    Attributes:
        mean, std: what the model's makers took from a pixel in [0, 1] and then divided it by, one number for
            every channel or one each; given together.
    """

    steps: int | None = None
    encoding: EncodingKind | None = None
    levels: int | None = None
    readout: ReadoutKind | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def command_words(images: DataChoice, plan: PlanChoice) -> tuple[str, ...]:
    """What a command line has to say to choose the same; nothing of what is left to file and defaults."""
    words: list[str] = []
    for choice, usual in ((images, DataChoice()), (plan, PlanChoice())):
        for field in fields(choice):
            value = getattr(choice, field.name)
            if value != getattr(usual, field.name):
                several = isinstance(value, tuple)
                said = ",".join(map(str, value)) if several else str(value)
                words += [f"--{field.name.replace('_', '-')}", said]
    return tuple(words)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model with its plan and images: what run, attack and energy start from."""

    model: Model
    plan: Plan
    chosen: ChosenImages

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Values that neither file nor caller gave."""
        return self.plan.assumptions


@dataclass(frozen=True, eq=False)
class RunResult:
    """One execution.

    Attributes:
        record: outputs and exact counts; ``record.backend`` says what executed it.
        accuracy: share of correct predictions, 0..1.
        accuracy_ties_wrong: the same with every tied prediction counted as wrong.
        draw_accuracies: accuracy on each draw of encoding and gates; ``record`` is of the first, 0.
        source: which images.
        assumptions: values that neither file nor caller gave.
    """

    record: Record
    accuracy: float
    accuracy_ties_wrong: float
    source: str
    assumptions: tuple[str, ...]
    draw_accuracies: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; counts are totals over all images."""
        record = self.record
        return {
            "model": record.model,
            "backend": record.backend,
            "images": self.source,
            "samples": record.samples,
            "steps": record.steps,
            "readout": record.readout,
            "accuracy": self.accuracy,
            "accuracy_ties_wrong": self.accuracy_ties_wrong,
            "draw_accuracies": list(self.draw_accuracies),
            "predictions": record.prediction.tolist(),
            "layers": [_totals(layer) for layer in record.layers],
            "assumptions": list(self.assumptions),
        }


def _totals(layer: LayerCounts) -> dict[str, Any]:
    counts = ("input_events", "synops", "synops_dense", "spikes", "wraps", "clips")
    described = {"layer": layer.name, "neurons": layer.neurons, "graded_input": layer.graded_input}
    return described | {name: int(getattr(layer, name).sum()) for name in counts}


def prepare(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),
) -> Prepared:
    """Read a model file and load the images it is to be run on.

    Raises:
        ModelFileError, SettingsError, DataError: each with its place and remedy.
    """
    model = read_model(model_path(path))
    made = plan_of(model, plan)
    return Prepared(model, made, choose_images(model, made, images))


def plan_of(model: Model, choice: PlanChoice) -> Plan:
    """How a model is run, by its file and the command line.

    Raises:
        SettingsError: an impossible value, naming the flag.
    """
    return plan_for(
        model,
        steps=choice.steps,
        encoding=choice.encoding,
        levels=choice.levels,
        readout=choice.readout,
        mean=choice.mean,
        std=choice.std,
    )


def run(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),
    backend: str = "simulator",
    workers: int = 1,
    strict: bool = False,
    draws: int = 1,
) -> RunResult:
    """Execute a ``.net`` file on images.

    Args:
        path: a NetX file of ours or of lava-dl, or the name of a model of the package.
        images: which images; by default the test part of the data set that the file names.
        plan: T, encoding and readout, for files that don't say.
        backend: ``simulator``, ``lava`` or ``loihi2``.
        workers: processes that the lava backend divides the images among.
        strict: whether any integer that does not fit where Lava holds it is an error.
        draws: of a random encoding and of gates, each an execution of its own.

    Raises:
        SettingsError: ``draws`` below 1.
        PrecisionError: ``strict``, and one did not; names layer, step and neuron.
    """
    if draws < 1:
        raise SettingsError(f"--draws {draws}: give at least 1.")
    prepared = prepare(path, images, plan)
    part, executing = prepared.chosen.images, chosen_backend(backend, workers, strict)

    def executed(draw: int) -> Record:
        return execute(executing, prepared.model, prepared.plan, part.images, part.indices, draw=draw)

    record = executed(0)
    correct = record.prediction == part.labels
    others = [float(np.mean(executed(draw).prediction == part.labels)) for draw in range(1, draws)]
    return RunResult(
        record,
        float(np.mean(correct)),
        float(np.mean(correct & ~record.tied)),
        prepared.chosen.source,
        prepared.assumptions,
        (float(np.mean(correct)), *others),
    )
