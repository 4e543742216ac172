"""Units side by side, each in a process of its own: what fails or is killed takes nothing else along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lavarobust.errors import SettingsError
from lavarobust.execution.workers import worker_environment
from lavarobust.experiment.export import EXPORT_FILE
from lavarobust.experiment.sweep.unit import Unit
from lavarobust.files import atomic_write, make_folder

_GRACE_SECONDS = 10.0
"""How long units may take to end after Ctrl-C before they are killed."""

_LOOK_SECONDS = 0.1
_LINE_BYTES = 4096


@dataclass(frozen=True)
class Job:
    """A unit and its files.

    Attributes:
        unit: what is to be done.
        file: the unit as JSON.
        runs: folder of run folders.
        log: what its process prints.
        result: written when it is done.
    """

    unit: Unit
    file: Path
    runs: Path
    log: Path
    result: Path

    @property
    def run_folder(self) -> Path:
        """Shared with the other shards of the run."""
        return self.runs / self.unit.run_name


@dataclass(frozen=True)
class Failure:
    """A unit that came to no result.

    Attributes:
        unit: which.
        reason: the last line of its log.
        log: the whole of it.
    """

    unit: Unit
    reason: str
    log: Path


class Watcher(Protocol):
    """Told how a pool gets on; each call returns at once."""

    def planned(self, jobs: Sequence[Job]) -> None:
        """These are to be done."""

    def started(self, job: Job) -> None:
        """A process begins with the unit, or goes on with it."""

    def ended(self, job: Job, failure: Failure | None, seconds: float) -> None:
        """It has ended; ``failure`` is None where its result is there."""

    def running(self, jobs: Sequence[Job]) -> None:
        """These are at work; called several times a second."""


class Silent(Watcher):
    """Says nothing."""

    def planned(self, jobs: Sequence[Job]) -> None:
        return

    def started(self, job: Job) -> None:
        return

    def ended(self, job: Job, failure: Failure | None, seconds: float) -> None:
        return

    def running(self, jobs: Sequence[Job]) -> None:
        return


def run_jobs(jobs: Sequence[Job], workers: int, watcher: Watcher) -> tuple[Failure, ...]:
    """Work off jobs, at most ``workers`` at a time, in their order.

    Shards of a run that is not exported yet wait for the first of them, in the queue, where they hold no
    worker up; units that need another seed's run wait for it in their processes. Processes end with this one,
    however it ends; what they have written is kept, and the same jobs go on from there.

    Returns:
        The units that failed; the others have their result.

    Raises:
        SettingsError: fewer than one worker.
        WriteError: a folder can't be written.
        KeyboardInterrupt: after Ctrl-C, when all processes have ended.
    """
    if workers < 1:
        raise SettingsError(f"--workers {workers}: at least one process is needed.")
    watcher.planned(jobs)
    waiting, running, failures = list(jobs), list[_Running](), list[Failure]()
    try:
        while waiting or running:
            while len(running) < workers and (job := _next(waiting, running)) is not None:
                waiting.remove(job)
                running.append(_start(job))
                watcher.started(job)
            watcher.running([each.job for each in running])
            time.sleep(_LOOK_SECONDS)
            for each in [each for each in running if each.process.poll() is not None]:
                running.remove(each)
                failure = _failure(each)
                failures += [] if failure is None else [failure]
                watcher.ended(each.job, failure, time.monotonic() - each.since)
    finally:
        _stop(running)
    return tuple(failures)


def last_line(log: Path) -> str:
    """The last line of a log that says anything; a carriage return begins a line too."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(stream.seek(0, os.SEEK_END) - _LINE_BYTES, 0))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    return next((line for line in reversed(lines) if line), "")


@dataclass(frozen=True, eq=False)
class _Running:
    job: Job
    process: subprocess.Popen[bytes]
    since: float


def _next(waiting: Sequence[Job], running: Collection[_Running]) -> Job | None:
    """The first that shares its run with nobody, or whose run is exported."""
    taken = {each.job.run_folder for each in running}
    return next(
        (job for job in waiting if job.run_folder not in taken or (job.run_folder / EXPORT_FILE).is_file()),
        None,
    )


def _start(job: Job) -> _Running:
    for folder in {job.file.parent, job.log.parent}:
        make_folder(folder)
    atomic_write(job.file, (json.dumps(job.unit.as_dict(), indent=1) + "\n").encode())
    command = ["lavarobust.experiment.sweep.work", str(job.file), "--runs", str(job.runs)]
    with open(job.log, "ab") as log:  # what an earlier process printed stays
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--result", str(job.result), "--caller", str(os.getpid())],
            env=worker_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches the caller alone
        )
    return _Running(job, process, time.monotonic())


def _failure(ended: _Running) -> Failure | None:
    code, job = ended.process.returncode, ended.job
    if code == 0 and job.result.is_file():
        return None
    if code < 0:
        reason = f"killed by signal {-code}" + (
            " (often a lack of memory)" if code == -signal.SIGKILL else ""
        )
    else:
        reason = last_line(job.log) or f"ended with exit code {code}"
    return Failure(job.unit, reason, job.log)


def _stop(running: Sequence[_Running]) -> None:
    """Interrupt what still runs, and kill what does not end."""
    for each in running:
        each.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + _GRACE_SECONDS
    for each in running:
        with suppress(subprocess.TimeoutExpired):
            each.process.wait(max(deadline - time.monotonic(), 0))
        with suppress(ProcessLookupError):  # also what it started and has not ended
            os.killpg(each.process.pid, signal.SIGKILL)
        each.process.wait()
