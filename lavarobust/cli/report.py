"""The verbs that end in a page of models: ``report`` and ``demo``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from lavarobust.cli.options import image_options, plan_options, profile_option, split_choices
from lavarobust.cli.output import Progress

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from lavarobust.reporting import ReportResult, Table

_PIPE_WIDTH = 120


@click.command("report", short_help="One page of models: accuracy, robustness, energy, spikes.")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--out", metavar="FOLDER", help="Of the report [default: the run's, the runs' common parent, or "
    "runs/NAME-report for files]."
)  # fmt: skip
@click.option("--attacked", type=click.IntRange(min=0), default=100, show_default=True, metavar="N",
              help="Attack the first N images for the curve; 0 for none.")  # fmt: skip
@click.option("--epsilon", "epsilons", type=float, multiple=True, metavar="E",
              help="Radius of the curve; may be given several times [default: the recipe's and others "
              "around them].")  # fmt: skip
@click.option("--synthetic", type=float, metavar="RATE",
              help="Spikes per input and step in place of images, for a file without data: counts and costs, "
              "no accuracy.")  # fmt: skip
@profile_option
@image_options
@plan_options
def report_command(
    runs: tuple[str, ...],
    out: str | None,
    attacked: int,
    epsilons: tuple[float, ...],
    synthetic: float | None,
    profiles: tuple[str, ...],
    **choices: Any,
) -> None:
    """Write one page of RUNS side by side: what each model is, does, withstands and costs.

    A RUN is a run's folder, a .net file, or the name of a model of the package. Runs are exported and
    evaluated where they have not been, which executes their test images on Lava. Writes report.html, which
    needs no other file and no network, and the same content as report.md and report.json. The result of
    a suite of attacks is shown where it lies beside the model as NAME.suite.json.

    \b
    Examples:
      lavarobust report runs/digits-plain-0
      lavarobust report runs/demo/digits-plain runs/demo/digits-adversarial --out report
      lavarobust report digits-adversarial --out report
      lavarobust report other.net --steps 32 --encoding rate --data mnist --limit 200 --attacked 50
      lavarobust report other.net --steps 32 --synthetic 0.1
    """
    from dataclasses import replace

    from lavarobust.reporting import report
    from lavarobust.reporting.write import LIMIT, PROFILES

    images, plan = split_choices(choices)
    with Progress() as progress:
        result = report(
            runs,
            out,
            _say,
            images=images if images.limit or synthetic is not None else replace(images, limit=LIMIT),
            plan=plan,
            attacked=attacked,
            epsilons=epsilons,
            profiles=profiles or PROFILES,
            steps=progress,
            synthetic=synthetic,
        )
    _show(result)


@click.command("demo", short_help="The whole road on digits, with a plain and a robust network.")
@click.option(
    "--out", metavar="FOLDER", default="runs/demo", show_default=True, help="Of the runs and the report."
)
@click.option("--force", is_flag=True, help="Train again although there are finished runs.")
def demo_command(out: str, force: bool) -> None:
    """Train, deploy, execute, attack and price a plain and an adversarially trained network on digits.

    \b
    Example:
      lavarobust demo
    """
    from lavarobust.reporting.demo import demo

    _show(demo(out, force, _say))


def _say(text: str) -> None:
    click.echo(f"-- {text}", err=True)


def _show(result: ReportResult) -> None:
    from rich.console import Console

    # a pipe has no width, and must not lose text to one
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    for table in result.tables:
        console.print(_grouped(table))
        for note in table.notes:
            console.print(note, markup=False)
        console.print()
    click.echo("Files:")
    for path in (result.html, result.markdown, result.json, *result.files):
        click.echo(f"  {path}")


def _grouped(table: Table) -> RichTable:
    """The table with each model's name as a row of its own: narrow enough for 80 columns."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table as RichTable

    shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column(table.columns[1], no_wrap=True)
    for place, name in enumerate(table.columns[2:], 2):
        shown.add_column(name, justify="left" if place < table.left else "right", overflow="fold")
    model = None
    for row in table.rows:
        if row[0] != model:
            model = row[0]
            shown.add_section()
            shown.add_row(f"[bold]{escape(model)}[/bold]")
        shown.add_row(f"  {escape(row[1])}", *map(escape, row[2:]))
    return shown
