"""Write a model as NetX: plain, with a group of our own beside the layers, or extended, all in that group."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import h5py
import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.files import atomic_write
from lavarobust.netx.deployment_json import deployment_json
from lavarobust.netx.graph import as_layer
from lavarobust.netx.loader_rules import changed_by_loading, loader_message_bits
from lavarobust.netx.model import (
    UNSPECIFIED,
    AnyNeuron,
    Conv,
    Dense,
    Flatten,
    Gate,
    GradedSum,
    Input,
    Layer,
    Model,
    Neuron,
    Shape,
    Shortcut,
    SigmaDelta,
)
from lavarobust.netx.shapes import output_shapes
from lavarobust.netx.validate import validate_layer, validate_populations

FLOAT32_EXACT = 1 << 24
"""float32 holds every whole number up to here; NetX keeps weights as float32."""

THRESHOLD_END = 1 << 18
"""Thresholds are 17-bit mantissas; 2**17 .. 2**18 - 1 mark readouts that never spike."""


def write_model(model: Model, path: str | Path) -> Path:
    """Write a model as NetX: whole or not at all, the same bytes for the same model.

    A model with extensions keeps its layers under ``lavarobust/layer`` and has no top-level ``layer``: the
    stock loader silently skips what it doesn't know, so it must not find a layer at all.

    Raises:
        ModelFileError: the model is inconsistent, or stock Lava would execute other integers than it
            holds.
        WriteError: the file can't be written; what was there before is untouched.
    """
    path = Path(path)
    image = model_image(model, str(path))
    atomic_write(path, image)
    return path


def model_image(model: Model, name: str = "model") -> bytes:
    """The bytes of the model's NetX file (``name`` is what errors call it). Raises as :func:`write_model`."""
    for index, layer in enumerate(model.layers):
        where = f"{name}: layer/{index}"
        validate_layer(layer, where)
        _refuse_inexact(layer, where)
    validate_populations(model.layers, name)
    shapes = output_shapes(model.layers, model.input_shape, name)
    if not any(isinstance(layer, (Dense, Conv)) for layer in model.layers):
        raise ModelFileError(name, "holds no dense or conv layer", "Give at least one")
    # An image in memory that never touches a disk; the name only has to be free in this process.
    with h5py.File(f"lavarobust-{uuid4().hex}", "w", driver="core", backing_store=False) as file:
        own = file.create_group("lavarobust")
        place = own if model.extensions else file
        for index, layer in enumerate(model.layers):
            _write_layer(place.create_group(f"layer/{index}"), layer, shapes[index])
        _write_own_group(own, model, f"{name}: lavarobust/deployment")
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def _refuse_inexact(layer: Layer, where: str) -> None:
    if isinstance(layer, Flatten):
        return
    sigma_delta = isinstance(layer.neuron, SigmaDelta)
    if isinstance(layer.neuron, Neuron) and layer.neuron.threshold >= THRESHOLD_END:
        raise ModelFileError(
            f"{where}/neuron/vThMant",
            f"threshold {layer.neuron.threshold} needs more than 18 bits",
            "Choose a smaller integer scale for this layer",
        )
    if isinstance(layer, Input):
        return
    for number, shortcut in enumerate(layer.shortcuts):
        _refuse_inexact(as_layer(shortcut, layer), f"{where}/shortcut/{number}")
    changed = changed_by_loading(layer, f"{where}/weight")
    if changed:
        raise ModelFileError(
            f"{where}/weight",
            f"stock Lava would execute other weights (changed: {changed})",
            "Keep dense weights even and within -254..254",
        )
    if np.abs(layer.weight.astype(np.int64)).max() > FLOAT32_EXACT:
        raise ModelFileError(f"{where}/weight", "weights beyond 2**24 don't fit NetX", "Quantise to 8 bits")
    if (
        layer.bias is not None
        and not sigma_delta
        and not np.array_equal(layer.bias, layer.bias.astype(np.int16))
    ):
        raise ModelFileError(
            f"{where}/bias",
            f"bias of {_farthest(layer.bias)} leaves int16 and would wrap",
            "Choose a smaller integer scale for this layer",
        )


def _farthest(values: np.ndarray) -> int:
    return int(values[np.abs(values.astype(np.int64)).argmax()])


