"""What the network receives: message bits, Lava's axis order, bias mantissas."""

from __future__ import annotations

import numpy as np

from lavarobust.netx.model import Conv, Input, Model
from lavarobust.record import Stimulus


def message_bits(stimulus: Stimulus) -> int:
    """``input_message_bits`` for the loader: 0 for spikes, else the bits of the largest payload.

    Lava only asks whether it is positive; 0 would make a 1 of every non-zero value.
    """
    frames = stimulus.frames
    if stimulus.binary and ((frames == 0) | (frames == 1)).all():
        return 0
    return max(abs(int(frames.min())), abs(int(frames.max()))).bit_length() + 1


def lava_frames(model: Model, stimulus: Stimulus) -> np.ndarray:
    """Frames ``(N, F, W, H, C)`` for a conv layer or encoder, ``(N, F, n)`` in (C, H, W) order for others."""
    frames: np.ndarray = np.moveaxis(stimulus.frames, -1, 1)
    first = model.populations[0][1]
    if isinstance(first, (Conv, Input)) and len(first.shape) == 3:
        return np.transpose(frames, (0, 1, 4, 3, 2))
    return np.reshape(frames, (*frames.shape[:2], -1))


def bias_mantissas(stimulus: Stimulus) -> np.ndarray:
    """Images as the bias mantissas of an input population: ``(N, *shape)`` int16, Lava's order.

    Lava holds mantissas in 16 bits; what does not fit wraps, here as there.
    """
    values = stimulus.frames[..., 0]
    axes = (0, *range(values.ndim - 1, 0, -1))
    return np.ascontiguousarray(values.transpose(axes)).astype(np.int16)
