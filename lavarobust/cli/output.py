"""What verbs print and write: aligned tables, assumptions, progress, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from lavarobust.files import atomic_write

if TYPE_CHECKING:
    from lavarobust.reporting import Table


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print aligned columns, the first ``left`` of them to the left and all others to the right."""
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    for row in (columns, *rows):
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo(("  " + "  ".join(cells)).rstrip())


def show_report_table(table: Table) -> None:
    """Print a report's table with its title and notes."""
    click.echo(table.title)
    show_table(table.columns, table.rows, left=2)
    click.echo("\n".join((*table.notes, "")))


def show_assumptions(assumptions: Sequence[str]) -> None:
    """Say what nobody said."""
    for sentence in assumptions:
        click.echo(f"note: {sentence}", err=True)


def count(number: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def write_json(path: str | None, content: dict[str, Any]) -> None:
    """Write a result where one is asked for; raises WriteError."""
    if path is not None:
        atomic_write(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())
        click.echo(f"wrote {path}")


def save_arrays(path: str | None, arrays: dict[str, Any]) -> None:
    """Write arrays by their names as .npz where that is asked for; raises WriteError."""
    if path is None:
        return
    import numpy as np

    from lavarobust.files import replacing

    with replacing(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **arrays)
    click.echo(f"wrote {path}")


class Progress:
    """How far it is, on standard error: one changing line on a terminal, a line per step elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` images are through ``what``."""
        line = f"{what}: {done}/{total}"
        if self._terminal:
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)
        elif done:
            click.echo(line, err=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            click.echo("\r\x1b[K", err=True, nl=False)
