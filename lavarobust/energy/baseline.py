"""The ANN of the same shape: what one dense pass over a model's layers costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Model, Shape

BASIS = (
    "one dense pass over the layers as the file holds them, zero weights, zero activations and padding "
    "included; a kernel that an average pool was folded into counts at its expanded size"
)
"""What the baseline counts, in words for a report."""


@dataclass(frozen=True)
class LayerShape:
    """The sizes of one layer that a dense count needs.

    Attributes:
        layer: name as ``Model.layer_name`` gives it.
        inputs: values that arrive per step.
        neurons: in the population.
        multiply_accumulates: of one dense pass, ``out * in`` or ``Ho Wo Co * kH kW Ci / groups``
            (FL_ANN of HIRE-SNN, Table 6); 0 for an input population. Recurrent weights count once.
        recurrent: True where a recurrent matrix is among them.
    """

    layer: str
    inputs: int
    neurons: int
    multiply_accumulates: int
    recurrent: bool = False


def ann_operations(model: Model) -> tuple[LayerShape, ...]:
    """Dense multiply-accumulates of one image through each layer with neurons, in order.

    They are those of the file's layers (see :data:`BASIS`): the file doesn't say which kernels hold
    a folded average pool, whose own ANN would be cheaper.

    Raises:
        ModelFileError: a layer doesn't fit the output of the layer before it.
    """
    shapes = []
    arriving = model.input_shape
    for index, layer in enumerate(model.layers):
        if isinstance(layer, Flatten):
            arriving = (int(np.prod(arriving)),)
            continue
        name = model.layer_name(index)
        _check_fit(model, name, layer, arriving)
        if layer.neuron is not None:
            shapes.append(_layer_shape(name, layer, int(np.prod(arriving))))
        arriving = layer.shape
    return tuple(shapes)


def _layer_shape(name: str, layer: Input | Dense | Conv, inputs: int) -> LayerShape:
    neurons = int(np.prod(layer.shape))
    if isinstance(layer, Input):
        return LayerShape(name, inputs, neurons, multiply_accumulates=0)
    per_neuron = int(np.prod(layer.weight.shape[1:]))
    recurrent = isinstance(layer, Dense) and layer.recurrent_weight is not None
    if recurrent:
        per_neuron += neurons
    return LayerShape(name, inputs, neurons, neurons * per_neuron, recurrent)


def _check_fit(model: Model, name: str, layer: Input | Dense | Conv, arriving: Shape) -> None:
    if isinstance(layer, Conv):
        takes = layer.weight.shape[1] * layer.groups
        fits = len(arriving) == 3 and arriving[0] == takes
        takes_words = f"{takes} channels"
    elif isinstance(layer, Dense):
        fits = int(np.prod(arriving)) == layer.weight.shape[1]
        takes_words = f"{layer.weight.shape[1]} values"
    else:
        fits = int(np.prod(arriving)) == int(np.prod(layer.shape))
        takes_words = f"shape {layer.shape}"
    if not fits:
        raise ModelFileError(
            f"{model.name}: layer {name}",
            f"takes {takes_words} but gets shape {arriving}",
            "Give the input shape the model was trained with",
        )
