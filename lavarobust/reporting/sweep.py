"""The ``sweep`` verb: work off what is not done, and write one table of everything that is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lavarobust.experiment.sweep.equal_accuracy import EqualAccuracy, equal_accuracy
from lavarobust.experiment.sweep.gather import SweepRow, gather
from lavarobust.experiment.sweep.plan import plan_sweep, run_plan
from lavarobust.experiment.sweep.pool import Failure, Silent, Watcher
from lavarobust.files import atomic_write, make_folder
from lavarobust.reporting.equal_accuracy import equal_accuracy_plot, equal_accuracy_tables
from lavarobust.reporting.sweep_plot import sweep_plot
from lavarobust.reporting.sweep_tables import sweep_csv, sweep_tables
from lavarobust.reporting.tables import Table

JSON_FILE, CSV_FILE, MARKDOWN_FILE, PLOT_FILE = "sweep.json", "sweep.csv", "sweep.md", "sweep.png"
EQUAL_FILE = "equal-accuracy.png"


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A sweep that was worked off.

    Attributes:
        name: of the sweep.
        rows: of the table, gathered from the units that are done.
        failures: units that came to no result, each with its log.
        units, done: how many there are, and how many have a result.
        results: folder of the units' results.
        json, csv, markdown: the table's files.
        plot: the same as a picture.
        tables: what the last table's file holds, to print.
        equal_accuracy: the rows and their ANN at equal clean accuracy; None where the sweep does not ask for
            it, or has units that are not done.
        equal_plot: its picture; None where the sweep does not ask for it.
    """

    name: str
    rows: tuple[SweepRow, ...]
    failures: tuple[Failure, ...]
    units: int
    done: int
    results: Path
    json: Path
    csv: Path
    markdown: Path
    plot: Path
    tables: tuple[Table, ...]
    equal_accuracy: EqualAccuracy | None = None
    equal_plot: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {
            "sweep": self.name,
            "units": self.units,
            "done": self.done,
            "rows": [row.as_dict() for row in self.rows],
            "equal_accuracy": None if self.equal_accuracy is None else self.equal_accuracy.as_dict(),
            "failures": [
                {"unit": failure.unit.name, "reason": failure.reason, "log": str(failure.log)}
                for failure in self.failures
            ],
        }


def sweep(
    sweep: str | Path,
    out: str | Path | None = None,
    *,
    results: str | Path | None = None,
    workers: int = 1,
    overrides: Iterable[str] = (),
    watcher: Watcher = Silent(),  # noqa: B008
) -> SweepResult:
    """Train, deploy and evaluate every recipe and seed of a sweep; what has a result is not done again.

    A sweep that was stopped or killed goes on where it was, also within a training. A unit that fails stops
    no other.

    Args:
        sweep: a YAML file, or the name of a sweep of the package.
        out: folder of the sweep's runs, logs and table; None for ``runs/<name>``.
        results: folder of the units' results; what is in it counts as done. None for one in ``out``.
        workers: units side by side, each in a process of its own with its recipe's ``threads``.
        overrides: ``key=value`` for every recipe; ``threads=1`` is one.
        watcher: told how it gets on.

    Raises:
        SettingsError: an impossible sweep, or another one at work in the folder.
        DataError: a damaged result, or one that does not say what a comparison at equal accuracy needs.
        StoppedError: Ctrl-C.
        WriteError: a folder can't be written.
    """
    overrides = tuple(overrides)
    failures = run_plan(plan_sweep(sweep, out, results, overrides), workers, watcher)
    plan = plan_sweep(sweep, out, results, overrides)
    rows = gather(plan.units, plan.done)
    make_folder(plan.folder)
    tables, equal, drawn = sweep_tables(rows, plan.against), None, None
    if plan.equal_accuracy is not None:
        assert plan.axis is not None, "a sweep without one is refused"
        equal = equal_accuracy(rows, plan.axis, plan.equal_accuracy)
        tables = (*tables, *equal_accuracy_tables(equal))
        drawn = plan.folder / EQUAL_FILE
        atomic_write(drawn, equal_accuracy_plot(equal, rows, plan.axis))
    result = SweepResult(
        name=plan.name,
        rows=rows,
        failures=failures,
        units=len(plan.units),
        done=len(plan.done),
        results=plan.results,
        json=plan.folder / JSON_FILE,
        csv=plan.folder / CSV_FILE,
        markdown=plan.folder / MARKDOWN_FILE,
        plot=plan.folder / PLOT_FILE,
        tables=tables,
        equal_accuracy=equal,
        equal_plot=drawn,
    )
    text = "\n\n".join(table.markdown() for table in result.tables)
    atomic_write(result.json, (json.dumps(result.as_dict(), indent=2, allow_nan=False) + "\n").encode())
    atomic_write(result.csv, sweep_csv(rows).encode())
    atomic_write(result.markdown, f"# Sweep {plan.name}\n\n{text}\n".encode())
    atomic_write(result.plot, sweep_plot(rows, plan.axis))
    return result
