"""The whole road in one call: a plain and an adversarially trained network, deployed and compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lavarobust.experiment.evaluate import evaluate_run
from lavarobust.experiment.export import export
from lavarobust.experiment.train import train
from lavarobust.reporting.write import ReportResult, report

RECIPES = ("digits-plain", "digits-adversarial")
FOLDER = Path("runs/demo")


def demo(
    folder: str | Path = FOLDER,
    force: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> ReportResult:
    """Train two networks on digits, deploy them, execute, attack, price, and report.

    A second call goes on where the first was stopped, and evaluates finished trainings again.

    Args:
        folder: of the two runs and the report.
        force: train again although there are runs.
        progress: told what begins.
    """
    runs = []
    for name in RECIPES:
        run = Path(folder) / name
        progress(f"{name}: training")
        train(name, run, resume=not force, force=force)
        progress(f"{name}: deploying")
        export(run)
        evaluate_run(run, report=progress)
        runs.append(run)
    return report(runs, folder)
