"""Attack a deployed model white-box, with nothing but its file: the ``attack`` verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.attacks import (
    APGD,
    FGSM,
    PGD,
    RFGSM,
    SAPGD,
    SEA,
    AttackOutcome,
    EncodingVictim,
    FlipBudget,
    FlipOutcome,
    Noise,
    RobustnessResult,
    Square,
    ThreatModel,
    evaluate,
    evaluate_flips,
)
from lavarobust.attacks.checks import Diagnosis
from lavarobust.attacks.dispatch import PixelAttack
from lavarobust.attacks.evaluate import Progress
from lavarobust.attacks.flip_diagnosis import diagnose_flips
from lavarobust.attacks.flips import lowest_entry
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.threat import Norm
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.errors import SettingsError
from lavarobust.execution import chosen_backend
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice, prepare

NOT_DIAGNOSED = (
    "these attacks on pixels are not diagnosed, and others may find what they missed; a suite says whether "
    "to believe it: --suite adaptive"
)


@dataclass(frozen=True, eq=False)
class AttackReport:
    """A robustness evaluation of one file.

    Attributes:
        result: per attack and threat model, judged on ``result.backend``.
        source: which images.
        assumptions: values that neither file nor caller gave.
        flips: of attacks on the encoding, judged likewise.
        flip_diagnoses: by budget of flips, whether to believe what the worst of those leaves.
    """

    result: RobustnessResult
    source: str
    assumptions: tuple[str, ...]
    flips: tuple[FlipOutcome, ...] = ()
    flip_diagnoses: Mapping[int, Diagnosis] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; without the adversarial images."""
        result = self.result
        return {
            "model": result.model,
            "backend": result.backend,
            "images": self.source,
            "samples": result.clean.record.samples,
            "steps": result.clean.record.steps,
            "rule": {"kind": type(result.rule).__name__, **asdict(result.rule)},
            "seed": result.seed,
            "clean_accuracy": result.clean.accuracy,
            "clean_accuracy_ties_wrong": result.clean.strict_accuracy,
            "robust": [
                {
                    "epsilon": threat.epsilon,
                    "accuracy": result.robust_accuracy(threat),
                    "accuracy_ties_wrong": result.strict_robust_accuracy(threat),
                }
                for threat in result.threats
            ],
            "attacks": [
                _outcome(outcome) | {"norm": outcome.threat.norm, "epsilon": outcome.threat.epsilon}
                for outcome in result.outcomes
            ],
            "not_diagnosed": NOT_DIAGNOSED,
            "flips": [_outcome(outcome) | {"flips": outcome.budget.flips} for outcome in self.flips],
            "flip_diagnoses": [
                {"flips": flips, "unreliable": diagnosis.unreliable, "diagnosis": diagnosis.as_dict()}
                for flips, diagnosis in self.flip_diagnoses.items()
            ],
            "assumptions": list(self.assumptions),
        }


def _outcome(outcome: AttackOutcome | FlipOutcome) -> dict[str, Any]:
    return {
        "attack": outcome.settings.name,
        "accuracy": outcome.executed.accuracy,
        "accuracy_ties_wrong": outcome.executed.strict_accuracy,
        "success_rate": outcome.success_rate,
        "zero_gradient_share": outcome.zero_gradient_share,
        "surprises": outcome.surprises,
        "forward_queries": outcome.queries.forward,
        "backward_queries": outcome.queries.backward,
    }


