"""Robustness of a deployed model to a suite of attacks, with the diagnosis of it: ``attack --suite``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.attacks.campaign import Target
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.suites import Suite, fitted, named_suite
from lavarobust.attacks.threat import Norm, ThreatModel
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.execution import chosen_backend
from lavarobust.experiment.evaluation_folder import claim, description
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.robustness import Robustness
from lavarobust.experiment.run import PlanChoice, prepare
from lavarobust.experiment.shipped import model_path
from lavarobust.experiment.suite_run import Evaluation, Progress, evaluate_suite
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model


@dataclass(frozen=True, eq=False)
class BenchmarkReport:
    """A suite against one file.

    Attributes:
        model, backend: names; every figure belongs to both.
        sha256: of the file that was attacked.
        evaluation: what was attacked, with which suite, on what, and who judged it.
        source: which images.
        seed: key of the attacks' draws.
        expectation, votes: draws per gradient and per verdict, of a model that draws; None of others.
        labels: ``(N,)`` true classes of the images.
        results: per threat model, in the order asked for.
        assumptions: values that neither file nor caller gave, and attacks that were left out.
    """

    model: str
    backend: str
    sha256: str
    evaluation: Evaluation
    source: str
    seed: int
    expectation: int | None
    votes: int | None
    labels: np.ndarray
    results: tuple[Robustness, ...]
    assumptions: tuple[str, ...]

    @property
    def suite(self) -> Suite:
        """Which attacks ran."""
        return self.evaluation.suite

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; without the adversarial images."""
        plain = {name: getattr(self, name) for name in ("model", "sha256", "backend", "source", "seed")}
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
    audited: int = 16,
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
        audited: images per epsilon that Lava executes once more, half of them fooling ones; 0 for none.
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
    stochastic = target.victim().stochastic
    whole = named_suite(suite, rule, other is not None)
    chosen, left_out = fitted(whole, norm, samples.images.ndim, target.recurrent)
    judge = chosen_backend(backend, workers if backend == "lava" else 1)
    keeping = None if folder is None else Path(folder)
    if keeping is not None:
        files = [model_path(file) for file in (path, other) if file is not None]
        claim(keeping, description(target, chosen, samples, files, prepared.plan))
    evaluation = Evaluation(target, prepared.plan, chosen, samples, judge, audited)
    results = evaluate_suite(
        evaluation,
        [ThreatModel(epsilon, norm) for epsilon in epsilons],
        workers,
        keeping,
        progress,
    )
    return BenchmarkReport(
        model=prepared.model.name,
        backend=judge.name,
        sha256=hashlib.sha256(model_path(path).read_bytes()).hexdigest(),
        evaluation=evaluation,
        source=prepared.chosen.source,
        seed=seed,
        expectation=expectation if stochastic else None,
        votes=votes if stochastic else None,
        labels=samples.labels,
        results=results,
        assumptions=(*prepared.assumptions, *left_out),
    )


def _other(path: str | Path | None) -> tuple[Model, Deployment] | None:
    if path is None:
        return None
    prepared = prepare(path, DataChoice(limit=1))
    return prepared.model, prepared.plan.as_deployment(prepared.model)
