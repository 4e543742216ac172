"""Which networks count: those in which a difference could show; and thresholds that make networks such."""

from __future__ import annotations

from dataclasses import replace

from lavarobust.execution.simulator import Simulator
from lavarobust.netx.graph import sends_values
from lavarobust.netx.model import Conv, Dense, Layer, Model, Shape
from lavarobust.record import Record, Stimulus

LOWEST_RATE, HIGHEST_RATE = 0.005, 0.95


def counts_as_a_case(record: Record, model: Model) -> bool:
    """True where every layer with spikes fires at a rate that could show a difference."""
    for position, layer in enumerate(record.layers):
        silent_by_design = layer is record.layers[-1] and record.readout == "membrane"
        if sends_values(model, position):
            continue
        rate = layer.spikes.sum() / (layer.neurons * layer.spikes.size)
        if not silent_by_design and not LOWEST_RATE <= rate <= HIGHEST_RATE:
            return False
    return True


def spiking(before: list[Layer], layer: Conv | Dense, shape: Shape, stimulus: Stimulus) -> Conv | Dense:
    """The layer with a threshold at which it spikes neither never nor always, where there is one.

    Args:
        before: the layers in front of it.
        layer: with a threshold to begin with.
        shape: of the model's input.
        stimulus: what the model is shown.
    """
    for _ in range(8):
        [*_, counts] = Simulator().run(Model((*before, layer), shape), stimulus).layers
        rate = counts.spikes.mean() / counts.neurons
        threshold = layer.neuron.threshold
        if rate < LOWEST_RATE:
            threshold //= 4
        elif rate > HIGHEST_RATE:
            threshold = min(4 * threshold + 4, 131_071)
        if threshold == layer.neuron.threshold:
            break
        layer = replace(layer, neuron=replace(layer.neuron, threshold=threshold))
    return layer
