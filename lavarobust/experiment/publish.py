"""Publish a run's deployed model: the ``.net`` file, and a card that says what it is and does.

``python -m lavarobust.experiment.publish RUN... --out netx_models`` is what ``make models`` calls.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from lavarobust.data import Images
from lavarobust.dynamics import Surrogate
from lavarobust.errors import LavarobustError
from lavarobust.execution import backend
from lavarobust.experiment.builders import build_data
from lavarobust.experiment.evaluate import EVALUATION_FILE
from lavarobust.experiment.export import MODEL_FILE
from lavarobust.experiment.loading import builtin_recipes, load_recipe
from lavarobust.experiment.plan import execute, plan_for
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.run_folder import SPLIT_FILE, VERSIONS_FILE, RunFolder, RunFolderError
from lavarobust.files import atomic_write
from lavarobust.netx import Conv, Dense, GradedSum, Model, Neuron, output_shapes, read_model, stock_call
from lavarobust.netx.equality import models_equal
from lavarobust.netx.graph import synapses
from lavarobust.record import Record
from lavarobust.snn.deploy import effective_weight_bits

COUNTS = ("input_events", "synops", "synops_dense", "spikes", "wraps", "clips")


@dataclass(frozen=True)
class Published:
    """A model and its card, side by side.

    Attributes:
        model: the ``.net`` file.
        card: the JSON file of the same name.
        sha256: of the model file.
    """

    model: Path
    card: Path
    sha256: str


def publish(run_folder: str | Path, out_folder: str | Path, name: str | None = None) -> Published:
    """Copy a run's exported model beside a card made of its evaluation and a fresh execution.

    A model that is published already and executes as the run's does, from the same recipe, keeps its file,
    and with it its hash: two exports differ in the versions that they name.

    Args:
        run_folder: a trained, exported and evaluated run.
        out_folder: where ``<name>.net`` and ``<name>.json`` go; made if missing.
        name: the recipe's if None.

    Raises:
        RunFolderError: something is missing from the run, or its evaluation is not of this model.
        ModelFileError: its model file is damaged.
        WriteError: the folder can't be written to.
    """
    run = RunFolder(Path(run_folder))
    recipe = run.recipe()
    evaluation = run.read_json(EVALUATION_FILE)
    content = _model_bytes(run.path / MODEL_FILE)
    model = read_model(run.path / MODEL_FILE)
    if model.deployment is None or dict(model.deployment.recipe) != recipe.model_dump(mode="json"):
        raise RunFolderError(f"{run.path / MODEL_FILE}: was not exported from this run. Export it again")
    title = name or recipe.name
    kept = _published_alike(Path(out_folder) / f"{title}.net", model, recipe)
    if kept is not None:
        content, model = kept
    deployment = model.deployment
    assert deployment is not None
    images = build_data(recipe).test
    record = execute(backend("simulator"), model, plan_for(model), images.images, images.indices)
    _check_evaluation(evaluation, record, images, run.path / EVALUATION_FILE)
    sha256 = hashlib.sha256(content).hexdigest()
    card = {
        "name": title,
        "file": f"{title}.net",
        "bytes": len(content),
        "sha256": sha256,
        **_use(model, title),
        "data": run.read_json(SPLIT_FILE),
        "network": _network(model),
        "overflow": [asdict(entry) for entry in deployment.overflow],
        "executed": _executed(record, images),
        "evaluation": _evaluation(evaluation),
        "commands": commands(recipe, title),
        "recipe": dict(deployment.recipe),
        "versions": {
            "training": run.read_json(VERSIONS_FILE),
            "export": dict(deployment.versions),
        },
    }
    folder = Path(out_folder)
    folder.mkdir(parents=True, exist_ok=True)
    published = Published(folder / f"{title}.net", folder / f"{title}.json", sha256)
    atomic_write(published.model, content)
    atomic_write(published.card, (json.dumps(card, indent=1, allow_nan=False) + "\n").encode())
    return published


def commands(recipe: Recipe, name: str) -> dict[str, list[str]]:
    """The command lines that make a model of this recipe again, and that repeat the card's figures."""
    builtin = recipe.name in builtin_recipes() and load_recipe(recipe.name) == recipe
    run, file = f"runs/{name}", f"{name}.net"
    attack, surrogate = recipe.attack, recipe.network.surrogate
    attacks = " ".join(f"--attack {name}" for name in attack.attacks)
    epsilons = " ".join(f"--epsilon {epsilon:g}" for epsilon in attack.epsilon)
    flips = "".join(f"--flips {count} --flip-iterations {attack.flip_iterations} " for count in attack.flips)
    return {
        "make": [
            f"lavarobust train {recipe.name if builtin else 'recipe.yaml'} --out {run}",
            f"lavarobust export {run}",
            f"lavarobust report {run}",
        ],
        "repeat": [
            f"lavarobust run {file} --backend simulator",
            f"lavarobust run {file} --backend lava",
            f"lavarobust attack {file} {attacks} --attack-steps {attack.steps} --restarts "
            f"{attack.restarts} {epsilons} {flips}--surrogate {surrogate.name} --width {surrogate.width:g} "
            f"--seed {recipe.seed} --backend lava",
            f"lavarobust energy {file} --backend lava",
        ],
        "notes": [
            "report.md and evaluation.json in the run's folder hold every figure of 'evaluation'.",
            "The commands under 'repeat' need the .net file only.",
            "Training gives the same bytes on the same kind of machine with the versions named here; "
            "elsewhere floating point sums can round differently. Everything after it is integers.",
        ]
        + ([] if builtin else ["recipe.yaml: what stands under 'recipe' here."])
        + [
            f"'attack' has no flag for the recipe's {name}."
            for name in ("through_reset", "scale", "relative")
            if getattr(surrogate, name) != getattr(Surrogate(), name)
        ],
    }


