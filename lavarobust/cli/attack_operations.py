"""``attack --attack operations``: images that make an answer dear."""

from __future__ import annotations

from typing import Any

import click

from lavarobust.cli.options import split_choices
from lavarobust.cli.output import (
    Progress,
    count,
    save_arrays,
    show_assumptions,
    show_report_table,
    write_json,
)


def run_operations(file: str, options: dict[str, Any]) -> None:
    """Attack, and print and write what the images cost."""
    from lavarobust.attacks import OperationsAscent
    from lavarobust.attacks.rule_names import named_rule
    from lavarobust.experiment.bill import PROFILES
    from lavarobust.experiment.operations_attack import operations_attack
    from lavarobust.reporting.attack_tables import cost_table

    with Progress() as progress:
        report = operations_attack(
            file,
            *split_choices(options),
            settings=OperationsAscent(options["attack_steps"]),
            profiles=options["profiles"] or PROFILES,
            rule=named_rule(options["surrogate"], options["width"]),
            progress=progress,
            **{name: options[name] for name in ("epsilons", "backend", "workers")},
        )
    show_assumptions(report.assumptions)
    click.echo(f"{count(len(report.labels), 'image')} of {report.source}; the class plays no part")
    for cost in report.costs:
        show_report_table(cost_table([cost.as_dict()]))
    save_arrays(options["save"], {"images": report.images, "labels": report.labels})
    write_json(options["json_path"], report.as_dict())
