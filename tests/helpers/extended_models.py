"""Plain models turned into extended ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lavarobust.netx.model import (
    Conv,
    Dense,
    Flatten,
    Gate,
    GradedSum,
    Input,
    Layer,
    Model,
    Neuron,
    Shortcut,
)
from netx_models import even_weight


def softened(model: Model, *indices: int) -> Model:
    """The model with soft resets in these layers, in all of them if none is given."""
    layers = tuple(
        _soft(layer) if index in indices or not indices else layer for index, layer in enumerate(model.layers)
    )
    return replace(model, layers=layers)


def gated(model: Model, *indices: int, seed: int = 3) -> Model:
    """The model with random gates behind these layers, behind every spiking one if none is given."""
    layers = list(model.layers)
    for stream, (index, layer) in enumerate(model.populations, start=1):
        recurrent = isinstance(layer, Dense) and layer.recurrent_weight is not None
        if isinstance(layer, Input) or recurrent or (indices and index not in indices):
            continue
        rng = np.random.default_rng((seed, stream))
        opening = rng.integers(0, 65537, int(np.prod(layer.shape))).astype(np.int32)
        opening[rng.random(len(opening)) < 0.2] = 65536
        layers[index] = replace(layer, gate=Gate(opening, seed, stream))
    return replace(model, layers=tuple(layers))


def joined(model: Model, index: int, *shortcuts: Shortcut) -> Model:
    """The model with shortcuts into one of its layers."""
    return _with_layer(model, index, replace(model.layers[index], shortcuts=shortcuts))


def summed(model: Model, index: int, shift: int = 3) -> Model:
    """The model with a graded sum in place of a layer's neurons."""
    return _with_layer(model, index, replace(model.layers[index], neuron=GradedSum(shift), bias=None))


def skipping(model: Model) -> Model:
    """``netx_models.conv_model`` with two more kernels into its second layer, and paths around others."""
    kernel = Shortcut(1, even_weight((6, 4, 3, 3), 6), (2, 1), (0, 0), (1, 1))
    model = joined(model, 2, kernel, Shortcut(1, even_weight((6, 2, 3, 2), 7), (2, 1), (0, 0), (1, 2), 2))
    around = Shortcut(4, even_weight((3, 5), 8)), Shortcut(2, even_weight((3, 90), 9))
    return joined(model, 6, *around)


def identity_block(shift: int = 2) -> Model:
    """Two convolutions of one channel, a sum of their path and the identity around the second."""
    lif, ones = Neuron(4096, 0, 20), np.full((1, 1, 1, 1), 2, dtype=np.int32)
    layers = (
        Conv(even_weight((1, 1, 3, 3)), lif, (1, 4, 4), padding=(1, 1)),
        Conv(even_weight((1, 1, 3, 3), 1), lif, (1, 4, 4), padding=(1, 1)),
        Conv(
            even_weight((1, 1, 3, 3), 2),
            GradedSum(shift),
            (1, 4, 4),
            padding=(1, 1),
            shortcuts=(Shortcut(0, ones),),
        ),
        Conv(ones, lif, (1, 4, 4)),
    )
    return Model(layers, (1, 4, 4), name="identity block")


def _with_layer(model: Model, index: int, layer: Layer) -> Model:
    return replace(model, layers=(*model.layers[:index], layer, *model.layers[index + 1 :]))


def _soft(layer: Layer) -> Layer:
    if isinstance(layer, Flatten) or layer.neuron is None:
        return layer
    if isinstance(layer.neuron, GradedSum):
        return layer
    return replace(layer, neuron=replace(layer.neuron, reset="soft"))
