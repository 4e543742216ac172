"""Every synapse of a layer, one by one, with the weight as it executes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.netx.loader_rules import load_weight
from lavarobust.netx.model import Conv, Dense, Shape


@dataclass(frozen=True, eq=False)
class Synapses:
    """Synapses with non-zero weight.

    Attributes:
        source, target: ``(synapses,)`` int64, neurons in (C, H, W) order.
        weight: ``(synapses,)`` float64: what a spike adds to its target's sum. Behind a loader's shift it can
            have fractional bits, which the executed sum drops.
    """

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    @property
    def whole(self) -> bool:
        """Whether every weight is an integer, so that no sum is rounded."""
        return bool((self.weight % 1 == 0).all())


def synapse_list(layer: Dense | Conv, input_shape: Shape) -> Synapses:
    """The synapses from a layer's input, sorted by source; a dense layer's recurrent ones not among them.

    Args:
        layer: dense or convolution.
        input_shape: ``(C, H, W)`` or ``(n,)`` of what it receives.

    Raises:
        ModelFileError: weights that the stock loader fails on.
    """
    loaded = load_weight(layer)
    if isinstance(layer, Dense):
        return matrix_synapses(loaded.weight, loaded.shift)
    channels, height, width = (int(size) for size in input_shape)
    places = np.arange(int(np.prod(layer.shape))).reshape(layer.shape)
    inputs = np.arange(channels * height * width).reshape(channels, height, width)
    per_group = (layer.shape[0] // layer.groups, channels // layer.groups)
    parts = []
    for tap in np.ndindex(*loaded.weight.shape[2:]):
        own = loaded.weight[..., tap[0], tap[1]]
        rows, from_rows = _positions(layer, tap[0], height, axis=0)
        columns, from_columns = _positions(layer, tap[1], width, axis=1)
        for group in range(layer.groups):
            out = places[group * per_group[0] : (group + 1) * per_group[0]][:, rows][:, :, columns]
            into = inputs[group * per_group[1] : (group + 1) * per_group[1]][:, from_rows][:, :, from_columns]
            weight = own[group * per_group[0] : (group + 1) * per_group[0]]
            joined = np.broadcast_arrays(into[None], out[:, None], weight[:, :, None, None])
            keep = joined[2] != 0
            parts.append([array[keep] for array in joined])
    source, target, weights = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.lexsort((target, source))
    return Synapses(source[order], target[order], weights[order].astype(np.float64))


def matrix_synapses(weight: np.ndarray, shift: int) -> Synapses:
    """Those of a matrix ``(out, in)`` whose sums are shifted right by so many bits."""
    source, target = np.nonzero(weight.T)
    return Synapses(source, target, weight.T[source, target] / float(1 << shift))


def _positions(layer: Conv, tap: int, size: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Output positions whose kernel tap lies inside the input, and where it lies."""
    outputs = np.arange(layer.shape[1 + axis])
    lies = outputs * layer.stride[axis] - layer.padding[axis] + tap * layer.dilation[axis]
    inside = (lies >= 0) & (lies < size)
    return outputs[inside], lies[inside]
