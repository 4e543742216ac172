"""The ANN of the same shape: what one dense pass over a model's layers costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from lavarobust.energy.profiles import Connection
from lavarobust.netx.graph import synapses
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Model, Shape
from lavarobust.netx.pooling import folded_pool
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
        pool: side of the average pool that the layer's own weights hold, 1 where there is none: in front,
            it would leave ``1 / pool**2`` of their multiply-accumulates.
        connection: kind of layer, where prices differ by it.
    """

    layer: str
    inputs: int
    neurons: int
    multiply_accumulates: int
    recurrent: bool = False
    joined: bool = False
    pool: int = 1
    connection: Connection = "dense"


@lru_cache(maxsize=16)
def ann_operations(model: Model) -> tuple[LayerShape, ...]:
    """Dense multiply-accumulates of one image through each layer with neurons, in order.

    They are those of the file's layers (see :data:`BASIS`); where a layer's weights hold an average pool, its
    own ANN would be cheaper.

    Raises:
        ModelFileError: a layer doesn't fit the output of the layer before it.
    """
    made = output_shapes(model.layers, model.input_shape, model.name)
    arriving = (model.input_shape, *made)
    return tuple(
        _layer_shape(model.layer_name(index), layer, arriving[_unflattened(model, index)])
        for index, layer in model.populations
    )


def _unflattened(model: Model, index: int) -> int:
    """Where a layer's input still has its places."""
    return index - 1 if index > 0 and isinstance(model.layers[index - 1], Flatten) else index


def _layer_shape(name: str, layer: Input | Dense | Conv, arriving: Shape) -> LayerShape:
    inputs, neurons = int(prod(arriving)), int(prod(layer.shape))
    if isinstance(layer, Input):
        return LayerShape(name, inputs, neurons, multiply_accumulates=0)
    per_neuron = sum(int(prod(synapse.weight.shape[1:])) for synapse in synapses(layer))
    recurrent = isinstance(layer, Dense) and layer.recurrent_weight is not None
    if recurrent:
        per_neuron += neurons
    return LayerShape(
        name,
        inputs,
        neurons,
        neurons * per_neuron,
        recurrent,
        bool(layer.shortcuts),
        folded_pool(layer, arriving),
        "conv" if isinstance(layer, Conv) else "dense",
    )
