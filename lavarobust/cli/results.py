"""Verbs that end in tables: report and demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lavarobust.reporting import ReportResult


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
    from rich.table import Table

    console = Console()
    for table in result.tables:
        shown = Table(*table.columns, title=table.title)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
        for note in table.notes:
            console.print(note, highlight=False)
    console.print("Files:", highlight=False)
    for path in (result.markdown, result.json, *result.files):
        console.print(f"  {path}", highlight=False, soft_wrap=True)
