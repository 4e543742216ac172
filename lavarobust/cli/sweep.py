"""The verb ``sweep``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lavarobust.cli.options import json_option
from lavarobust.cli.output import count, show_report_table, show_table, write_json

if TYPE_CHECKING:
    from lavarobust.experiment.sweep.plan import SweepPlan


@click.command("sweep", short_help="Train and evaluate many recipes and seeds, into one table.")
@click.argument("sweep")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", metavar="FOLDER", help="Of runs, logs and table [default: runs/NAME].")
@click.option("--results", metavar="FOLDER",
              help="Of the units' results; what is there is done [default: results in --out].")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), metavar="N", default=1, show_default=True,
              help="Units side by side, each in a process with its recipe's number of threads.")  # fmt: skip
@click.option("--data-root", metavar="FOLDER", help="Folder of the data sets [default: $LAVAROBUST_DATA].")
@click.option("--dry-run", is_flag=True, help="Only list the units, and which are done.")
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def sweep_command(
    sweep: str,
    overrides: tuple[str, ...],
    out: str | None,
    results: str | None,
    workers: int,
    data_root: str | None,
    dry_run: bool,
    quiet: bool,
    json_path: str | None,
) -> None:
    """Train, deploy and evaluate the recipes of SWEEP, a YAML file or a name such as digits-defenses.

    Writes sweep.md, sweep.csv and sweep.json, each row's mean and spread over its seeds, and a picture of
    them, sweep.png; where the sweep compares rows at equal accuracy, equal-accuracy.png too. What is done
    stays done: a sweep that was stopped or killed goes on with the same command, also within a training. A
    unit that fails stops no other and ends the command with exit code 1.

    \b
    Examples:
      lavarobust sweep digits-defenses --dry-run
      lavarobust sweep digits-defenses --workers 2 threads=1
      lavarobust sweep mine.yaml --results results --workers 4 seed=0 training.epochs=5
    """
    if data_root is not None:
        overrides = (*overrides, f"data.root={json.dumps(data_root)}")
    if dry_run:
        from lavarobust.experiment.sweep.plan import plan_sweep

        _show_plan(plan_sweep(sweep, out, results, overrides))
        return
    from lavarobust.cli.sweep_progress import watcher
    from lavarobust.reporting.sweep import sweep as run_sweep

    with watcher(quiet) as watching:
        result = run_sweep(
            sweep, out, results=results, workers=workers, overrides=overrides, watcher=watching
        )
    for table in result.tables:
        show_report_table(table)
    click.echo("Files:")
    for path in (
        result.markdown, result.csv, result.json, result.plot, result.equal_plot, result.results
    ):  # fmt: skip
        if path is not None:
            click.echo(f"  {path}")
    write_json(json_path, result.as_dict())
    for failure in result.failures:
        click.echo(f"failed: {failure.unit.name}: {failure.reason} (log: {failure.log})", err=True)
    if result.failures:
        click.echo(f"{count(len(result.failures), 'unit')} failed; the same command tries again", err=True)
        raise SystemExit(1)


def _show_plan(plan: SweepPlan) -> None:
    show_table(
        ("row", "unit", "seed", "shard", "state"),
        [
            (
                unit.row,
                unit.name,
                str(unit.recipe.seed),
                f"{unit.shard + 1} of {unit.shards}",
                plan.state(unit),
            )
            for unit in plan.units
        ],
        left=2,
    )
    click.echo(f"{count(len(plan.units), 'unit')}, {len(plan.done)} done; results in {plan.results}")
