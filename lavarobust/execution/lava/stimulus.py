"""What the network receives: checks, Lava's axis order, bias mantissas."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from lavarobust.errors import SettingsError
from lavarobust.netx.model import Conv, Input, Model
from lavarobust.record import Stimulus


def check_stimulus(model: Model, stimulus: Stimulus, keep: Collection[int]) -> None:
    """Refuse a stimulus that does not fit the model, or a layer to keep that has no neurons.

    Raises:
        SettingsError: says what was expected.
    """
    frames = stimulus.frames
    if frames.ndim < 3 or not np.issubdtype(frames.dtype, np.integer):
        raise SettingsError(
            f"the stimulus is {frames.dtype} of shape {frames.shape}; integers (N, *shape, F) are needed"
        )
    if frames.shape[0] == 0 or frames.shape[-1] == 0:
        raise SettingsError(f"the stimulus of shape {frames.shape} is empty")
    if frames.shape[1:-1] != tuple(model.input_shape):
        raise SettingsError(
            f"the stimulus has samples of shape {frames.shape[1:-1]}, "
            f"but {model.name} takes {tuple(model.input_shape)}"
        )
    if frames.shape[-1] > stimulus.steps:
        raise SettingsError(f"{frames.shape[-1]} frames do not fit into {stimulus.steps} steps")
    populations = [index for index, _ in model.populations]
    unknown = sorted(set(keep) - set(populations))
    if unknown:
        raise SettingsError(f"layers {unknown} of {model.name} have no neurons to keep; choose from {populations}")


def message_bits(stimulus: Stimulus) -> int:
    """``input_message_bits`` for the loader: 0 for spikes, else the bits of the largest payload.

    Lava only asks whether it is positive; 0 would make a 1 of every non-zero value.
    """
    if stimulus.binary:
        return 0
    return int(np.abs(stimulus.frames.astype(np.int64)).max()).bit_length() + 1


def lava_frames(model: Model, stimulus: Stimulus) -> np.ndarray:
    """Frames ``(N, F, W, H, C)`` for a conv layer, ``(N, F, n)`` in (C, H, W) order for a dense one."""
    frames = np.moveaxis(stimulus.frames, -1, 1).astype(np.int32)
    if isinstance(model.populations[0][1], Conv):
        return np.ascontiguousarray(frames.transpose(0, 1, 4, 3, 2))
    return frames.reshape(*frames.shape[:2], -1)


def bias_mantissas(layer: Input, stimulus: Stimulus) -> np.ndarray:
    """Frames as the bias mantissas of an input population: ``(N, F, *shape)`` int16, Lava's order.

    Raises:
        SettingsError: a mantissa does not fit into Lava's 16 bits, where it would wrap.
    """
    values = layer.weight * np.moveaxis(stimulus.frames, -1, 1).astype(np.int64) + layer.bias
    limits = np.iinfo(np.int16)
    if values.min() < limits.min or values.max() > limits.max:
        raise SettingsError(
            f"{layer.weight} * x + {layer.bias} takes the stimulus to {values.min()}..{values.max()}; "
            f"bias mantissas hold {limits.min}..{limits.max}"
        )
    axes = (0, 1, *range(values.ndim - 1, 1, -1))
    return np.ascontiguousarray(values.transpose(axes)).astype(np.int16)
