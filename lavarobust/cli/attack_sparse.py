"""``attack --attack sda``: how few flips of binary input suffice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lavarobust.cli.options import split_choices
from lavarobust.cli.output import Progress, count, save_arrays, show_assumptions, show_table, write_json

if TYPE_CHECKING:
    from lavarobust.experiment.sparse_attack import SparseReport


def run_sparse(file: str, options: dict[str, Any], steps: int | None) -> None:
    """Attack, and print and write what was found.

    Args:
        steps: gradients at most; None for as many as published.
    """
    from lavarobust.attacks import SDA
    from lavarobust.attacks.rule_names import named_rule
    from lavarobust.experiment.sparse_attack import sparse_attack

    with Progress() as progress:
        report = sparse_attack(
            file,
            *split_choices(options),
            settings=SDA() if steps is None else SDA(steps),
            rule=named_rule(options["surrogate"], options["width"]),
            progress=progress,
            **{name: options[name] for name in ("backend", "workers", "seed")},
        )
    _show(report)
    outcome = report.outcome
    save_arrays(options["save"], {"frames": outcome.found.frames, "labels": outcome.clean.labels})
    write_json(options["json_path"], report.as_dict())


def _show(report: SparseReport) -> None:
    from lavarobust.experiment.sparse_attack import FEW, NOT_DIAGNOSED

    outcome, plain = report.outcome, report.as_dict()
    show_assumptions(report.assumptions)
    click.echo(
        f"{count(plain['samples'], 'image')} of {report.source}, {count(plain['steps'], 'step')} each, "
        f"executed on {plain['backend']}; of each, {report.entries:,} entries of 0 or 1 are sent"
    )
    columns = ("images", "accuracy", "ties as wrong", "success", "mean flips", "median")
    shares = [f"{plain['shares_below'][str(flips)]:.1%}" for flips in FEW]
    attacked = (
        plain["attack"],
        f"{plain['accuracy']:.1%}",
        f"{plain['accuracy_ties_wrong']:.1%}",
        f"{plain['success_rate']:.1%}",
        _flips(plain["mean_flips"]),
        _flips(plain["median_flips"]),
        *shares,
        f"{plain['zero_gradient_share']:.1%}",
    )
    clean = ("clean", f"{outcome.clean.accuracy:.1%}", f"{outcome.clean.strict_accuracy:.1%}")
    below = tuple(f"below {flips}" for flips in FEW)
    rows = ((*clean, *("",) * (len(attacked) - len(clean))), attacked)
    show_table((*columns, *below, "zero gradients"), rows)
    click.echo("flips are of the images that fell, the fewest found for each; below: shares of those images")
    if outcome.surprises:
        click.echo(
            f"warning: {count(outcome.surprises, 'verdict')} of {plain['backend']} differ from the "
            "simulator's, on which the attack was made"
        )
    click.echo(NOT_DIAGNOSED)


def _flips(number: float | None) -> str:
    return "-" if number is None else f"{number:,.1f}"
