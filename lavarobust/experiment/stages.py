"""What every evaluation of a finished run starts from: its network, its model, its attacked images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lavarobust.attacks import RobustnessResult, ThreatModel
from lavarobust.attacks import evaluate as evaluate_attacks
from lavarobust.attacks.evaluate import Progress
from lavarobust.data import Images
from lavarobust.dynamics import Surrogate
from lavarobust.execution import backend
from lavarobust.experiment.attack import named_attacks
from lavarobust.experiment.export import MODEL_FILE
from lavarobust.experiment.plan import Plan, plan_for
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.run_folder import RunFolder
from lavarobust.experiment.train import load_network
from lavarobust.netx import read_model
from lavarobust.netx.model import Model
from lavarobust.record import Record
from lavarobust.snn.network import SpikingNetwork


@dataclass(frozen=True, eq=False)
class DeployedRun:
    """A finished, exported run.

    Attributes:
        folder, recipe: of the run.
        network: before deployment, in eval mode.
        model, plan: after it, and how it is run.
    """

    folder: RunFolder
    recipe: Recipe
    network: SpikingNetwork
    model: Model
    plan: Plan

    @property
    def model_file(self) -> Path:
        return self.folder.path / MODEL_FILE

    @property
    def surrogate(self) -> Surrogate:
        """The derivative of a spike in training, and in the attacker's gradients."""
        return Surrogate(**self.recipe.network.surrogate.model_dump())


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of one kind, executed on the simulator.

    Attributes:
        name: ``clean`` or the attack with its epsilon.
        epsilon: linf radius in pixel units; 0 for clean images.
        images: clean, or one attack's.
        simulated: their execution.
    """

    name: str
    epsilon: float
    images: Images
    simulated: Record


def load_deployed(folder: str | Path) -> DeployedRun:
    """A run that was trained and exported.

    Raises:
        RunFolderError: no run, or one that is not finished.
        CheckpointError, ModelFileError: a file of it is missing or damaged.
    """
    run = RunFolder(Path(folder))
    network = load_network(run.path)
    model = read_model(run.path / MODEL_FILE)
    return DeployedRun(run, run.recipe(), network, model, plan_for(model))


def attack_run(run: DeployedRun, images: Images, progress: Progress | None = None) -> RobustnessResult:
    """The recipe's attacks on a run's executed integers, crafted and judged on the simulator."""
    attack = run.recipe.attack
    return evaluate_attacks(
        run.model,
        run.plan.as_deployment(run.model),
        images.images,
        images.labels,
        images.indices,
        backend("simulator"),
        named_attacks(attack.attacks, attack.steps, attack.restarts),
        [ThreatModel(epsilon) for epsilon in attack.epsilon],
        run.surrogate,
        run.recipe.seed,
        progress=progress,
    )


def image_sets(result: RobustnessResult, images: Images) -> tuple[ImageSet, ...]:
    """The clean images first, then each attack's; all share labels and indices."""
    attacked = [
        ImageSet(
            f"{outcome.settings.name} at {outcome.threat.epsilon:g}",
            outcome.threat.epsilon,
            Images(outcome.images, images.labels, images.indices),
            outcome.executed.record,
        )
        for outcome in result.outcomes
    ]
    return (ImageSet("clean", 0.0, images, result.clean.record), *attacked)


def differing(scores: np.ndarray, others: np.ndarray) -> int:
    """Images whose scores ``(N, classes)`` differ in any class."""
    return int((scores != others).any(1).sum())
