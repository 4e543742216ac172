"""``attack`` without a suite: single attacks on pixels and on the encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lavarobust.cli.diagnosis import show_diagnosis
from lavarobust.cli.options import split_choices
from lavarobust.cli.output import Progress, count, save_arrays, show_assumptions, show_table, write_json

if TYPE_CHECKING:
    from lavarobust.attacks import AttackOutcome, FlipOutcome, RobustnessResult
    from lavarobust.experiment.attack import AttackReport


def run_single(file: str, options: dict[str, Any]) -> None:
    """Attack, and print and write what was found."""
    from lavarobust.attacks.rule_names import named_rule
    from lavarobust.experiment.attack import attack, named_attacks

    same = ("epsilons", "norm", "flips", "flip_iterations", "backend", "workers", "seed")
    with Progress() as progress:
        report = attack(
            file,
            *split_choices(options),
            attacks=named_attacks(options["attacks"], options["attack_steps"], options["restarts"]),
            rule=named_rule(options["surrogate"], options["width"]),
            progress=progress,
            **{name: options[name] for name in same},
        )
    show_attacks(report)
    found = report.result
    save_arrays(options["save"], {"images": found.outcomes[-1].images, "labels": found.clean.labels})
    write_json(options["json_path"], report.as_dict())


def show_attacks(report: AttackReport) -> None:
    """A line per attack, and whether to believe what it leaves, or who would say so."""
    from lavarobust.experiment.attack import NOT_DIAGNOSED

    result = report.result
    record = result.clean.record
    show_assumptions(report.assumptions)
    click.echo(
        f"{count(record.samples, 'image')} of {report.source}, {count(record.steps, 'step')} each, "
        f"executed on {result.backend}"
    )
    rows = _rows(result) + [_row(outcome, f"{outcome.budget.flips} flips") for outcome in report.flips]
    show_table(("images", "epsilon", "accuracy", "ties as wrong", "success", "zero gradients"), rows)
    surprises = sum(outcome.surprises for outcome in result.outcomes)
    surprises += sum(outcome.surprises for outcome in report.flips)
    if surprises:
        click.echo(
            f"warning: {count(surprises, 'prediction')} of {result.backend} differ from the simulator's, "
            "on which the attacks were made"
        )
    for flips, diagnosis in report.flip_diagnoses.items():
        click.echo(f"with {count(flips, 'flip')} per frame, the worst attack per image:")
        show_diagnosis(diagnosis)
    click.echo(NOT_DIAGNOSED)


def _rows(result: RobustnessResult) -> list[tuple[str, ...]]:
    """Clean images, every attack, and at each epsilon the worst of them, chosen per image."""
    clean = result.clean
    rows: list[tuple[str, ...]] = [
        ("clean", "0", f"{clean.accuracy:.1%}", f"{clean.strict_accuracy:.1%}", "", "")
    ]
    for threat in result.threats:
        epsilon = f"{threat.epsilon:.4g}"
        rows += [_row(outcome, epsilon) for outcome in result.outcomes if outcome.threat == threat]
        robust, strictly = result.robust_accuracy(threat), result.strict_robust_accuracy(threat)
        rows.append(("worst per image", epsilon, f"{robust:.1%}", f"{strictly:.1%}", "", ""))
    return rows


def _row(outcome: AttackOutcome | FlipOutcome, size: str) -> tuple[str, ...]:
    return (
        outcome.settings.name,
        size,
        f"{outcome.executed.accuracy:.1%}",
        f"{outcome.executed.strict_accuracy:.1%}",
        f"{outcome.success_rate:.1%}",
        f"{outcome.zero_gradient_share:.1%}",
    )
