"""Verbs that end in tables: report and demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from lavarobust.reporting import ReportResult, Table


@click.command("report")
@click.argument("runs", nargs=-1, required=True)
@click.option("--out", help="Folder of the report [default: the run's, or the runs' common parent].")
def report_command(runs: tuple[str, ...], out: str | None) -> None:
    """Compare run folders RUNS side by side: accuracy of every stage, work and energy.

    Exports and evaluates runs that have not been, executing their test images on Lava.

    \b
    Examples:
      lavarobust report runs/digits-plain-0
      lavarobust report runs/demo/digits-plain runs/demo/digits-adversarial --out report
    """
    from lavarobust.reporting import report

    _print(report(runs, out, _say))


@click.command("demo")
@click.option("--out", default="runs/demo", show_default=True, help="Folder of the demo's runs and report.")
@click.option("--force", is_flag=True, help="Train again although there are finished runs.")
def demo_command(out: str, force: bool) -> None:
    """Train, deploy, execute, attack and price a plain and an adversarially trained network on digits.

    \b
    Example:
      lavarobust demo
    """
    from lavarobust.reporting.demo import demo

    _print(demo(out, force, _say))


def _say(text: str) -> None:
    click.echo(f"-- {text}", err=True)


def _print(result: ReportResult) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    for table in result.tables:
        console.print(_grouped(table))
        for note in table.notes:
            console.print(note)
        console.print()
    console.print("Files:")
    for path in (result.markdown, result.json, *result.files):
        console.print(f"  {path}", soft_wrap=True)


def _grouped(table: Table) -> RichTable:
    """The table with each model's name as a row of its own: narrow enough for 80 columns."""
    from rich import box
    from rich.table import Table as RichTable

    shown = RichTable(title=table.title, box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column(table.columns[1], no_wrap=True)
    for name in table.columns[2:]:
        shown.add_column(name, justify="right")
    model = None
    for row in table.rows:
        if row[0] != model:
            model = row[0]
            shown.add_section()
            shown.add_row(f"[bold]{model}[/bold]")
        shown.add_row(f"  {row[1]}", *row[2:])
    return shown
