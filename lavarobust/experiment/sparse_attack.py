"""How few flips of its binary input fool a deployed model: ``attack --attack sda``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lavarobust.attacks.evaluate import Progress
from lavarobust.attacks.sda import SDA, check_binary
from lavarobust.attacks.sda_evaluate import SparseOutcome, evaluate_sparsely
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.execution import chosen_backend
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice, prepare

FEW = (200, 800)
"""Flips below which shares are told, as published."""

NOT_DIAGNOSED = (
    "SDA is not diagnosed: it stops at the first flips that suffice. --flips K is, at K entries per frame"
)


@dataclass(frozen=True, eq=False)
class SparseReport:
    """SDA on one file.

    Attributes:
        outcome: judged on its backend.
        model, source: names: of the file; which images.
        entries: of a sample's encoding, all steps together: what could be flipped.
        rule: how the attacker's gradients went back through spikes.
        seed: key of the attack's draws.
        assumptions: values that neither file nor caller gave.
    """

    outcome: SparseOutcome
    model: str
    source: str
    entries: int
    rule: GradientRule
    seed: int
    assumptions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; without the attacked encodings."""
        outcome, found = self.outcome, self.outcome.found
        record = outcome.executed.record
        return {
            "model": self.model,
            "backend": record.backend,
            "images": self.source,
            "samples": record.samples,
            "steps": record.steps,
            "rule": {"kind": type(self.rule).__name__, **asdict(self.rule)},
            "seed": self.seed,
            "attack": outcome.settings.name,
            "entries": self.entries,
            "clean_accuracy": outcome.clean.accuracy,
            "accuracy": outcome.executed.accuracy,
            "accuracy_ties_wrong": outcome.executed.strict_accuracy,
            "success_rate": outcome.success_rate,
            "mean_flips": found.mean_flips,
            "median_flips": found.median_flips,
            "shares_below": {str(flips): found.share_below(flips) for flips in FEW},
            "zero_gradient_share": found.zero_gradients / max(found.gradients, 1),
            "surprises": outcome.surprises,
            "forward_queries": found.queries.forward,
            "backward_queries": found.queries.backward,
            "not_diagnosed": NOT_DIAGNOSED,
            "assumptions": list(self.assumptions),
        }


def sparse_attack(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    *,
    settings: SDA = SDA(),  # noqa: B008
    rule: GradientRule = Surrogate(),  # noqa: B008
    backend: str = "simulator",
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> SparseReport:
    """Flip as few entries of what a ``.net`` file is sent as it takes, and judge that on a backend.

    The encoding of the images, where it is drawn, and the model's gates are those of draw 0, in the attack
    and in the verdict.

    Args:
        path, images, plan, rule, backend, workers, progress: as
            :func:`lavarobust.experiment.attack.attack` has them.
        settings: how flips are sought.
        seed: key of what stands in for zero gradients.

    Raises:
        SettingsError: an encoding with other entries than 0 and 1.
        ModelFileError, DataError, BackendError: each with its place and remedy.
    """
    prepared = prepare(path, images, plan)
    part, deployment = prepared.chosen.images, prepared.plan.as_deployment(prepared.model)
    check_binary(deployment.encoding)
    outcome = evaluate_sparsely(
        prepared.model,
        deployment,
        part.images,
        part.labels,
        part.indices,
        chosen_backend(backend, workers),
        settings,
        rule,
        seed,
        progress=progress,
    )
    entries = outcome.found.frames[0].size
    source = prepared.chosen.source
    return SparseReport(outcome, prepared.model.name, source, entries, rule, seed, prepared.assumptions)
