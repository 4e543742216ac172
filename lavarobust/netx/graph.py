"""What reaches each population: the layer in front, and shortcuts from earlier ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.netx.model import Conv, Dense, GradedSum, Model, Shortcut


@dataclass(frozen=True, eq=False)
class Branch:
    """A shortcut as it executes.

    Attributes:
        source: position of its source among ``Model.populations``.
        synapse: a layer without bias, of the target's shape and neurons, that holds its weights.
    """

    source: int
    synapse: Dense | Conv


def branches(model: Model, layer: Dense | Conv) -> tuple[Branch, ...]:
    """The shortcuts into a layer of a model."""
    positions = {index: position for position, (index, _) in enumerate(model.populations)}
    return tuple(
        Branch(positions[shortcut.source], as_layer(shortcut, layer)) for shortcut in layer.shortcuts
    )


def as_layer(shortcut: Shortcut, target: Dense | Conv) -> Dense | Conv:
    """A shortcut as the layer that it would be in front of the target's neurons."""
    if isinstance(target, Dense):
        return Dense(shortcut.weight, target.neuron)
    geometry = (shortcut.stride, shortcut.padding, shortcut.dilation, shortcut.groups)
    return Conv(shortcut.weight, target.neuron, target.shape, None, *geometry)


def synapses(layer: Dense | Conv) -> tuple[Dense | Conv, ...]:
    """The layer itself, and its shortcuts as layers."""
    return (layer, *(as_layer(shortcut, layer) for shortcut in layer.shortcuts))


def only_adds(synapse: Dense | Conv) -> bool:
    """Whether at most one synapse reaches each neuron, as through an identity shortcut: what arrives is
    added as it is, scaled at most, and no products are summed."""
    one_pixel = isinstance(synapse, Dense) or synapse.weight.shape[2:] == (1, 1)
    return one_pixel and bool(
        (np.count_nonzero(synapse.weight.reshape(len(synapse.weight), -1), axis=1) <= 1).all()
    )


def sends_values(model: Model, position: int) -> bool:
    """Whether a population sends graded values, and not spikes."""
    return isinstance(model.populations[position][1].neuron, GradedSum)
