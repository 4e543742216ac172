"""Shapes through a network: what each layer receives and hands on, in (C, H, W) order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from lavarobust.errors import ModelFileError
from lavarobust.netx.graph import as_layer
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Layer, Shape


def conv_output_shape(layer: Conv, input_shape: Shape) -> Shape:
    """``(C, H, W)`` that a convolution makes of ``(C, H, W)``; H or W below 1 means that it doesn't fit."""
    height, width = (
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, padding, dilation, kernel, stride in zip(
            input_shape[1:], layer.padding, layer.dilation, layer.weight.shape[2:], layer.stride, strict=True
        )
    )
    return (layer.weight.shape[0], height, width)


def output_shapes(layers: Sequence[Layer], input_shape: Shape, name: str = "model") -> tuple[Shape, ...]:
    """Output shape of every layer, after checking that each one fits the layer before it.

    Raises:
        ModelFileError: naming the first layer that doesn't fit (``name`` is the file).
    """
    shapes: list[Shape] = []
    shape, neurons_before = input_shape, False
    for index, layer in enumerate(layers):
        where = f"{name}: layer/{index}"
        if isinstance(layer, Input):
            shape = _input(layer, index, shape, where)
            neurons_before = layer.neuron is not None
        elif isinstance(layer, Flatten):
            shape = _flatten(shape, neurons_before, where)
        elif isinstance(layer, Dense):
            shape, neurons_before = _dense(layer, shape, neurons_before, where), True
        else:
            flattened = bool(index) and isinstance(layers[index - 1], Flatten)
            shape, neurons_before = _conv(layer, shape, flattened, where), True
        shapes.append(shape)
        if isinstance(layer, (Dense, Conv)):
            _shortcuts(layers, shapes, index, name)
    return tuple(shapes)


def infer_input_shape(layers: Sequence[Layer]) -> Shape | None:
    """The input's shape where the layers say it: an input layer's, or ``(in,)`` of a first dense layer."""
    for layer in layers:
        if isinstance(layer, Input):
            return layer.shape
        if isinstance(layer, Dense):
            return (layer.weight.shape[1],)
        if isinstance(layer, Conv):
            return None
    return None


def _input(layer: Input, index: int, shape: Shape, where: str) -> Shape:
    if index:
        raise ModelFileError(
            where, "an input layer behind another layer", "Only layer/0 can be of type input"
        )
    if layer.shape != shape:
        raise ModelFileError(
            where, f"the input layer has shape {layer.shape}, the network {shape}", "Give both the same shape"
        )
    return layer.shape


def _flatten(shape: Shape, neurons_before: bool, where: str) -> Shape:
    if len(shape) != 3 and neurons_before:
        raise ModelFileError(
            where,
            f"flatten of shape {shape}, which stock Lava can't connect",
            "Remove this flatten layer: its input is flat already",
        )
    return (prod(shape),)


def _dense(layer: Dense, shape: Shape, neurons_before: bool, where: str) -> Shape:
    if len(shape) != 1 and neurons_before:
        raise ModelFileError(
            where, f"dense behind a layer of shape {shape}", "Put a flatten layer between them"
        )
    if layer.weight.shape[1] != prod(shape):
        raise ModelFileError(
            f"{where}/weight",
            f"the layer takes {layer.weight.shape[1]} inputs, but what comes before it gives {prod(shape)}",
            "The second axis of a dense weight counts the layer's inputs: export the network again",
        )
    return layer.shape


def _conv(layer: Conv, shape: Shape, flattened: bool, where: str) -> Shape:
    if len(shape) != 3 or flattened:
        raise ModelFileError(
            where,
            f"conv of an input of shape {shape}",
            "A convolution needs (C, H, W); stock Lava can't unflatten",
        )
    channels = layer.weight.shape[1] * layer.groups
    if channels != shape[0]:
        raise ModelFileError(
            f"{where}/weight",
            f"the kernel takes {channels} channels ({layer.groups} groups), its input has {shape[0]}",
            "Export the network again with matching channels and groups",
        )
    made = conv_output_shape(layer, shape)
    if min(made) < 1:
        raise ModelFileError(
            f"{where}/weight",
            f"the kernel doesn't fit into an input of shape {shape}",
            "Check input shape, kernel size, padding and dilation",
        )
    if made != layer.shape:
        raise ModelFileError(
            f"{where}/shape",
            f"says {layer.shape}, but the convolution of {shape} makes {made}",
            "Check the input shape (C, H, W), or export the network again",
        )
    return made


def _shortcuts(layers: Sequence[Layer], shapes: Sequence[Shape], index: int, name: str) -> None:
    """Refuse shortcuts into ``layers[index]`` that fit not both ends; ``shapes`` ends with its own."""
    layer = layers[index]
    assert isinstance(layer, (Dense, Conv))
    for number, shortcut in enumerate(layer.shortcuts):
        where = f"{name}: layer/{index}/shortcut/{number}"
        source = layers[shortcut.source] if 0 <= shortcut.source < index else Flatten()
        if isinstance(source, Flatten) or source.neuron is None:
            raise ModelFileError(
                f"{where}/source",
                f"layer {shortcut.source} is no population in front of this layer",
                "A shortcut comes from an earlier layer with neurons",
            )
        made = _reached(as_layer(shortcut, layer), shapes[shortcut.source])
        if made != shapes[index]:
            raise ModelFileError(
                f"{where}/weight",
                f"makes {made or 'nothing'} of layer {shortcut.source}'s {shapes[shortcut.source]} and joins "
                f"{shapes[index]}",
                "Export the network again with a shortcut that fits",
            )


def _reached(synapse: Dense | Conv, source: Shape) -> Shape:
    """What a shortcut makes of its source's shape; empty where it can't take it."""
    if isinstance(synapse, Dense):
        return synapse.shape if synapse.weight.shape[1] == prod(source) else ()
    if len(source) != 3 or synapse.weight.shape[1] * synapse.groups != source[0]:
        return ()
    return conv_output_shape(synapse, source)
