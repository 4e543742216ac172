"""What SR is about, of any finished run: sparse gradients, and the gap from random to adversarial images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lavarobust.attacks import PGD, Noise, ThreatModel, evaluate
from lavarobust.attacks.sparsity import GradientSparsity, RandomGap, gradient_sparsity, random_gaps
from lavarobust.data import DataSet
from lavarobust.execution import backend
from lavarobust.experiment.stages import load_deployed
from lavarobust.experiment.train import run_data, torch_threads


@dataclass(frozen=True)
class SparsityReport:
    """One run's test images.

    Attributes:
        name: of the run.
        gradients: of the network as it was deployed.
        gaps: of the executed model, per epsilon.
    """

    name: str
    gradients: GradientSparsity
    gaps: tuple[RandomGap, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        gaps = [asdict(gap) | {"gap": gap.gap} for gap in self.gaps]
        return {"name": self.name, "gradients": asdict(self.gradients), "gaps": gaps}


def measure_sparsity(
    folder: str | Path,
    epsilons: Sequence[float] | None = None,
    limit: int | None = None,
    data: DataSet | None = None,
) -> SparsityReport:
    """Gradients of a run's network, and accuracy of its model under uniform noise and under PGD.

    Args:
        folder: a finished, exported run.
        epsilons: radii of the gap; None for those of the run's recipe.
        limit: only the first so many test images.
        data: of a run that was trained on arrays from Python.
    """
    run = load_deployed(folder)
    attack = run.recipe.attack
    with torch_threads(run.recipe.threads):
        data = run_data(run.folder, data)
        images = data.test if limit is None else data.test.take(limit)
        gradients = gradient_sparsity(run.network, images.images, images.labels, images.indices)
        result = evaluate(
            run.model,
            run.plan.as_deployment(run.model),
            images.images,
            images.labels,
            images.indices,
            backend("simulator"),
            [Noise(), PGD(steps=attack.steps, restarts=attack.restarts)],
            [ThreatModel(epsilon) for epsilon in epsilons or attack.epsilon],
            run.surrogate,
            run.recipe.seed,
        )
    return SparsityReport(run.recipe.name, gradients, random_gaps(result))
