"""The verbs that end in tables of runs: ``report`` and ``demo``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from lavarobust.reporting import ReportResult, Table

_PIPE_WIDTH = 120


@click.command("report", short_help="Compare runs: accuracy of every stage, work and energy.")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--out", metavar="FOLDER", help="Of the report [default: the run's, or the runs' common parent]."
)
def report_command(runs: tuple[str, ...], out: str | None) -> None:
    """Compare run folders RUNS side by side: accuracy of every stage, work and energy.

    Exports and evaluates runs that have not been, executing their test images on Lava. Writes report.md
    and report.json.

    \b
    Examples:
      lavarobust report runs/digits-plain-0
      lavarobust report runs/demo/digits-plain runs/demo/digits-adversarial --out report
    """
    from lavarobust.reporting import report

    _show(report(runs, out, _say))


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
    for path in (result.markdown, result.json, *result.files):
        click.echo(f"  {path}")


def _grouped(table: Table) -> RichTable:
    """The table with each model's name as a row of its own: narrow enough for 80 columns."""
    from rich import box
    from rich.table import Table as RichTable

    shown = RichTable(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column(table.columns[1], no_wrap=True)
    for name in table.columns[2:]:
        shown.add_column(name, justify="right", overflow="fold")
    model = None
    for row in table.rows:
        if row[0] != model:
            model = row[0]
            shown.add_section()
            shown.add_row(f"[bold]{model}[/bold]")
        shown.add_row(f"  {row[1]}", *row[2:])
    return shown