def _write_layer(group: h5py.Group, layer: Layer, shape: Shape) -> None:
    _numbers(group, "shape", shape)
    if isinstance(layer, Input):
        _text(group, "type", "input")
        if layer.neuron is not None:
            _floats(group, "weight", [layer.weight])
            _floats(group, "bias", [layer.bias])
            _write_neuron(group.create_group("neuron"), layer.neuron)
    elif isinstance(layer, Flatten):
        _text(group, "type", "flatten")
    elif isinstance(layer, Dense):
        _write_dense(group, layer)
    else:
        _write_conv(group, layer)
    if isinstance(layer, (Dense, Conv)):
        for number, shortcut in enumerate(layer.shortcuts):
            _write_shortcut(group.create_group(f"shortcut/{number}"), shortcut)
        if layer.gate is not None:
            _write_gate(group.create_group("gate"), layer.gate)


def _write_dense(group: h5py.Group, layer: Dense) -> None:
    _text(group, "type", "dense" if layer.recurrent_weight is None else "dense_rec")
    _numbers(group, "inFeatures", layer.weight.shape[1])
    _numbers(group, "outFeatures", layer.weight.shape[0])
    _floats(group, "weight", layer.weight)
    for key, values in (("weight_rec", layer.recurrent_weight), ("bias", layer.bias), ("delay", layer.delay)):
        if values is not None:
            _floats(group, key, values)
    if layer.neuron is not UNSPECIFIED:
        _write_neuron(group.create_group("neuron"), layer.neuron)


def _write_conv(group: h5py.Group, layer: Conv) -> None:
    _text(group, "type", "conv")
    _numbers(group, "inChannels", layer.weight.shape[1] * layer.groups)
    _numbers(group, "outChannels", layer.weight.shape[0])
    _numbers(group, "kernelSize", layer.weight.shape[2:])
    _write_kernel(group, layer)
    _floats(group, "weight", layer.weight)
    if layer.bias is not None:
        _floats(group, "bias", layer.bias)
    _write_neuron(group.create_group("neuron"), layer.neuron)


def _write_shortcut(group: h5py.Group, shortcut: Shortcut) -> None:
    _numbers(group, "source", shortcut.source)
    _floats(group, "weight", shortcut.weight)
    if shortcut.weight.ndim == 4:
        _write_kernel(group, shortcut)


def _write_kernel(group: h5py.Group, moves: Conv | Shortcut) -> None:
    for key in ("stride", "padding", "dilation", "groups"):
        _numbers(group, key, getattr(moves, key))


def _write_neuron(group: h5py.Group, neuron: AnyNeuron) -> None:
    _text(group, "type", neuron.kind)
    if isinstance(neuron, GradedSum):
        _numbers(group, "shift", neuron.shift)
        return
    if isinstance(neuron, SigmaDelta):
        _text(group, "activation", "relu")
        _numbers(group, "vThMant", neuron.threshold)
        if neuron.sends_sum:
            group.create_dataset("sigma_output", data=True, track_times=False)
        return
    _numbers(group, "iDecay", neuron.current_decay)
    _numbers(group, "vDecay", neuron.voltage_decay)
    _numbers(group, "vThMant", neuron.threshold)
    _numbers(group, "refDelay", 1)
    group.create_dataset("gradedSpike", data=False, track_times=False)
    if neuron.reset != "hard":
        _text(group, "reset", neuron.reset)


def _write_gate(group: h5py.Group, gate: Gate) -> None:
    group.create_dataset("opening", data=gate.opening.astype(np.int32), track_times=False)
    _numbers(group, "seed", gate.seed)
    _numbers(group, "stream", gate.stream)


def _write_own_group(group: h5py.Group, model: Model, where: str) -> None:
    """What a user of the file needs: the stock loader's arguments, and the deployment record."""
    arguments = group.create_group("netx_arguments")
    _numbers(arguments, "input_shape", model.input_shape[::-1])
    if model.deployment is None:
        return
    _numbers(arguments, "input_message_bits", loader_message_bits(model, model.deployment.encoding))
    if not model.sigma_delta:  # which stock Lava can't reset
        _numbers(arguments, "reset_interval", model.deployment.steps)
        _numbers(arguments, "reset_offset", 1)
    _text(group, "deployment", deployment_json(model.deployment, where))
    encoding = model.deployment.encoding
    if encoding.kind == "signed_rate" and encoding.mean_image is not None:
        _floats(group, "mean_image", encoding.mean_image.pixels)


def _numbers(group: h5py.Group, key: str, values: object) -> None:
    group.create_dataset(key, data=np.asarray(values, dtype=np.int64), track_times=False)


def _floats(group: h5py.Group, key: str, values: object) -> None:
    group.create_dataset(key, data=np.asarray(values, dtype=np.float32), track_times=False)


def _text(group: h5py.Group, key: str, text: str) -> None:
    """A byte string in an array of one element, as lava-dl writes it (a scalar one for neurons)."""
    group.create_dataset(key, data=np.array([text.encode()]), track_times=False)
