"""Which units of a sweep are done, and doing the others."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lavarobust.errors import SettingsError, StoppedError
from lavarobust.experiment.run_folder import RUNS
from lavarobust.experiment.sweep.file import Axis, load_sweep
from lavarobust.experiment.sweep.pool import Failure, Job, Watcher, run_jobs
from lavarobust.experiment.sweep.results import Result, read_results
from lavarobust.experiment.sweep.unit import Unit
from lavarobust.files import make_folder

_LOCK_FILE = ".lock"


@dataclass(frozen=True, eq=False)
class SweepPlan:
    """A sweep, and what of it is done.

    Attributes:
        name: of the sweep.
        folder: of its runs, logs and tables.
        results: folder of its units' results.
        units: all of them, row by row.
        done: results that are there already, by the unit's key; of these units only.
        against: the row that others are compared with, or None.
        axis: what curves are drawn over, or None.
        equal_accuracy: the row beside which others are put at equal accuracy, or None.
    """

    name: str
    folder: Path
    results: Path
    units: tuple[Unit, ...]
    done: dict[str, Result]
    against: str | None
    axis: Axis | None
    equal_accuracy: str | None = None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The units that are not done."""
        return tuple(
            Job(
                unit,
                self.folder / "units" / f"{unit.name}.json",
                self.folder / "runs",
                self.folder / "logs" / f"{unit.name}.log",
                self.results / f"{unit.name}.json",
            )
            for unit in self.units
            if unit.key not in self.done
        )

    def state(self, unit: Unit) -> str:
        """``done``, ``begun`` or ``to do``."""
        if unit.key in self.done:
            return "done"
        return "begun" if (self.folder / "runs" / unit.run_name).is_dir() else "to do"


def plan_sweep(
    sweep: str | Path,
    out: str | Path | None = None,
    results: str | Path | None = None,
    overrides: Iterable[str] = (),
) -> SweepPlan:
    """Expand a sweep and look up what is done; nothing is written.

    Args:
        sweep: a YAML file, or the name of a sweep of the package.
        out: folder of the sweep; None for ``runs/<name>``.
        results: folder of results, whose results count as done; None for ``results`` in the sweep's.
        overrides: ``key=value`` for every recipe.

    Raises:
        SettingsError: an impossible sweep.
        DataError: a damaged result.
    """
    name, units, against, axis, equal = load_sweep(sweep, overrides)
    folder = Path(out) if out is not None else RUNS / name
    place = Path(results) if results is not None else folder / "results"
    there = read_results(place)
    done = {unit.key: there[unit.key] for unit in units if unit.key in there}
    return SweepPlan(name, folder, place, units, done, against, axis, equal)


def run_plan(plan: SweepPlan, workers: int, watcher: Watcher) -> tuple[Failure, ...]:
    """Do what is not done; returns what failed.

    Raises:
        SettingsError: another process works on the same folder.
        StoppedError: Ctrl-C; says what is done.
    """
    jobs = plan.jobs
    if not jobs:
        return ()
    make_folder(plan.folder)
    with _alone(plan.folder):
        try:
            return run_jobs(jobs, workers, watcher)
        except KeyboardInterrupt:
            done = len(plan.done) + sum(job.result.is_file() for job in jobs)
            raise StoppedError(
                f"stopped; {done} of {len(plan.units)} units are done. The same command goes on"
            ) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Refuse a second sweep in the folder; the lock ends with its process, however that ends."""
    with open(folder / _LOCK_FILE, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(
                f"{folder}: another sweep is at work there. Wait for it, or choose another folder (--out)"
            ) from None
        yield
