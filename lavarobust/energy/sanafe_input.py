"""What a sample sends into a network of SANA-FE: spikes, or a constant drive of the first population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lavarobust.energy.synapse_list import synapse_list
from lavarobust.errors import BackendError
from lavarobust.netx.limits import DECAY_UNITY
from lavarobust.netx.model import Input, Model, Neuron
from lavarobust.record import Stimulus


@dataclass(frozen=True, eq=False)
class Drive:
    """One of the two, for one sample.

    Attributes:
        rasters: by group name, ``(inputs, frames)`` 0 or 1: negative spikes come from a group of their own.
        signs: by group name, what a spike's weight is multiplied with.
        constant: ``(neurons,)`` float64, what every step of the window adds to the sums of the first
            population; None where spikes arrive.
    """

    rasters: Mapping[str, np.ndarray] = field(default_factory=dict)
    signs: Mapping[str, int] = field(default_factory=dict)
    constant: np.ndarray | None = None


def drive_of(model: Model, stimulus: Stimulus) -> Drive:
    """Of a stimulus' first sample.

    Raises:
        BackendError: graded input that changes from step to step, which spikes without payload can't carry.
    """
    frames = stimulus.frames[0].reshape(-1, stimulus.frames.shape[-1]).astype(np.int64)
    first = model.populations[0][1]
    if isinstance(first, Input):
        return Drive(constant=frames[:, 0].astype(np.float64))
    if np.abs(frames).max(initial=0) <= 1:
        rasters = {"input": (frames > 0).astype(np.int64)}
        if (frames < 0).any():
            rasters["inputneg"] = (frames < 0).astype(np.int64)
        return Drive(rasters, {"input": 1, "inputneg": -1} if len(rasters) == 2 else {"input": 1})
    assert isinstance(first.neuron, Neuron)
    decays = np.atleast_1d(first.neuron.current_decay)
    held = frames.shape[1] == 1 and (decays == 0).all()
    repeated = frames.shape[1] == stimulus.steps and (frames == frames[:, :1]).all()
    if not (held or (repeated and (decays == DECAY_UNITY).all())):
        raise BackendError(
            f"{model.name}: its input carries payloads that change from step to step, and SANA-FE's spikes "
            "carry none. Take a model with encoding rate, signed_rate, direct or repeat"
        )
    found = synapse_list(first, model.input_shape)
    constant = np.zeros(int(np.prod(first.shape)))
    np.add.at(constant, found.target, found.weight * frames[found.source, 0])
    return Drive(constant=np.floor(constant))
