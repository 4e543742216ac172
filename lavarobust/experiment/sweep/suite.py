"""A suite of attacks on a unit's model, in plain data that shards and seeds can be gathered from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lavarobust.attacks.campaign import Target
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.suites import fitted, named_suite
from lavarobust.attacks.threat import ThreatModel
from lavarobust.data import Images
from lavarobust.execution import backend
from lavarobust.experiment.evaluation_folder import FORMAT, claim, description
from lavarobust.experiment.plan import plan_for
from lavarobust.experiment.stages import DeployedRun
from lavarobust.experiment.suite_run import Evaluation, Progress, evaluate_suite
from lavarobust.netx import read_model
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model

FOLDER = f"suite-{FORMAT}"
"""In a run's; an evaluation of an older format lies elsewhere, and is made anew."""

_LEFT_OUT = ("decided", "queries_curve")
"""Of every sample, or of one attack's every query: too much for a result."""


def suite_results(
    run: DeployedRun,
    images: Images,
    name: str,
    audited: int,
    shard: str,
    other: Path | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Attack a run's executed integers with a suite at every epsilon of its recipe.

    Args:
        images: at least one.
        name: of the suite.
        audited: images per epsilon that Lava executes too.
        shard: names the folder in the run's, from which a stopped evaluation goes on.
        other: the model file of another seed, from which images are transferred; None for none.
        progress: told how far it is.

    Returns:
        Per epsilon :meth:`lavarobust.experiment.robustness.Robustness.as_dict`, less what is of one sample.
    """
    samples = checked_samples(images.images, images.labels, images.indices)
    carried = None if other is None else _deployed(other)
    target = Target(run.model, run.plan.as_deployment(run.model), carried, run.recipe.seed)
    whole = named_suite(name, run.surrogate, other is not None)
    suite, _ = fitted(whole, "linf", samples.images.ndim, target.recurrent)
    folder = Path(run.folder.path) / FOLDER / shard
    files = [file for file in (run.model_file, other) if file is not None]
    claim(folder, description(target, suite, samples, files, run.plan))
    evaluation = Evaluation(target, run.plan, suite, samples, backend("simulator"), audited)
    threats = [ThreatModel(epsilon) for epsilon in run.recipe.attack.epsilon]
    found = evaluate_suite(evaluation, threats, folder=folder, progress=progress)
    return [_kept(result.as_dict()) for result in found]


def _deployed(file: Path) -> tuple[Model, Deployment]:
    model = read_model(file)
    return model, plan_for(model).as_deployment(model)


def _kept(plain: dict[str, Any]) -> dict[str, Any]:
    """Without what is too much, and without the name of a file of this machine."""
    audit = plain["audit"]
    named = {} if audit is None else {"audit": {key: audit[key] for key in audit if key != "model"}}
    return {key: value for key, value in plain.items() if key not in _LEFT_OUT} | named
