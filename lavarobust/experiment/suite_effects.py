"""What a suite's attacks do beside fooling a model: to its bill, and at the other stages of its road."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lavarobust.attacks.settings import AttackSettings
from lavarobust.attacks.suites import WHITE_BOX, Suite
from lavarobust.data import Images
from lavarobust.energy import Profile
from lavarobust.errors import SettingsError
from lavarobust.experiment.attack_cost import AttackCost, cost_of_suite
from lavarobust.experiment.benchmark import BenchmarkReport
from lavarobust.experiment.export import MODEL_FILE
from lavarobust.experiment.gap import Gap, gap
from lavarobust.experiment.robustness import Robustness
from lavarobust.experiment.run_folder import RunFolder
from lavarobust.experiment.shipped import model_path
from lavarobust.experiment.stages import DeployedRun, load_deployed
from lavarobust.experiment.suite_run import Progress
from lavarobust.netx import read_model


def run_of(path: str | Path) -> DeployedRun:
    """The run that a model file lies in.

    Raises:
        SettingsError: it lies in none, so that there is no network in float.
        ModelFileError: it is no model file.
        RunFolderError, CheckpointError: a damaged run.
    """
    file = model_path(path)
    read_model(file)  # says what is wrong with one that is none
    if file.name != MODEL_FILE or not RunFolder(file.parent).finished:
        raise SettingsError(
            f"{file}: the gap is from the network in float, and that lies in the run folder of a training. "
            f"Give the {MODEL_FILE} of one"
        )
    return load_deployed(file.parent)


def costs_of(
    report: BenchmarkReport, tables: Sequence[Profile], progress: Progress | None = None
) -> tuple[AttackCost, ...]:
    """Per threat model, what a suite's worst images cost, and those of an attack on the cost itself.

    Args:
        tables: of prices.
        progress: told how far it is.

    Raises:
        SettingsError: as :func:`lavarobust.experiment.attack_cost.check_priced`, or a table without a price
            for the model's operations.
        BackendError: the judge can't run the model.
    """
    asked, told = report.evaluation, progress or (lambda what, done, total: None)

    def cost(result: Robustness) -> AttackCost:
        threat = result.threat
        told(f"cost of attacked images at {threat.epsilon:.4g}", 0, len(asked.samples))
        return cost_of_suite(asked.target, asked.suite, asked.samples, result, threat, asked.judge, tables)

    return tuple(cost(result) for result in report.results)


def gaps_of(report: BenchmarkReport, run: DeployedRun, progress: Progress | None = None) -> tuple[Gap, ...]:
    """Per threat model, the suite's attacks by gradients made on either side and shown to both.

    They go through the run's own surrogate; on the integers the suite's worst images stand beside them. What
    a model draws is that of draw 0, in attack and verdict.

    Args:
        run: that the file was attacked of.
        progress: told how far it is.

    Raises:
        SettingsError: the file was not run as the run says, so that the stages are not comparable.
        DataError, BackendError: as the attacks, victims and backends.
    """
    asked, told = report.evaluation, progress or (lambda what, done, total: None)
    if any(getattr(asked.plan, name) != getattr(run.plan, name) for name in ("steps", "encoding", "readout")):
        raise SettingsError(
            f"{run.model_file}: was attacked with other steps, encoding or readout than it was trained with, "
            "which the network in float does not have. Leave them to the file"
        )
    samples = asked.samples
    images = Images(samples.images, samples.labels, samples.indices)
    attacks = gradient_attacks(asked.suite)

    def shown(result: Robustness) -> Gap:
        told(f"float, SLAYER and executed at {result.threat.epsilon:.4g}", 0, len(samples))
        worst = {f"suite {asked.suite.name}": result.images}
        return gap(run, images, attacks, result.threat, asked.judge, report.seed, worst)

    return tuple(shown(result) for result in report.results)


def gradient_attacks(suite: Suite) -> tuple[AttackSettings, ...]:
    """The attacks of a suite that follow the model's own gradients, each once, whatever rules it goes by."""
    found = [
        member.settings
        for member in suite.members
        if member.rule is not None
        and member.source == WHITE_BOX
        and isinstance(member.settings, AttackSettings)
    ]
    return tuple(dict.fromkeys(found))