def _published_alike(path: Path, model: Model, recipe: Recipe) -> tuple[bytes, Model] | None:
    """What lies there, where it is this model but for the versions that it was exported with."""
    if not path.exists():
        return None
    there = read_model(path)
    if model.deployment is None or there.deployment is None:
        return None
    try:
        same_recipe = Recipe.model_validate(dict(there.deployment.recipe)) == recipe
    except ValidationError:
        return None
    deployment = replace(there.deployment, recipe=model.deployment.recipe, versions=model.deployment.versions)
    if not same_recipe or not models_equal(replace(there, deployment=deployment), model):
        return None
    return _model_bytes(path), there


def _model_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path}: can't be read ({error.strerror}). Export the run first") from error


def _check_evaluation(evaluation: Mapping[str, Any], record: Record, images: Images, where: Path) -> None:
    """An evaluation of another model, or of a part of the images, must not stand on the card."""
    accuracy = float(np.mean(record.prediction == images.labels))
    spikes = sum(int(layer.spikes.sum()) for layer in record.layers) / record.samples
    try:
        clean = evaluation["conditions"][0]
        said = (evaluation["samples"], clean["simulator_accuracy"], clean["spikes"])
    except (KeyError, IndexError, TypeError) as error:
        raise RunFolderError(f"{where}: is damaged ({error}). Remove it and report the run again") from error
    now = (record.samples, accuracy, spikes)
    if said != now:
        raise RunFolderError(
            f"{where}: is not of this model on all its test images: samples, accuracy and spikes are "
            f"{said} there and {now} executed now. Remove it and report the run again"
        )


def _use(model: Model, title: str) -> dict[str, Any]:
    deployment = model.deployment
    assert deployment is not None
    return {
        "steps": deployment.steps,
        "encoding": deployment.encoding.as_dict(),
        "readout": deployment.readout,
        "tie_rule": deployment.tie_rule,
        "stock_call": stock_call(replace(model, name=f"{title}.net")),
    }


def _network(model: Model) -> dict[str, Any]:
    """Layers in order; a decay or bias is in device units, bits are the fewest and most of a channel."""
    shapes = output_shapes(model.layers, model.input_shape, model.name)
    bits = effective_weight_bits(model)
    layers: list[dict[str, Any]] = []
    for index, layer in enumerate(model.layers):
        plain: dict[str, Any] = {"name": model.layer_name(index), "output_shape": list(shapes[index])}
        if isinstance(layer, Dense | Conv):
            biases = 0 if layer.bias is None else int(layer.bias.size)
            plain |= {
                "weight_shape": list(layer.weight.shape),
                "parameters": biases + sum(int(one.weight.size) for one in synapses(layer)),
                "zero_weights": sum(int(np.count_nonzero(one.weight == 0)) for one in synapses(layer)),
                "weight_bits": [min(bits[plain["name"]]), max(bits[plain["name"]])],
            }
            if layer.shortcuts:
                plain["shortcuts"] = [
                    {"from": model.layer_name(one.source), "weight_shape": list(one.weight.shape)}
                    for one in layer.shortcuts
                ]
            if isinstance(layer.neuron, GradedSum):
                plain["sum_shift"] = layer.neuron.shift
            else:
                plain["threshold_mantissa"] = layer.neuron.threshold
            if isinstance(layer.neuron, Neuron):
                plain |= {
                    "current_decay": np.asarray(layer.neuron.current_decay).tolist(),
                    "voltage_decay": np.asarray(layer.neuron.voltage_decay).tolist(),
                } | ({"reset": layer.neuron.reset} if layer.neuron.reset != "hard" else {})
        layers.append(plain)
    return {
        "input_shape": list(model.input_shape),
        "parameters": sum(layer.get("parameters", 0) for layer in layers),
        "layers": layers,
    }


def _executed(record: Record, images: Images) -> dict[str, Any]:
    """Whole numbers, summed over all test images, so that a test can ask for equality."""
    return {
        "backend": record.backend,
        "images": "test",
        "samples": record.samples,
        "correct": int((record.prediction == images.labels).sum()),
        "tied": int(record.tied.sum()),
        "layers": [
            {"name": layer.name, "neurons": layer.neurons, "graded_input": layer.graded_input}
            | {count: int(getattr(layer, count).sum()) for count in COUNTS}
            for layer in record.layers
        ],
    }


def _evaluation(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """As evaluated, without the paths of the machine it was evaluated on."""
    plain = {key: value for key, value in evaluation.items() if key not in ("folder", "model_file")}
    for bills in ("bills", "attack_bills"):
        plain[bills] = [
            {key: value for key, value in bill.items() if key != "model"} for bill in plain.get(bills, ())
        ]
    return plain


def main() -> int:
    """Publish the runs named on the command line; 1 after an error."""
    parser = argparse.ArgumentParser(description="Copy deployed models, each with its card.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a trained, exported and reported run")
    parser.add_argument("--out", required=True, help="folder of the models")
    arguments = parser.parse_args()
    try:
        for run in arguments.runs:
            published = publish(run, arguments.out)
            print(f"wrote {published.model} and {published.card} (sha256 {published.sha256})")
    except LavarobustError as error:
        parser.exit(1, f"error: {error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
