"""The whole road of one run, measured: float, quantised, simulator and Lava, clean and attacked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.data import DataSet
from lavarobust.dynamics import Surrogate
from lavarobust.energy import Bill, make_ledger
from lavarobust.execution import backend
from lavarobust.experiment.bill import bills_of, price_tables
from lavarobust.experiment.stages import (
    DeployedRun,
    ImageSet,
    attack_run,
    differing,
    execute_set,
    flip_run,
    image_sets,
    load_deployed,
    set_scores,
)
from lavarobust.experiment.train import run_data, torch_threads
from lavarobust.record import Record

EVALUATION_FILE = "evaluation.json"
Report = Callable[[str], None]


@dataclass(frozen=True)
class Condition:
    """Accuracies and mean counts on one set of images (clean, or one attack's).

    Attributes:
        name: ``clean`` or the attack with its budget.
        epsilon: linf radius in pixel units; 0 for clean pixels.
        float_accuracy, slayer_accuracy, simulator_accuracy, lava_accuracy: shares, 0..1, of the same
            images on the float network, SLAYER's quantised forward, the simulator and Lava.
        tie_share: of the executed predictions.
        spikes, accumulates, multiply_accumulates: means per sample, from Lava's execution; the latter
            two together are its synaptic operations.
        slayer_differences, lava_differences: images whose scores (potentials or spike counts) differ
            from the simulator's in any class.
    """

    name: str
    epsilon: float
    float_accuracy: float
    slayer_accuracy: float
    simulator_accuracy: float
    lava_accuracy: float
    tie_share: float
    spikes: float
    accumulates: float
    multiply_accumulates: float
    slayer_differences: int
    lava_differences: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one run's deployed model does on its test images.

    Attributes:
        name, folder, model_file: of the run.
        data: which images, and how many in ``samples``.
        steps: T.
        counted_on: the backend whose execution gave spikes, operations and energy.
        conditions: clean first, then each attack.
        bills: of the clean images.
        attack_bills: of the last attack's images.
        backward: surrogate of the attacker's gradients.
    """

    name: str
    folder: str
    model_file: str
    data: str
    samples: int
    steps: int
    counted_on: str
    conditions: tuple[Condition, ...]
    bills: tuple[Bill, ...]
    attack_bills: tuple[Bill, ...]
    backward: Surrogate

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        plain = {name: getattr(self, name) for name in ("name", "folder", "model_file", "data", "samples")}
        plain |= {"steps": self.steps, "counted_on": self.counted_on, "backward": asdict(self.backward)}
        plain["conditions"] = [asdict(condition) for condition in self.conditions]
        plain["bills"] = [bill.as_dict() for bill in self.bills]
        plain["attack_bills"] = [bill.as_dict() for bill in self.attack_bills]
        return plain


def evaluate_run(
    folder: str | Path,
    limit: int | None = None,
    report: Report = lambda text: None,
    data: DataSet | None = None,
) -> Evaluation:
    """Run an exported run's model on its test images through every stage, clean and attacked as it says.

    The adversarial images are crafted white-box on the executed integers; the float network sees the
    same images, which for it is a transfer attack.

    Args:
        folder: a finished, exported run.
        limit: only the first so many test images.
        report: told what begins.
        data: of a run that was trained on arrays from Python.
    """
    run = load_deployed(folder)
    lava = backend("lava")
    with torch_threads(run.recipe.threads):
        data = run_data(run.folder, data)
        images = data.test if limit is None else data.test.take(limit)
        report(f"{run.recipe.name}: attacking {images.samples} images")
        sets = image_sets(attack_run(run, images), flip_run(run, images), images)
        conditions, records = [], []
        for each in sets:
            report(f"{run.recipe.name}: executing {each.name} images on Lava")
            executed = execute_set(run, each, lava)
            conditions.append(_condition(run, each, executed))
            records.append(executed)
    evaluation = Evaluation(
        name=run.recipe.name,
        folder=str(run.folder.path),
        model_file=str(run.model_file),
        data=f"{data.name} test",
        samples=images.samples,
        steps=run.plan.steps,
        counted_on=lava.name,
        conditions=tuple(conditions),
        bills=bills_of(records[0], run.model, price_tables()),
        attack_bills=bills_of(records[-1], run.model, price_tables()),
        backward=run.surrogate,
    )
    run.folder.write_json(EVALUATION_FILE, evaluation.as_dict())
    return evaluation


def _condition(run: DeployedRun, images: ImageSet, executed: Record) -> Condition:
    slayer = set_scores(run, images)
    floating = set_scores(run, images, quantised=False)
    ledger = make_ledger(executed, run.model)

    def accuracy(prediction: np.ndarray) -> float:
        return float(np.mean(prediction == images.images.labels))

    def per_sample(count: str) -> float:
        return float(ledger.total(count).mean())

    return Condition(
        name=images.name,
        epsilon=images.epsilon,
        float_accuracy=accuracy(floating.argmax(1)),
        slayer_accuracy=accuracy(slayer.argmax(1)),
        simulator_accuracy=accuracy(images.simulated.prediction),
        lava_accuracy=accuracy(executed.prediction),
        tie_share=float(executed.tied.mean()),
        spikes=per_sample("spikes"),
        accumulates=per_sample("accumulates"),
        multiply_accumulates=per_sample("multiply_accumulates"),
        slayer_differences=differing(slayer, images.simulated.scores),
        lava_differences=differing(executed.scores, images.simulated.scores),
    )
