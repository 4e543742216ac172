"""Some of the plain networks made extended ones: what no plain file says, and both sides run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lavarobust.draws import Keys
from lavarobust.netx.model import Conv, Dense, Flatten, Gate, Layer, Model, Neuron
from lavarobust.record import Stimulus

SHARE = 0.3
"""Of the LIF networks."""


def extended(rng: np.random.Generator, model: Model, stimulus: Stimulus) -> tuple[Model, Stimulus]:
    """Both as they are, or with soft resets in some populations, or gates behind some, or both."""
    if model.sigma_delta or rng.random() >= SHARE:
        return model, stimulus
    soft, gated = rng.random((2, len(model.layers))) < 0.7
    kinds = int(rng.integers(1, 4))
    layers = [
        _softened(layer) if chosen and kinds & 1 else layer
        for layer, chosen in zip(model.layers, soft, strict=True)
    ]
    if kinds & 2:
        seed = int(rng.integers(1 << 62))
        layers = [
            _gated(rng, layer, seed, stream) if chosen else layer
            for stream, (layer, chosen) in enumerate(zip(layers, gated, strict=True), start=1)
        ]
        indices = rng.integers(0, 1 << 40, stimulus.samples)
        stimulus = replace(stimulus, keys=Keys(indices, int(rng.integers(1 << 40))))
    return replace(model, layers=tuple(layers)), stimulus


def _softened(layer: Layer) -> Layer:
    if isinstance(layer, Flatten) or not isinstance(layer.neuron, Neuron):
        return layer
    return replace(layer, neuron=replace(layer.neuron, reset="soft"))


def _gated(rng: np.random.Generator, layer: Layer, seed: int, stream: int) -> Layer:
    """Behind a gate that is open, closed or anything between for each neuron."""
    if not isinstance(layer, (Dense, Conv)) or not isinstance(layer.neuron, Neuron):
        return layer
    if isinstance(layer, Dense) and layer.recurrent_weight is not None:
        return layer
    opening = rng.integers(0, 65_537, int(np.prod(layer.shape)))
    opening[rng.random(len(opening)) < 0.2] = 65_536
    opening[rng.random(len(opening)) < 0.05] = 0
    return replace(layer, gate=Gate(opening.astype(np.int32), seed, stream))
