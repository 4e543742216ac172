"""How a sweep gets on, on standard error: a line per unit, and on a terminal what each is at."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lavarobust.experiment.sweep.pool import Failure, Job, Silent, Watcher, last_line


@contextmanager
def watcher(quiet: bool) -> Iterator[Watcher]:
    """What shows a sweep's progress while the block lasts."""
    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        console = Console(stderr=True, highlight=False)
        with Live(console=console, transient=True, refresh_per_second=4) as live:
            yield Shown(console, live)
    else:
        yield Lines(Console(stderr=True, highlight=False, soft_wrap=True))


class Lines(Watcher):
    """A line when a unit begins and when it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = self._ended = 0

    def planned(self, jobs: Sequence[Job]) -> None:
        self._total = len(jobs)

    def started(self, job: Job) -> None:
        self._say(f"{_title(job)}: started")

    def ended(self, job: Job, failure: Failure | None, seconds: float) -> None:
        self._ended += 1
        what = f"{_title(job)} ({self._ended} of {self._total})"
        if failure is None:
            self._say(f"{what}: done in {seconds:.0f} s")
        else:
            self._say(f"{what}: failed after {seconds:.0f} s: {failure.reason} (log: {failure.log})")

    def running(self, jobs: Sequence[Job]) -> None:
        return

    def _say(self, text: str) -> None:
        self._console.print(f"-- {text}", markup=False, soft_wrap=True)


class Shown(Lines):
    """The same above a table of the units at work, each with its time and the last line of its log."""

    def __init__(self, console: Console, live: Live) -> None:
        super().__init__(console)
        self._live = live
        self._since: dict[str, float] = {}

    def started(self, job: Job) -> None:
        self._since[job.unit.name] = time.monotonic()

    def running(self, jobs: Sequence[Job]) -> None:
        table = Table.grid(padding=(0, 2))
        for _ in range(3):
            table.add_column(no_wrap=True, overflow="ellipsis")
        for job in jobs:
            seconds = time.monotonic() - self._since[job.unit.name]
            table.add_row(Text(_title(job)), f"{seconds:.0f} s", Text(last_line(job.log)))
        table.add_row(f"{self._ended} of {self._total} units")
        self._live.update(table)


def _title(job: Job) -> str:
    unit = job.unit
    shard = f", shard {unit.shard + 1} of {unit.shards}" if unit.shards > 1 else ""
    return f"{unit.row}, seed {unit.recipe.seed}{shard}"
