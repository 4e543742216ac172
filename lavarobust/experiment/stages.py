"""What every evaluation of a finished run starts from: its network, its model, its attacked images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lavarobust.attacks import FlipBudget, FlipOutcome, RobustnessResult, ThreatModel, evaluate_flips
from lavarobust.attacks import evaluate as evaluate_attacks
from lavarobust.attacks.evaluate import Progress
from lavarobust.data import Images
from lavarobust.dynamics import Surrogate
from lavarobust.encoding import encode
from lavarobust.execution import Backend, backend
from lavarobust.experiment.attack import flip_attacks, named_attacks
from lavarobust.experiment.export import MODEL_FILE, deployed_network
from lavarobust.experiment.network_scores import frame_scores, network_scores
from lavarobust.experiment.plan import Plan, execute, plan_for
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.run_folder import RunFolder
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
        name: ``clean`` or the attack with its budget.
        epsilon: linf radius in pixel units; 0 for clean pixels.
        images: clean, or one attack's.
        simulated: their execution.
        frames: ``(N, C, H, W, T)`` what an attack made of their encoding; None where it is the encoder's.
    """

    name: str
    epsilon: float
    images: Images
    simulated: Record
    frames: np.ndarray | None = None


def load_deployed(folder: str | Path) -> DeployedRun:
    """A run that was trained and exported.

    Raises:
        RunFolderError: no run, or one that is not finished.
        CheckpointError, ModelFileError: a file of it is missing or damaged.
    """
    run = RunFolder(Path(folder))
    network = deployed_network(run.path)
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


def flip_run(run: DeployedRun, images: Images, progress: Progress | None = None) -> tuple[FlipOutcome, ...]:
    """The recipe's attacks on the encoding, crafted and judged on the simulator; none where it names none."""
    attack = run.recipe.attack
    if not attack.flips:
        return ()
    return evaluate_flips(
        run.model,
        run.plan.as_deployment(run.model),
        images.images,
        images.labels,
        images.indices,
        backend("simulator"),
        flip_attacks(attack.flip_iterations),
        [FlipBudget(count) for count in attack.flips],
        run.surrogate,
        progress=progress,
    )


def image_sets(
    result: RobustnessResult, flips: Sequence[FlipOutcome], images: Images
) -> tuple[ImageSet, ...]:
    """The clean images first, then each attack's, of pixels and of the encoding; all share their labels."""
    attacked = [
        ImageSet(
            f"{outcome.settings.name} at {outcome.threat.epsilon:g}",
            outcome.threat.epsilon,
            Images(outcome.images, images.labels, images.indices),
            outcome.executed.record,
        )
        for outcome in result.outcomes
    ]
    flipped = [
        ImageSet(
            f"{outcome.settings.name} with {outcome.budget.flips} flips",
            0.0,
            images,
            outcome.executed.record,
            np.moveaxis(outcome.frames, 1, -1),
        )
        for outcome in flips
    ]
    return (ImageSet("clean", 0.0, images, result.clean.record), *attacked, *flipped)


def set_scores(run: DeployedRun, each: ImageSet, quantised: bool = True) -> np.ndarray:
    """``(N, classes)`` of the network before deployment on a set: quantised in SLAYER, or float."""
    if each.frames is None:
        return network_scores(run.network, each.images, quantised)
    return frame_scores(run.network, each.frames, each.images.indices, quantised)


def execute_set(run: DeployedRun, each: ImageSet, engine: Backend, count: int | None = None) -> Record:
    """A backend's execution of a set, or of its first ``count`` images."""
    images = each.images if count is None else each.images.take(count)
    if each.frames is None:
        return execute(engine, run.model, run.plan, images.images, images.indices)
    stimulus = encode(run.plan.encoding, images.images, run.plan.steps, images.indices)
    frames = np.ascontiguousarray(each.frames[:count], dtype=np.int32)
    return engine.run(run.model, replace(stimulus, frames=frames), run.plan.readout)


def differing(scores: np.ndarray, others: np.ndarray) -> int:
    """Images whose scores ``(N, classes)`` differ in any class."""
    return int((scores != others).any(1).sum())
