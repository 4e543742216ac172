"""A deployed model under the attacks that a paper reports its own under: ``attack --suite paper:NAME``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.attacks.campaign import Target, run_suite
from lavarobust.attacks.checks import Diagnosis
from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.flip_diagnosis import diagnose_flips
from lavarobust.attacks.presets import Column, FlipColumn, named_preset
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.sea_evaluate import evaluate_flips
from lavarobust.attacks.verdict import FINAL_DRAWS, check_votes, judge
from lavarobust.execution import backend
from lavarobust.experiment.attack import NOT_DIAGNOSED
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.robustness import Share
from lavarobust.experiment.run import PlanChoice, prepare
from lavarobust.experiment.suite_run import Progress, calls


@dataclass(frozen=True)
class PresetRow:
    """One column of the paper's table.

    Attributes:
        attack: its name.
        budget: what may be changed.
        right: samples right under it, each judged on its worst image.
        success: of those right without attack, the ones that it fooled.
        diagnosis: whether to believe it, of an attack on the encoding; None of one on pixels.
    """

    attack: str
    budget: str
    right: Share
    success: Share
    diagnosis: Diagnosis | None = None


@dataclass(frozen=True)
class PresetReport:
    """A model under a paper's attacks.

    Attributes:
        model, preset, source: names; which images.
        clean: samples right without attack.
        rows: in the paper's order.
        left_out: attacks that the model's encoding does not have, each with the reason.
        assumptions: values that neither file nor caller gave.
    """

    model: str
    preset: str
    source: str
    clean: Share
    rows: tuple[PresetRow, ...]
    left_out: tuple[str, ...]
    assumptions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        rows = [
            {
                "attack": row.attack,
                "budget": row.budget,
                "accuracy": row.right.value,
                "accuracy_interval": row.right.interval,
                "success_rate": row.success.value,
                "unreliable": None if row.diagnosis is None else row.diagnosis.unreliable,
                "diagnosis": None if row.diagnosis is None else row.diagnosis.as_dict(),
            }
            for row in self.rows
        ]
        plain = {name: getattr(self, name) for name in ("model", "preset", "source")}
        plain |= {"clean_accuracy": self.clean.value, "samples": self.clean.of, "rows": rows}
        plain["not_diagnosed"] = NOT_DIAGNOSED
        return plain | {"left_out": list(self.left_out), "assumptions": list(self.assumptions)}


def report_preset(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    *,
    preset: str,
    votes: int = 11,
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> PresetReport:
    """Attack a ``.net`` file as a paper attacks its models, every attack on all images.

    The paper's figures are comparable with these in their attacks alone: its network, data and training
    are others. What to believe is what ``adaptive`` leaves.

    Args:
        path, images, plan, votes, workers, seed, progress: as
            :func:`lavarobust.experiment.benchmark.benchmark` has them.
        preset: one of :data:`lavarobust.attacks.presets.PRESETS`.

    Raises:
        SettingsError: an unknown preset, or votes that could tie.
        ModelFileError, DataError, BackendError: each with its place and remedy.
    """
    asked = named_preset(preset)
    check_votes(votes)
    prepared = prepare(path, images, plan)
    part, deployment = prepared.chosen.images, prepared.plan.as_deployment(prepared.model)
    samples = checked_samples(part.images, part.labels, part.indices)
    target = Target(prepared.model, deployment, seed=seed, votes=votes)
    report = progress or (lambda what, done, total: None)
    before = judge(target.victim(), samples, votes, FINAL_DRAWS).prediction == samples.labels
    tasks = [(target, column, samples) for column in asked.columns]
    found: dict[int, np.ndarray] = {}

    def told(place: int, what: str) -> None:
        report(what, len(found), len(tasks))

    for place, right in calls(workers, attack_column, tasks, told):
        found[place] = right
    rows = [
        _row(column.suite.name, str(column.threat), before, found[place])
        for place, column in enumerate(asked.columns)
    ]
    left_out: tuple[str, ...] = ()
    if asked.flips and deployment.encoding.kind in ("rate", "signed_rate"):
        rows += _flipped(target, asked.flips, samples, before, report)
    elif asked.flips:
        left_out = (f"attacks on the encoding: {deployment.encoding.kind} sends no spikes to flip",)
    return PresetReport(
        prepared.model.name,
        asked.name,
        prepared.chosen.source,
        _share(before),
        tuple(rows),
        left_out,
        prepared.assumptions,
    )


def attack_column(
    target: Target, column: Column, samples: Samples, report: Callable[[str], None]
) -> np.ndarray:
    """``(N,)`` bool, samples right on their worst image under one column's attacks."""
    report(f"{column.suite.name} at {column.threat}")
    attacker = replace(target, expectation=column.expectation)
    end = run_suite(attacker, column.suite, samples, column.threat)
    worst = judge(target.victim(), replace(samples, images=end.images), target.votes, FINAL_DRAWS)
    right: np.ndarray = worst.prediction == samples.labels
    return right


def _flipped(
    target: Target,
    columns: Sequence[FlipColumn],
    samples: Samples,
    before: np.ndarray,
    report: Progress,
) -> list[PresetRow]:
    """Attacks on an encoding are judged on the very encoding that they changed."""
    rows = []
    for column in columns:
        [found] = evaluate_flips(
            target.model,
            target.deployment,
            samples.images,
            samples.labels,
            samples.indices,
            backend("simulator"),
            [column.settings],
            [column.budget],
            column.rule,
            progress=report,
        )
        budget = f"{column.budget.flips} flips"
        report(f"diagnosis of {column.settings.name} with {budget}", 0, 1)
        right = found.executed.correct
        victim = EncodingVictim(target.model, target.deployment, column.rule)
        diagnosis = diagnose_flips(
            victim, column.settings, column.budget, samples, before & right, target.seed
        )
        rows.append(replace(_row(column.settings.name, budget, before, right), diagnosis=diagnosis))
    return rows


def _row(attack: str, budget: str, before: np.ndarray, right: np.ndarray) -> PresetRow:
    return PresetRow(attack, budget, _share(right), Share(int((before & ~right).sum()), int(before.sum())))


def _share(right: np.ndarray) -> Share:
    return Share(int(right.sum()), len(right))
