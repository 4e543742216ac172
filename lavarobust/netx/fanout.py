"""How many synapses each input element drives: exact at borders, strides, dilation and groups."""

from __future__ import annotations

from math import prod

import numpy as np

from lavarobust.netx.loader_rules import load_weight
from lavarobust.netx.model import Conv, Dense, Shape


def fan_out(layer: Dense | Conv, input_shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Synapses that every input element drives, through the weights as they execute.

    Args:
        layer: a dense layer (without its recurrent synapses) or a convolution.
        input_shape: ``(C, H, W)`` or ``(n,)`` of what it receives.

    Returns:
        ``(nonzero, dense)``, each ``(inputs,)`` int64 in flattened (C, H, W) order: synapses with
        non-zero weight, and all of them. A kernel tap counts only where it falls on a real output.
    """
    nonzero = load_weight(layer).weight != 0
    if isinstance(layer, Dense):
        return _columns(nonzero)
    return _conv(layer, input_shape, nonzero), _conv(layer, input_shape, np.ones_like(nonzero))


def recurrent_fan_out(layer: Dense) -> tuple[np.ndarray, np.ndarray]:
    """Recurrent synapses that every neuron of a ``dense_rec`` layer drives, as in :func:`fan_out`.

    Raises:
        ValueError: the layer has no recurrent weight.
    """
    weight = load_weight(layer).recurrent_weight
    if weight is None:
        raise ValueError("the layer has no recurrent weight")
    return _columns(weight != 0)


def _columns(synapses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    outputs, inputs = synapses.shape
    return synapses.sum(axis=0, dtype=np.int64), np.full(inputs, outputs, dtype=np.int64)


def _conv(layer: Conv, input_shape: Shape, synapses: np.ndarray) -> np.ndarray:
    """Sum, over kernel taps and output positions, of the synapses from each input element."""
    channels, height, width = input_shape
    outputs, inputs, kernel_height, kernel_width = synapses.shape
    # (groups, in / groups, kH, kW): output channels that each tap of an input channel drives
    per_tap = synapses.reshape(layer.groups, outputs // layer.groups, inputs, kernel_height, kernel_width)
    per_tap = per_tap.sum(axis=1, dtype=np.int64).reshape(channels, kernel_height, kernel_width)
    rows = _reached(height, kernel_height, layer.shape[1], layer, axis=0)
    columns = _reached(width, kernel_width, layer.shape[2], layer, axis=1)
    total: np.ndarray = np.einsum("ik,ckl,jl->cij", rows, per_tap, columns, optimize=True)
    return total.reshape(prod(input_shape))


def _reached(size: int, kernel: int, outputs: int, layer: Conv, axis: int) -> np.ndarray:
    """``(size, kernel)`` int64: 1 where the tap, laid on the input position, falls on an output."""
    position = np.arange(size)[:, None] + layer.padding[axis] - layer.dilation[axis] * np.arange(kernel)
    stride = layer.stride[axis]
    return ((position >= 0) & (position % stride == 0) & (position // stride < outputs)).astype(np.int64)
