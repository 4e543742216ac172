"""Robustness of a deployed model to a suite of attacks, with the diagnosis of it: ``attack --suite``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.attacks.campaign import Standing, Target, joined, run_suite
from lavarobust.attacks.diagnosis import Diagnosis, diagnose
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.suites import Member, Suite, named_suite
from lavarobust.attacks.threat import Norm, ThreatModel
from lavarobust.attacks.verdict import FINAL_DRAWS, check_votes
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.errors import SettingsError
from lavarobust.execution import Backend, chosen_backend
from lavarobust.execution.workers import Workers
from lavarobust.experiment.evaluation_folder import claim, description, read_standing, write_standing
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.plan import execute
from lavarobust.experiment.robustness import Robustness, summarised
from lavarobust.experiment.run import PlanChoice, Prepared, prepare
from lavarobust.experiment.shipped import model_path
from lavarobust.record import Record

BLOCK = 256
"""Samples attacked by one process between two looks at its file; no result depends on it."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class BenchmarkReport:
    """A suite against one file.

    Attributes:
        model, backend: names; every figure belongs to both.
        suite: which attacks ran.
        source: which images.
        seed: key of the attacks' draws.
        expectation, votes: draws per gradient and per verdict, of a model that draws; None of others.
        labels: ``(N,)`` true classes of the images.
        results: per threat model, in the order asked for.
        assumptions: values that neither file nor caller gave.
    """

    model: str
    backend: str
    suite: Suite
    source: str
    seed: int
    expectation: int | None
    votes: int | None
    labels: np.ndarray
    results: tuple[Robustness, ...]
    assumptions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; without the adversarial images."""
        plain = {name: getattr(self, name) for name in ("model", "backend", "source", "seed")}
        plain |= {"suite": self.suite.name, "expectation": self.expectation, "votes": self.votes}
        plain["results"] = [result.as_dict() for result in self.results]
        return plain | {"assumptions": list(self.assumptions)}


def benchmark(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    *,
    suite: str = "adaptive",
    epsilons: Sequence[float] = (0.1,),
    norm: Norm = "linf",
    rule: GradientRule = Surrogate(),  # noqa: B008
    other: str | Path | None = None,
    expectation: int = 10,
    votes: int = 11,
    backend: str = "simulator",
    workers: int = 1,
    seed: int = 0,
    folder: str | Path | None = None,
    progress: Progress | None = None,
) -> BenchmarkReport:
    """Attack a ``.net`` file with a suite, judge what it finds, and say whether to believe it.

    The same seed gives the same adversarial images, whatever the number of workers and after any stop.

    Args:
        path: a NetX file of ours or of lava-dl, or the name of a model of the package.
        images: which images; by default the test part of the data set that the file names.
        plan: T, encoding and readout, for files that don't say.
        suite: ``quick``, ``standard``, ``adaptive`` or ``exhaustive``.
        epsilons: radii in pixel units, pixels being in [0, 1].
        norm: ``linf`` or ``l2``.
        rule: how the model's trainer took gradients through spikes; the suite has others beside it.
        other: another file for the same task, from which images are transferred; None for none.
        expectation: draws that a gradient is averaged over, where the model draws.
        votes: draws that judge an image then; odd.
        backend: what executes clean and adversarial images and has the last word.
        workers: processes side by side.
        seed: key of the attacks' draws.
        folder: what is found is kept there after every attack, and the same call goes on from it.
        progress: told how far it is.

    Raises:
        SettingsError: an unknown suite, an impossible budget, or a folder of another evaluation.
        ModelFileError, DataError, BackendError, MissingPackageError: each with its place and remedy.
    """
    prepared = prepare(path, images, plan)
    part, deployment = prepared.chosen.images, prepared.plan.as_deployment(prepared.model)
    samples = checked_samples(part.images, part.labels, part.indices)
    target = Target(prepared.model, deployment, _other(other), seed, expectation, votes)
    threats = [ThreatModel(epsilon, norm) for epsilon in epsilons]
    chosen = named_suite(suite, rule, other is not None)
    _check(target, chosen, threats)
    keeping = None if folder is None else Path(folder)
    if keeping is not None:
        files = [model_path(file) for file in (path, other) if file is not None]
        claim(keeping, description(target, chosen, samples, files, prepared.plan))
    report = progress or (lambda what, done, total: None)
    standings = _attacked(target, chosen, samples, threats, keeping, workers, report)
    diagnoses = _diagnosed(target, chosen, samples, threats, standings, workers, report)
    judge = chosen_backend(backend, workers if backend == "lava" else 1)
    report(f"clean images on {judge.name}", 0, len(samples))
    clean = _executed(judge, prepared, samples, target)
    results = []
    for threat, standing, diagnosis in zip(threats, standings, diagnoses, strict=True):
        report(f"adversarial images at {threat.epsilon:.4g} on {judge.name}", 0, len(samples))
        attacked = _executed(judge, prepared, replace(samples, images=standing.images), target)
        results.append(summarised(chosen, threat, samples, standing, clean, attacked, diagnosis))
    draws = target.victim().stochastic
    return BenchmarkReport(
        model=prepared.model.name,
        backend=judge.name,
        suite=chosen,
        source=prepared.chosen.source,
        seed=seed,
        expectation=expectation if draws else None,
        votes=votes if draws else None,
        labels=samples.labels,
        results=tuple(results),
        assumptions=prepared.assumptions,
    )


def _other(path: str | Path | None) -> Any:
    if path is None:
        return None
    prepared = prepare(path, DataChoice(limit=1))
    return prepared.model, prepared.plan.as_deployment(prepared.model)


def _check(target: Target, suite: Suite, threats: Sequence[ThreatModel]) -> None:
    """Refuse what can't be done before anything takes time."""
    if not threats:
        raise SettingsError("a benchmark needs at least one epsilon.")
    if len(set(threats)) < len(threats):
        raise SettingsError("an epsilon is given twice.")
    check_votes(target.votes)
    for member in suite.members:
        target.attacked(member)


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

    for task, standing in _calls(workers, attack_block, tasks, told):
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

    for task, diagnosis in _calls(workers, diagnose_one, tasks, told):
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


def _calls(
    workers: int,
    function: Callable[..., Any],
    tasks: Sequence[tuple[Any, ...]],
    told: Callable[[int, Any], None],
) -> Any:
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


def _executed(judge: Backend, prepared: Prepared, samples: Samples, target: Target) -> list[Record]:
    """The images on the backend: once, or once per draw that judges."""
    stochastic = target.victim().stochastic
    draws = range(FINAL_DRAWS, FINAL_DRAWS + target.votes) if stochastic else range(1)
    return [
        execute(judge, prepared.model, prepared.plan, samples.images, samples.indices, draw=draw)
        for draw in draws
    ]


def _file(threat: ThreatModel, start: int) -> str:
    return f"{threat.norm}-{threat.epsilon!r}-{start:06d}.npz"