def named_attacks(names: Sequence[str], steps: int = 20, restarts: int = 1) -> tuple[PixelAttack, ...]:
    """Attacks by name, e.g. ``fgsm``, ``pgd``, or ``noise`` and ``square``, which ask for no gradient.

    Args:
        steps: of iterative attacks; Square asks 50 times as often.
        restarts: of those that start at random.

    Raises:
        SettingsError: an unknown name, or none.
    """
    known: dict[str, PixelAttack] = {
        "fgsm": FGSM(),
        "pgd": PGD(steps=steps, restarts=restarts),
        "noise": Noise("uniform"),
        "gaussian": Noise("gaussian"),
        "rfgsm": RFGSM(),
        "mim": PGD(steps=steps, random_start=False, momentum=1.0),
        "pgd-targeted": PGD(steps, restarts=restarts, loss="targeted_cross_entropy", targets="random"),
        "apgd": APGD(steps, restarts),
        "apgd-dlr": APGD(steps, restarts, loss="dlr"),
        "apgd-t": APGD(steps, restarts, loss="targeted_dlr", targets=9),
        "sa-pgd": SAPGD(steps, restarts),
        "square": Square(50 * steps),
    }
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise SettingsError(f"attack {', '.join(unknown) or '(none)'}: choose from {', '.join(known)}.")
    return tuple(known[name] for name in names)


def flip_attacks(iterations: int) -> tuple[SEA, ...]:
    """The sparse encoding attack as published, and with the gradient taken anew so many times."""
    return (SEA(),) if iterations == 1 else (SEA(), SEA(iterations))


def attack(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    *,
    attacks: Sequence[PixelAttack] = (FGSM(), PGD()),
    epsilons: Sequence[float] = (0.1,),
    norm: Norm = "linf",
    flips: Sequence[int] = (),
    flip_iterations: int = 10,
    rule: GradientRule = Surrogate(),  # noqa: B008
    backend: str = "simulator",
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> AttackReport:
    """Attack a ``.net`` file: gradients through its integers, judged on a backend's execution.

    What is left under attacks on the encoding is diagnosed; for attacks on pixels
    :func:`lavarobust.experiment.benchmark.benchmark` does that, with a suite of them.

    Args:
        path: a NetX file of ours or of lava-dl.
        images: which images; by default the test part of the data set that the file names.
        plan: T, encoding and readout, for files that don't say.
        attacks: each is run at each epsilon; robust accuracy is the worst of them per sample.
        epsilons: radii in pixel units, pixels being in [0, 1].
        norm: ``linf`` or ``l2``.
        flips: budgets of attacks on the encoding, entries per frame; each is run by :func:`flip_attacks`.
        flip_iterations: gradients of the iterated one.
        rule: how the attacker's gradients go back through spikes.
        backend: what executes clean and adversarial images and judges them.
        workers: processes that the lava backend divides the images among.
        seed: key of random starts.
        progress: told how far it is.
    """
    prepared = prepare(path, images, plan)
    part, deployment = prepared.chosen.images, prepared.plan.as_deployment(prepared.model)
    budgets = [FlipBudget(count) for count in flips]
    if budgets:
        lowest_entry(deployment.encoding)  # refuses before anything takes time
    arguments = (prepared.model, deployment, part.images, part.labels, part.indices)
    judge = chosen_backend(backend, workers)
    threats = [ThreatModel(epsilon, norm) for epsilon in epsilons]
    result = evaluate(*arguments, judge, attacks, threats, rule, seed, progress=progress)
    if not budgets:
        return AttackReport(result, prepared.chosen.source, prepared.assumptions)
    settings = flip_attacks(flip_iterations)
    flipped = evaluate_flips(
        *arguments, judge, settings, budgets, rule, progress=progress, clean=result.clean
    )
    report = progress or (lambda what, done, total: None)
    victim, samples = EncodingVictim(prepared.model, deployment, rule), checked_samples(*arguments[2:])
    diagnoses = {}
    for place, budget in enumerate(budgets):
        here = [outcome.executed.correct for outcome in flipped if outcome.budget == budget]
        robust = np.logical_and.reduce([result.clean.correct, *here])
        told = partial(_told, report, budget, place, len(budgets))
        diagnoses[budget.flips] = diagnose_flips(
            victim, settings[-1], budget, samples, robust, seed, told=told
        )
    return AttackReport(result, prepared.chosen.source, prepared.assumptions, flipped, diagnoses)


def _told(report: Progress, budget: FlipBudget, done: int, total: int, what: str) -> None:
    report(f"diagnosis with {budget.flips} flips: {what}", done, total)
