"""Some of the plain networks made extended ones: what no plain file says, and both sides run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lavarobust.netx.model import Flatten, Layer, Model, Neuron

SHARE = 0.3
"""Of the LIF networks."""


def extended(rng: np.random.Generator, model: Model) -> Model:
    """The model as it is, or with soft resets in some of its populations."""
    if model.sigma_delta or rng.random() >= SHARE:
        return model
    soft = rng.random(len(model.layers)) < 0.7
    layers = [_softened(layer) if chosen else layer for layer, chosen in zip(model.layers, soft, strict=True)]
    return replace(model, layers=tuple(layers))


def _softened(layer: Layer) -> Layer:
    if isinstance(layer, Flatten) or not isinstance(layer.neuron, Neuron):
        return layer
    return replace(layer, neuron=replace(layer.neuron, reset="soft"))
