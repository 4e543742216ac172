"""Plain models turned into extended ones."""

from __future__ import annotations

from dataclasses import replace

from lavarobust.netx.model import Flatten, Layer, Model


def softened(model: Model, *indices: int) -> Model:
    """The model with soft resets in these layers, in all of them if none is given."""
    layers = tuple(
        _soft(layer) if index in indices or not indices else layer for index, layer in enumerate(model.layers)
    )
    return replace(model, layers=layers)


def _soft(layer: Layer) -> Layer:
    if isinstance(layer, Flatten) or layer.neuron is None:
        return layer
    return replace(layer, neuron=replace(layer.neuron, reset="soft"))
