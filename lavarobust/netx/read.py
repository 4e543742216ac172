"""Read a NetX file as a model: plain as stock lava-dl would run it, extended as this project does."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path

from lavarobust.errors import ModelFileError, SettingsError
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.deployment_json import parse_deployment
from lavarobust.netx.graph import synapses
from lavarobust.netx.hdf5 import Node, open_file
from lavarobust.netx.loader_rules import load_weight
from lavarobust.netx.mean_image import MeanImage
from lavarobust.netx.model import Conv, Dense, Input, Layer, Model, Shape
from lavarobust.netx.read_extended import read_extended_layer
from lavarobust.netx.read_layers import ignored_entries, read_layer
from lavarobust.netx.shapes import infer_input_shape, output_shapes
from lavarobust.netx.validate import validate_layer, validate_populations, validate_shape

LAYERS_MAX = 10_000


def read_model(path: str | Path, *, input_shape: Shape | None = None, layers: int | None = None) -> Model:
    """Read a plain NetX file of any writer, or an extended one of this project.

    Args:
        path: the file.
        input_shape: ``(C, H, W)`` or ``(n,)`` of the input, needed only where the file doesn't say it.
        layers: read only the first n layers, as lava-dl's ``num_layers``.

    Raises:
        ModelFileError: the file can't be read, is not NetX, or holds what nothing here runs.
        SettingsError: an argument is impossible, or contradicts the file.
    """
    if layers is not None and layers < 1:
        raise SettingsError(f"layers={layers}: at least one layer must be read")
    with open_file(path) as top:
        group, read_one = _layer_group(top)
        nodes = _layer_nodes(group)[:layers]
        read = tuple(_checked(read_one(node), node) for node in nodes)
        ignored = tuple(
            (index, entry) for index, node in enumerate(nodes) for entry in ignored_entries(node, read[index])
        )
        stored_shape, deployment = _own_group(top)
        shape = _input_shape(str(path), read, stored_shape, input_shape)
        model = Model(layers=read, input_shape=shape, deployment=deployment, name=str(path), ignored=ignored)
    validate_populations(model.layers, model.name)
    output_shapes(model.layers, model.input_shape, model.name)
    if not any(isinstance(layer, (Dense, Conv)) for layer in model.layers):
        raise ModelFileError(model.name, "holds no dense or conv layer", "Read more layers, or export again")
    return model


def _checked(layer: Layer, node: Node) -> Layer:
    validate_layer(layer, node.where())
    if isinstance(layer, Dense):
        for synapse in synapses(layer):
            load_weight(synapse, node.where("weight"))
    return layer


def _layer_group(top: Node) -> tuple[Node, Callable[[Node], Layer]]:
    """Where the layers are, and how one of them is read."""
    own = top.child("lavarobust") if top.has("lavarobust") else None
    extended = own is not None and own.has("layer")
    if extended and top.has("layer"):
        raise ModelFileError(
            top.where("layer"),
            "stands beside lavarobust/layer, and stock Lava would run another network than this project",
            "Keep one of them: export the model again",
        )
    if own is not None and extended:
        return own.child("layer"), read_extended_layer
    if not top.has("layer"):
        raise ModelFileError(
            top.where("layer"),
            "is missing: HDF5, but not NetX",
            "Give a NetX file (.net) as lava-dl or lavarobust writes it",
        )
    return top.child("layer"), read_layer


def _layer_nodes(group: Node) -> list[Node]:
    keys = group.keys()
    if not keys or len(keys) > LAYERS_MAX or set(keys) != {str(index) for index in range(len(keys))}:
        raise ModelFileError(
            group.where(),
            f"holds the layers {', '.join(sorted(keys)[:8]) or '(none)'}",
            "Layers must be numbered 0, 1, 2, ... without gap",
        )
    return [group.child(str(index)) for index in range(len(keys))]


def _own_group(top: Node) -> tuple[Shape | None, Deployment | None]:
    """Input shape and deployment record of the file's ``lavarobust`` group, where it has them."""
    if not top.has("lavarobust"):
        return None, None
    own = top.child("lavarobust")
    shape = None
    if own.has("netx_arguments"):
        arguments = own.child("netx_arguments")
        shape = arguments.integers("input_shape")[::-1]
        validate_shape(shape, arguments.where("input_shape"))
    if not own.has("deployment"):
        return shape, None
    mean_image = MeanImage(own.numbers("mean_image")) if own.has("mean_image") else None
    deployment = parse_deployment(own.text("deployment"), own.where("deployment"), mean_image)
    validate_shape(deployment.input_shape, own.where("deployment"))
    if shape is not None and prod(shape) != prod(deployment.input_shape):
        raise ModelFileError(
            own.where("deployment"),
            f"input_shape {deployment.input_shape} beside {shape} in netx_arguments",
            "Export the model again with lavarobust",
        )
    return shape or deployment.input_shape, deployment


def _input_shape(file: str, layers: tuple[Layer, ...], stored: Shape | None, given: Shape | None) -> Shape:
    """The input's shape: what the file says, else the argument, else what a first dense layer takes."""
    said = infer_input_shape(layers)
    if stored is not None and said is not None and prod(stored) != prod(said):
        raise ModelFileError(
            f"{file}: lavarobust",
            f"input shape {stored}, but the layers take {said}",
            "Export the model again with lavarobust",
        )
    from_file = said if isinstance(layers[0], Input) else stored
    if from_file is not None and given is not None and tuple(given) != from_file:
        raise SettingsError(f"input_shape {tuple(given)}: {file} itself says {from_file}; leave it out")
    shape = from_file or given or said
    if shape is None:
        raise ModelFileError(
            f"{file}: layer/0",
            "begins with a convolution and doesn't say its input's shape",
            "Give it: --input-shape C,H,W (input_shape=(C, H, W) in Python)",
        )
    shape = tuple(int(size) for size in shape)
    validate_shape(shape, f"{file}: input shape")
    return shape
