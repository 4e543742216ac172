"""How much dearer images of one box can make a deployed model: ``attack --attack operations``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.attacks.evaluate import BATCH, Progress
from lavarobust.attacks.operations import OperationsAscent, OperationsVictim, attack_operations
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.threat import ThreatModel
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.errors import SettingsError
from lavarobust.execution import chosen_backend
from lavarobust.experiment.attack_cost import AttackCost, cost_of_images
from lavarobust.experiment.bill import PROFILES, price_tables
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice, prepare


@dataclass(frozen=True, eq=False)
class OperationsReport:
    """An attack on the cost of a file's answers.

    Attributes:
        settings: what was run.
        epsilons: radii in pixel units, in the order asked for.
        costs: by epsilon, the clean and the attacked images on the backend.
        images: of the last epsilon, ``(N, C, H, W)``.
        labels: ``(N,)`` their true classes.
        source: which images.
        rule: how the attacker's gradients went back through spikes.
        assumptions: values that neither file nor caller gave.
    """

    settings: OperationsAscent
    epsilons: tuple[float, ...]
    costs: tuple[AttackCost, ...]
    images: np.ndarray
    labels: np.ndarray
    source: str
    rule: GradientRule
    assumptions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; without the attacked images."""
        results = [
            {"epsilon": epsilon, **cost.as_dict()}
            for epsilon, cost in zip(self.epsilons, self.costs, strict=True)
        ]
        return {
            "attack": self.settings.name,
            "images": self.source,
            "rule": {"kind": type(self.rule).__name__, **asdict(self.rule)},
            "results": results,
            "assumptions": list(self.assumptions),
        }


def operations_attack(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    *,
    settings: OperationsAscent = OperationsAscent(),  # noqa: B008
    epsilons: Sequence[float] = (0.1,),
    profiles: Sequence[str | Path] = PROFILES,
    rule: GradientRule = Surrogate(),  # noqa: B008
    backend: str = "simulator",
    workers: int = 1,
    progress: Progress | None = None,
) -> OperationsReport:
    """Search the box around every image for one that makes a ``.net`` file execute more synaptic operations.

    Whatever the model draws is that of draw 0, in the attack and in the count.

    Args:
        path, images, plan, epsilons, backend, workers, progress: as
            :func:`lavarobust.experiment.attack.attack` has them.
        settings: of the search.
        profiles: price tables, as :func:`lavarobust.experiment.bill.bill` has them.
        rule: how the attacker's gradients go back through spikes; any but ``Analog``.

    Raises:
        SettingsError: no or an impossible epsilon, an unknown price table, or the rule ``Analog``.
        ModelFileError, DataError, BackendError: each with its place and remedy.
    """
    if not epsilons:
        raise SettingsError("an attack on operations needs at least one epsilon.")
    threats, tables = [ThreatModel(epsilon) for epsilon in epsilons], price_tables(profiles)
    prepared = prepare(path, images, plan)
    part, report = prepared.chosen.images, progress or (lambda what, done, total: None)
    samples = checked_samples(part.images, part.labels, part.indices)
    victim = OperationsVictim(prepared.model, prepared.plan.as_deployment(prepared.model), rule)
    engine, costs, found = chosen_backend(backend, workers), [], samples.images
    for threat in threats:
        what, parts = f"{settings.name} at {threat.epsilon:.4g}", []
        for start in range(0, len(samples), BATCH):
            here = samples.take(slice(start, start + BATCH))
            parts.append(
                attack_operations(settings, victim, here.images, here.indices, threat.epsilon).images
            )
            report(what, start + len(here), len(samples))
        found = np.concatenate(parts)
        attacked = {settings.name: found}
        costs.append(
            cost_of_images(prepared.model, prepared.plan, samples, attacked, str(threat), engine, tables)
        )
    return OperationsReport(
        settings,
        tuple(epsilons),
        tuple(costs),
        found,
        samples.labels,
        prepared.chosen.source,
        rule,
        prepared.assumptions,
    )
