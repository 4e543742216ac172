"""Deploy a finished run: fold, quantise, check, write. The ``export`` verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.data import DataSet, Images
from lavarobust.execution import backend
from lavarobust.experiment.network_scores import network_scores
from lavarobust.experiment.plan import execute, plan_for
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.run_folder import RunFolder, versions
from lavarobust.experiment.train import load_network, run_data, torch_threads
from lavarobust.files import check_can_be_written
from lavarobust.netx import write_model
from lavarobust.netx.deployment import LayerOverflow
from lavarobust.netx.limits import GATE_UNITY
from lavarobust.netx.model import Model, Synaptic
from lavarobust.snn.deploy import describe, effective_weight_bits, to_model
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.thinning import masked, thinned

MODEL_FILE = "model.net"
EXPORT_FILE = "export.json"
MASK_LEVEL = 0.5


@dataclass(frozen=True)
class ExportResult:
    """A deployed model.

    Attributes:
        path: the ``.net`` file.
        float_accuracy, quantised_accuracy, deployed_accuracy: on the validation images: the network
            before rounding, SLAYER's quantised forward, and the simulator executing the file; None
            without validation images.
        overflow: what is known about each layer's 24-bit range.
        weight_bits: per layer, per output channel, bits that its largest weight uses (8 at most).
        neurons: of all populations, the readout's too.
        gate_opening: mean probability of the model's gates; None where it has none.
    """

    path: Path
    float_accuracy: float | None
    quantised_accuracy: float | None
    deployed_accuracy: float | None
    overflow: tuple[LayerOverflow, ...]
    weight_bits: Mapping[str, tuple[int, ...]]
    neurons: int
    gate_opening: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {
            "model": str(self.path),
            "float_accuracy": self.float_accuracy,
            "quantised_accuracy": self.quantised_accuracy,
            "deployed_accuracy": self.deployed_accuracy,
            "overflow": [asdict(entry) for entry in self.overflow],
            "weight_bits": {name: list(bits) for name, bits in self.weight_bits.items()},
            "neurons": self.neurons,
            "gate_opening": self.gate_opening,
        }


def deployed_network(folder: str | Path) -> SpikingNetwork:
    """A finished run's selected network as its recipe deploys it; raises as ``load_network``."""
    return as_deployed(load_network(folder), RunFolder(Path(folder)).recipe())


def as_deployed(network: SpikingNetwork, recipe: Recipe) -> SpikingNetwork:
    """A recipe's network with the gates that its export leaves."""
    if recipe.export.gates == "kept":
        return network
    return thinned(network) if recipe.export.gates == "thinned" else masked(network, MASK_LEVEL)


def export(
    folder: str | Path,
    path: str | Path | None = None,
    allow_overflow: bool | None = None,
    data: DataSet | None = None,
) -> ExportResult:
    """Write a run's selected network as a NetX file: plain where stock lava-dl runs it identically.

    Args:
        folder: a finished run.
        path: of the file; ``model.net`` in the run's folder if None.
        allow_overflow: export although states wrap or clip; the recipe says if None.
        data: of a run that was trained on arrays from Python.

    Raises:
        RunFolderError: no finished run there.
        OverflowHappensError: states leave their 24 bits on the calibration images.
        ModelFileError, WriteError: a layer that can't be written, or a disk that can't be written to.
    """
    run = RunFolder(Path(folder))
    network = deployed_network(run.path)
    recipe = run.recipe()
    target = Path(path) if path is not None else run.path / MODEL_FILE
    check_can_be_written(target)
    with torch_threads(recipe.threads):
        data = run_data(run, data)
        calibration = data.train.take(recipe.export.calibration_images)
        model = describe(
            network,
            to_model(network, name=str(target)),
            calibration.images,
            calibration.indices,
            class_names=data.class_names,
            data=data.name,
            recipe=recipe.model_dump(mode="json"),
            versions=versions(),
            allow_overflow=recipe.export.allow_overflow if allow_overflow is None else allow_overflow,
        )
        if target.resolve() == (run.path / MODEL_FILE).resolve():
            run.forget_evaluation()
        write_model(model, target)
        result = _measured(network, model, data.validation, target)
    run.write_json(EXPORT_FILE, result.as_dict())
    return result


def _measured(network: SpikingNetwork, model: Model, images: Images, path: Path) -> ExportResult:
    assert model.deployment is not None
    floating = quantised = deployed = None
    if images.samples:
        record = execute(backend("simulator"), model, plan_for(model), images.images, images.indices)
        floating, quantised, deployed = (
            float(np.mean(prediction == images.labels))
            for prediction in (
                network_scores(network, images, quantised=False).argmax(1),
                network_scores(network, images).argmax(1),
                record.prediction,
            )
        )
    return ExportResult(
        path,
        floating,
        quantised,
        deployed,
        model.deployment.overflow,
        effective_weight_bits(model),
        sum(prod(layer.shape) for _, layer in model.populations),
        _gate_opening(model),
    )


def _gate_opening(model: Model) -> float | None:
    gates = [
        layer.gate.opening
        for _, layer in model.populations
        if isinstance(layer, Synaptic) and layer.gate is not None
    ]
    return float(np.concatenate(gates).mean()) / GATE_UNITY if gates else None
