"""The ANN of the same shape: what one dense pass over a model's layers costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lavarobust.netx.graph import synapses
from lavarobust.netx.model import Conv, Dense, Input, Model
from lavarobust.netx.shapes import output_shapes

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
            (FL_ANN of HIRE-SNN, Table 6); 0 for an input population. Recurrent weights count once, and so do
            those of shortcuts.
        recurrent: True where a recurrent matrix is among them.
        joined: True where shortcuts are among them.
    """

    layer: str
    inputs: int
    neurons: int
    multiply_accumulates: int
    recurrent: bool = False
    joined: bool = False


def ann_operations(model: Model) -> tuple[LayerShape, ...]:
    """Dense multiply-accumulates of one image through each layer with neurons, in order.

    They are those of the file's layers (see :data:`BASIS`): the file doesn't say which kernels hold
    a folded average pool, whose own ANN would be cheaper.

    Raises:
        ModelFileError: a layer doesn't fit the output of the layer before it.
    """
    made = output_shapes(model.layers, model.input_shape, model.name)
    arriving = (model.input_shape, *made)
    return tuple(
        _layer_shape(model.layer_name(index), layer, int(prod(arriving[index])))
        for index, layer in model.populations
    )


def _layer_shape(name: str, layer: Input | Dense | Conv, inputs: int) -> LayerShape:
    neurons = int(prod(layer.shape))
    if isinstance(layer, Input):
        return LayerShape(name, inputs, neurons, multiply_accumulates=0)
    per_neuron = sum(int(prod(synapse.weight.shape[1:])) for synapse in synapses(layer))
    recurrent = isinstance(layer, Dense) and layer.recurrent_weight is not None
    if recurrent:
        per_neuron += neurons
    return LayerShape(name, inputs, neurons, neurons * per_neuron, recurrent, bool(layer.shortcuts))
