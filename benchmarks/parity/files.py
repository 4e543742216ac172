"""A trial as one small file: NetX, with input, readout and options in a group beside the layers."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

from benchmarks.parity.trial import Trial
from lavarobust.draws import Keys
from lavarobust.errors import DataError
from lavarobust.files import replacing
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Layer, Model, Neuron
from lavarobust.netx.read import read_model
from lavarobust.netx.write import model_image
from lavarobust.record import Stimulus

_GROUP = "parity"
_UNSET = -1


def save(trial: Trial, path: str | Path) -> Path:
    """Write a trial: whole, or not at all.

    Raises:
        WriteError: the file can't be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(_image(trial.model))
        with h5py.File(temporary, "r+") as file:
            frames, graded = trial.stimulus.frames, trial.stimulus.graded
            own = file.create_group(_GROUP)
            own.create_dataset("frames", data=frames, compression="gzip")
            own["input_shape"] = trial.model.input_shape
            own["steps"] = trial.stimulus.steps
            own["graded"] = _UNSET if graded is None else int(graded)
            if trial.stimulus.keys is not None:
                own["keys"], own["draw"] = trial.stimulus.keys.indices, trial.stimulus.keys.draw
            own["readout"] = trial.readout
            own["fast_convolution"] = trial.fast_convolution
            own["sparse_fc_layer"] = trial.sparse_fc_layer
    return Path(path)


def load(path: str | Path) -> Trial:
    """Read a trial; its model is called like the file, so that Lava's loader reads that very file.

    Raises:
        DataError: this is no file of a trial.
        ModelFileError: its network is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            own = {key: value[()] for key, value in file[_GROUP].items()}
        graded = int(own["graded"])
        frames, steps = np.asarray(own["frames"]), int(own["steps"])
        keys = Keys(np.asarray(own["keys"]), int(own["draw"])) if "keys" in own else None
        stimulus = Stimulus(frames, steps, None if graded == _UNSET else bool(graded), keys)
        shape = tuple(int(size) for size in own["input_shape"])
        readout = own["readout"].decode()
        if readout not in ("membrane", "spike_count"):
            raise ValueError(f"readout {readout!r}")
        options = {key: bool(own[key]) for key in ("fast_convolution", "sparse_fc_layer")}
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: holds no network of a comparison with Lava ({error}). Give a file that "
            "`python -m benchmarks.parity` wrote"
        ) from error
    return Trial(read_model(path, input_shape=shape), stimulus, readout, **options)


def _image(model: Model) -> bytes:
    """The model as a NetX file. An export refuses integers that the loader bends; here they are the point."""
    if not all(isinstance(layer, Flatten) or _is_plain(layer) for layer in model.layers):
        return model_image(model, model.name)
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.net")
        place = "lavarobust/layer" if model.extensions else "layer"
        with h5py.File(path, "w") as file:
            for index, layer in enumerate(model.layers):
                for key, value in _entries(layer).items():
                    file[f"{place}/{index}/{key}"] = value
        return path.read_bytes()


def _is_plain(layer: Layer) -> bool:
    joined = isinstance(layer, (Dense, Conv)) and bool(layer.shortcuts)
    return isinstance(layer, (Input, Dense, Conv)) and isinstance(layer.neuron, Neuron | None) and not joined


def _entries(layer: Layer) -> dict[str, Any]:
    """The layer under NetX's keys."""
    if isinstance(layer, Flatten):
        return {"type": b"flatten"}
    neuron: dict[str, Any] = {}
    if layer.neuron is not None:
        neuron = {
            "neuron/type": layer.neuron.kind.encode(),
            "neuron/iDecay": layer.neuron.current_decay,
            "neuron/vDecay": layer.neuron.voltage_decay,
            "neuron/vThMant": layer.neuron.threshold,
        }
        if layer.neuron.reset != "hard":
            neuron["neuron/reset"] = layer.neuron.reset.encode()
    if isinstance(layer, Input):
        transform = {"weight": [float(layer.weight)], "bias": [float(layer.bias)]} if neuron else {}
        return {"type": b"input", "shape": layer.shape, **transform, **neuron}
    entries = {"shape": layer.shape, "weight": layer.weight.astype(np.float32), **neuron}
    if layer.gate is not None:
        entries |= {f"gate/{key}": value for key, value in vars(layer.gate).items()}
    if layer.bias is not None:
        entries["bias"] = layer.bias.astype(np.float32)
    if isinstance(layer, Conv):
        geometry = {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}
        return {"type": b"conv", **entries, **geometry}
    held = {"delay": layer.delay, "weight_rec": layer.recurrent_weight}
    entries |= {key: value.astype(np.float32) for key, value in held.items() if value is not None}
    return {"type": b"dense" if layer.recurrent_weight is None else b"dense_rec", **entries}
