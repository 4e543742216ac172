"""Average pools that a layer's weights hold."""

from __future__ import annotations

import numpy as np

from lavarobust.netx.model import Conv, Dense, Shape


def folded_pool(layer: Dense | Conv, input_shape: Shape) -> int:
    """Side of the largest average pool that could stand in front of a layer instead of being in its weights.

    A pool of side p that was folded into a kernel leaves p x p blocks of equal taps, a stride and a padding
    that p divides. A layer with such weights computes the same whether or not they came from a pool.

    Args:
        layer: its own synapses; recurrent ones and shortcuts are not looked at.
        input_shape: ``(C, H, W)`` of what it receives, also in front of a flattening; ``(n,)`` has no pool.

    Returns:
        1 where there is none.
    """
    if len(input_shape) != 3:
        return 1
    if isinstance(layer, Dense):
        kernels = layer.weight.reshape(-1, *input_shape)
        sizes: tuple[int, ...] = input_shape[1:]
    elif layer.dilation == (1, 1):
        kernels = layer.weight
        sizes = (*kernels.shape[2:], *layer.stride, *layer.padding)
    else:
        return 1
    sides = range(min(kernels.shape[2:]), 1, -1)
    return next((p for p in sides if all(size % p == 0 for size in sizes) and _in_blocks(kernels, p)), 1)


def _in_blocks(kernels: np.ndarray, side: int) -> bool:
    """Whether every block of ``side`` x ``side`` taps of ``(out, in, kH, kW)`` holds one value."""
    height, width = (size // side for size in kernels.shape[2:])
    # most kernels show it in their first output already
    for some in (kernels[:1], kernels):
        blocks = some.reshape(*some.shape[:2], height, side, width, side)
        if not (blocks == blocks[:, :, :, :1, :, :1]).all():
            return False
    return True
