"""Work off one unit: train, deploy, evaluate. A process of its own, here or on a cluster.

``python -m lavarobust.experiment.sweep.work UNIT.json --runs FOLDER --result FILE``
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lavarobust.errors import LavarobustError, SettingsError, StoppedError
from lavarobust.execution.worker import die_with_caller

if TYPE_CHECKING:
    from lavarobust.experiment.sweep.unit import Unit

EXIT_ERROR, EXIT_STOPPED = 2, 130


def run_unit(unit: Mapping[str, Any], runs: str | Path) -> dict[str, Any]:
    """Do what a unit says, going on where it was stopped, also within the training.

    Done again it comes to the same result. Where its suite transfers images from another seed, that one's
    run is trained and exported too, if it is not there yet; the run is the same whoever makes it. Of
    processes that need a run at the same time one makes it, and the others wait.

    Args:
        unit: as ``Unit.as_dict`` gives it.
        runs: the run's folder is made in it.

    Returns:
        Plain data: the unit, ``counts`` of its images, ``analog`` where its training began with such a
        network, ``suite`` where one ran, accuracies of training and export, ``seconds`` (of this process: a
        training that was ``resumed`` took longer), ``versions``.

    Raises:
        SettingsError, DataError, RunFolderError, TrainingError, ...: as training, export and evaluation.
    """
    from lavarobust.experiment.analog import analog_correct
    from lavarobust.experiment.export import EXPORT_FILE, MODEL_FILE
    from lavarobust.experiment.run_folder import METRICS_FILE, RunFolder, versions
    from lavarobust.experiment.stages import load_deployed
    from lavarobust.experiment.sweep.counting import count_run
    from lavarobust.experiment.sweep.suite import suite_results
    from lavarobust.experiment.sweep.unit import RESULT_VERSION, read_unit
    from lavarobust.experiment.train import run_data, torch_threads

    asked = read_unit(unit, "unit")
    folder = Path(runs) / asked.run_name
    resumed = folder.exists()
    seconds = _exported(asked, folder)
    with _timed("evaluate", seconds), torch_threads(asked.recipe.threads):
        run = load_deployed(folder)
        test = run_data(run.folder).test
        shard = (test if asked.images is None else test.take(asked.images)).shard(asked.shard, asked.shards)
        if shard.samples == 0:
            raise SettingsError(f"{asked.shards} shards of {test.samples} images: give fewer shards")
        counts = count_run(run, shard, asked.on_lava, _say)
        right = analog_correct(folder, shard)
    suite = {}
    if asked.suite is not None:
        other = None
        if asked.other is not None:
            made = Path(runs) / asked.other.run_name
            seconds |= {f"{what}, other seed": took for what, took in _exported(asked.other, made).items()}
            other = made / MODEL_FILE
        few = test.take(asked.suite_images).shard(asked.shard, asked.shards)
        with _timed("suite", seconds):
            found = suite_results(run, few, asked.suite, asked.on_lava, asked.name, other, _say)
        suite = {"suite": found}
    kept = RunFolder(folder)
    metrics, exported = kept.read_json(METRICS_FILE), kept.read_json(EXPORT_FILE)
    plain = asked.as_dict()
    plain["recipe"]["data"]["root"] = None  # a folder of this machine
    return {
        "unit": plain,
        "result_version": RESULT_VERSION,
        "counts": counts.as_dict(),
        **({} if right is None else {"analog": {"correct": right}}),
        **suite,
        "training": {
            "best_epoch": metrics["best_epoch"],
            "train_accuracy": metrics["history"][metrics["best_epoch"] - 1]["train_accuracy"],
            "validation_accuracy": metrics["validation_accuracy"],
        },
        "export": {
            name: exported.get(name)
            for name in (
                "float_accuracy",
                "quantised_accuracy",
                "deployed_accuracy",
                "neurons",
                "gate_opening",
            )
        },
        "seconds": seconds,
        "resumed": resumed,
        "versions": versions(),
    }


def _exported(unit: Unit, folder: Path) -> dict[str, float]:
    """Train and export a unit's run where that has not been done; the seconds that it took."""
    from lavarobust.experiment.export import EXPORT_FILE, export
    from lavarobust.experiment.run_folder import RunFolder
    from lavarobust.experiment.train import train

    seconds: dict[str, float] = {}
    if (folder / EXPORT_FILE).is_file():  # written after the model
        return seconds
    with RunFolder(folder).alone():
        if not (folder / EXPORT_FILE).is_file():
            with _timed("train", seconds):
                train(unit.recipe, folder, resume=True)
            with _timed("export", seconds):
                export(folder)
    return seconds


def main() -> int:
    """Work off the unit of a file; 2 after an error, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description="Train, deploy and evaluate one work unit of a sweep.")
    parser.add_argument("unit", type=Path, help="JSON file of the unit")
    parser.add_argument("--runs", type=Path, required=True, help="folder of run folders")
    parser.add_argument("--result", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--caller", type=int, help="process with which this one ends")
    arguments = parser.parse_args()
    if arguments.caller is not None:
        die_with_caller()
        if os.getppid() != arguments.caller:  # it ended before
            return EXIT_STOPPED
    try:
        work(arguments.unit, arguments.runs, arguments.result)
    except (StoppedError, KeyboardInterrupt) as stop:
        print(str(stop) or "stopped", file=sys.stderr)
        return EXIT_STOPPED
    except LavarobustError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_ERROR
    return 0


def work(unit: Path, runs: Path, result: Path) -> None:
    """Work off the unit in a file, and write its result last: the file is there when it is done."""
    from lavarobust.experiment.sweep.results import write_result
    from lavarobust.files import make_folder

    make_folder(runs)
    make_folder(result.parent)
    write_result(result, run_unit(json.loads(unit.read_text(encoding="utf-8")), runs))


def _say(what: str, done: int, total: int) -> None:
    print(f"{what}: {done}/{total}", flush=True)


@contextmanager
def _timed(what: str, seconds: dict[str, float]) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[what] = round(time.monotonic() - start, 2)


if __name__ == "__main__":
    raise SystemExit(main())
