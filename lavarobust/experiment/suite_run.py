"""A suite against one deployed model, on processes side by side: attacks, diagnosis, last word, audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.attacks.audit import Audit, audit
from lavarobust.attacks.campaign import Standing, Target, joined, run_suite
from lavarobust.attacks.diagnosis import Diagnosis, diagnose
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Member, Suite
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.verdict import FINAL_DRAWS, check_votes
from lavarobust.errors import SettingsError
from lavarobust.execution import Backend, backend
from lavarobust.execution.workers import Workers
from lavarobust.experiment.evaluation_folder import read_standing, write_standing
from lavarobust.experiment.plan import Plan, execute
from lavarobust.experiment.robustness import Robustness, right_by_vote, summarised
from lavarobust.record import Record

BLOCK = 256
"""Samples attacked by one process between two looks at its file.

What an attack of this package finds for a sample does not depend on it. ``standard`` does: pyautoattack draws
for whole batches, so that a sample's result hangs on the samples beside it in its block. Those are fixed by
which images are asked for (and a sweep's shards), and by nothing else: not by workers, by a victim's chunks
or by a stop."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is attacked, with what, and who has the last word.

    Attributes:
        target: the model and its attacker.
        plan: how the model is run.
        suite: which attacks.
        samples: on what.
        judge: executes clean and adversarial images.
        audited: images of each threat model that Lava executes again.
    """

    target: Target
    plan: Plan
    suite: Suite
    samples: Samples
    judge: Backend
    audited: int = 0


def evaluate_suite(
    evaluation: Evaluation,
    threats: Sequence[ThreatModel],
    workers: int = 1,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Robustness, ...]:
    """Attack, diagnose, execute and audit; a result per threat model.

    Args:
        workers: processes side by side.
        folder: what is found is kept there after every attack, and goes on from there; None for nowhere.
        progress: told how far it is.

    Raises:
        SettingsError: what can't be asked, before anything takes time.
        DataError, BackendError, MissingPackageError: as attacks and backends.
    """
    target, suite, samples, judge = evaluation.target, evaluation.suite, evaluation.samples, evaluation.judge
    _check(evaluation, threats)
    report = progress or (lambda what, done, total: None)
    standings = _attacked(target, suite, samples, threats, folder, workers, report)
    diagnoses = _diagnosed(target, suite, samples, threats, standings, workers, report)
    report(f"clean images on {judge.name}", 0, len(samples))
    clean = _executed(evaluation, samples)
    results = []
    for threat, standing, diagnosis in zip(threats, standings, diagnoses, strict=True):
        report(f"adversarial images at {threat.epsilon:.4g} on {judge.name}", 0, len(samples))
        attacked = _executed(evaluation, replace(samples, images=standing.images))
        first = _after_first(evaluation, standing, attacked)
        audited = _audited(evaluation, standing, report)
        found = summarised(suite, threat, samples, standing, clean, attacked, first, diagnosis, audited)
        results.append(found)
    return tuple(results)


def _check(evaluation: Evaluation, threats: Sequence[ThreatModel]) -> None:
    if not threats:
        raise SettingsError("a suite needs at least one epsilon.")
    if len(set(threats)) < len(threats):
        raise SettingsError("an epsilon is given twice.")
    check_votes(evaluation.target.votes)
    for member in evaluation.suite.members:
        evaluation.target.attacked(member)


def _attacked(
    target: Target,
    suite: Suite,
    samples: Samples,
    threats: Sequence[ThreatModel],
    folder: Path | None,
    workers: int,
    report: Progress,
) -> list[Standing]:
    """Blocks of samples under each threat model, divided among processes."""
    starts = range(0, len(samples), BLOCK)
    places = [(threat, start) for threat in threats for start in starts]
    tasks = [
        (
            target,
            suite,
            samples.take(slice(start, start + BLOCK)),
            threat,
            None if folder is None else folder / _file(threat, start),
        )
        for threat, start in places
    ]
    found: dict[tuple[ThreatModel, int], Standing] = {}
    whole = len(tasks) * len(suite.members)
    done = dict.fromkeys(range(len(tasks)), 0)

    def told(task: int, progress: tuple[Member, int, int]) -> None:
        member, tried, made = progress
        done[task] = made
        threat, start = places[task]
        report(
            f"{suite.name} at {threat.epsilon:.4g}, images from {start}: {member.name} on {tried}, attack",
            sum(done.values()),
            whole,
        )

    for task, standing in calls(workers, attack_block, tasks, told):
        done[task] = len(suite.members)
        found[places[task]] = standing
    return [joined([found[threat, start] for start in starts]) for threat in threats]


def attack_block(
    target: Target,
    suite: Suite,
    samples: Samples,
    threat: ThreatModel,
    file: Path | None,
    report: Callable[[tuple[Member, int, int]], None],
) -> Standing:
    """Run a suite on a block of samples, from its file on where there is one.

    Args:
        report: told each member, how many samples it is tried on, and how many members are done.
    """
    before = read_standing(file, len(samples)) if file is not None and file.is_file() else None
    made = 0 if before is None else len(before.members)

    def told(member: Member, tried: int) -> None:
        nonlocal made
        report((member, tried, made))
        made += 1

    def kept(standing: Standing) -> None:
        if file is not None:
            write_standing(file, standing)

    return run_suite(target, suite, samples, threat, told, kept, before)


def _diagnosed(
    target: Target,
    suite: Suite,
    samples: Samples,
    threats: Sequence[ThreatModel],
    standings: Sequence[Standing],
    workers: int,
    report: Progress,
) -> list[Diagnosis]:
    tasks = [
        (target, suite, samples, threat, standing.robust)
        for threat, standing in zip(threats, standings, strict=True)
    ]
    found: dict[int, Diagnosis] = {}

    def told(task: int, what: str) -> None:
        report(f"diagnosis at {threats[task].epsilon:.4g}: {what}", len(found), len(tasks))

    for task, diagnosis in calls(workers, diagnose_one, tasks, told):
        found[task] = diagnosis
    return [found[task] for task in range(len(tasks))]


def diagnose_one(
    target: Target,
    suite: Suite,
    samples: Samples,
    threat: ThreatModel,
    robust: np.ndarray,
    report: Callable[[str], None],
) -> Diagnosis:
    """:func:`lavarobust.attacks.diagnosis.diagnose`, as worker processes call it."""
    return diagnose(target, suite, samples, threat, robust, report)


def calls(
    workers: int,
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    told: Callable[[int, Any], None],
) -> Iterator[tuple[int, Any]]:
    """Results with their places as they come, from processes where there is more than one worker."""
    if workers == 1:
        for place, task in enumerate(tasks):
            yield place, function(*task, report=lambda value, place=place: told(place, value))
        return
    pool = Workers(workers)
    try:
        yield from pool.run(function, tasks, told)
    finally:
        pool.close()


def _executed(evaluation: Evaluation, samples: Samples) -> list[Record]:
    """The images on the backend: once, or once per draw that judges."""
    target, judge = evaluation.target, evaluation.judge
    many = range(FINAL_DRAWS, FINAL_DRAWS + target.votes)
    draws = many if target.victim().stochastic else range(1)
    return [
        execute(judge, target.model, evaluation.plan, samples.images, samples.indices, draw=draw)
        for draw in draws
    ]


def _after_first(evaluation: Evaluation, standing: Standing, attacked: Sequence[Record]) -> np.ndarray:
    """``(N,)`` bool, right on what the first attack left; what stayed to the end is executed already."""
    samples = replace(evaluation.samples, images=standing.first)
    right = right_by_vote(attacked, samples.labels)
    changed = np.flatnonzero((standing.first != standing.images).reshape(len(samples), -1).any(axis=1))
    if len(changed):
        part = samples.take(changed)
        right[changed] = right_by_vote(_executed(evaluation, part), part.labels)
    return right


def _audited(evaluation: Evaluation, standing: Standing, report: Progress) -> Audit | None:
    count = evaluation.audited
    if count == 0:
        return None
    report("adversarial images on lava", 0, count)
    arguments = (evaluation.target, evaluation.suite, evaluation.samples, standing)
    return audit(*arguments, backend("lava"), count)


def _file(threat: ThreatModel, start: int) -> str:
    return f"{threat.norm}-{threat.epsilon!r}-{start:06d}.npz"
