"""Whether a stimulus fits a model: asked once, the same by every backend."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from lavarobust.errors import BackendError
from lavarobust.netx.model import Input, Model
from lavarobust.record import Stimulus


def fitting(model: Model, stimulus: Stimulus, keep: Collection[int]) -> Stimulus:
    """The stimulus in the model's input shape, if it and the layers to keep fit the model.

    Raises:
        BackendError: says what was expected.
    """
    frames = stimulus.frames
    if frames.ndim < 3 or not np.issubdtype(frames.dtype, np.integer):
        raise BackendError(
            f"{model.name}: the stimulus is {frames.dtype} of shape {frames.shape}; "
            "integers of shape (N, *shape, F) are needed"
        )
    if frames.size == 0:
        raise BackendError(f"{model.name}: nothing to run, the stimulus of shape {frames.shape} is empty")
    if np.prod(frames.shape[1:-1]) != np.prod(model.input_shape):
        raise BackendError(
            f"{model.name}: the stimulus has samples of shape {frames.shape[1:-1]}, "
            f"the model takes {tuple(model.input_shape)}. Encode images of the model's own shape"
        )
    if frames.shape[-1] > stimulus.steps:
        raise BackendError(f"{model.name}: {frames.shape[-1]} frames do not fit into {stimulus.steps} steps")
    first = model.populations[0][1]
    if isinstance(first, Input) and not model.sigma_delta and frames.shape[-1] != 1:
        raise BackendError(
            f"{model.name}: its input neurons hold one image for the whole window, "
            f"not {frames.shape[-1]} frames. Use the encoding 'direct'"
        )
    populations = [index for index, _ in model.populations]
    unknown = sorted(set(keep) - set(populations))
    if unknown:
        raise BackendError(f"{model.name}: layers {unknown} hold no neurons to keep; {populations} do")
    return replace(stimulus, frames=frames.reshape(len(frames), *model.input_shape, -1))
