"""Plain models turned into extended ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lavarobust.netx.model import Dense, Flatten, Gate, Input, Layer, Model


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


def _soft(layer: Layer) -> Layer:
    if isinstance(layer, Flatten) or layer.neuron is None:
        return layer
    return replace(layer, neuron=replace(layer.neuron, reset="soft"))
