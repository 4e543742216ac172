"""When one network may run many samples back to back, and how long it must be silent between them.

``LIFReset`` clears a layer's current and potential at the first step of each of its windows, so a
feed-forward, undelayed network starts every sample from rest. What it does not clear are spikes still
on their way: a recurrent synapse delivers the layer's last spikes into the next window, a delayed one
those of the last steps of the layer in front. Silent steps between the samples let them arrive
outside. A window is then exact if, and only if, nothing that could still be on its way was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.netx.limits import DELAY_MAX
from lavarobust.netx.model import Dense, Model

_SETTLING_STEPS = 16
"""Silent steps beyond the carried ones, for activity to die out; a miss costs a fresh network."""


@dataclass(frozen=True)
class Carry:
    """Spikes of one population that can reach into the next window.

    Attributes:
        population: position among ``Model.populations``; -1 for the stimulus.
        steps: how many of its last steps before the window reach into it.
        layer: index in ``Model.layers`` of the layer that they reach.
    """

    population: int
    steps: int
    layer: int


def carries(model: Model) -> tuple[Carry, ...]:
    """All ways in which one sample can touch the next; empty where streaming is exact."""
    found = []
    for position, (index, layer) in enumerate(model.populations):
        if not isinstance(layer, Dense):
            continue
        delay = 0 if layer.delay is None else min(DELAY_MAX, int(np.max(layer.delay)))
        if delay > 0:
            found.append(Carry(position - 1, delay, index))
        if layer.recurrent_weight is not None:
            found.append(Carry(position, 1 + delay, index))
    return tuple(found)


def silent_steps(carried: tuple[Carry, ...]) -> int:
    """Steps to wait between two samples."""
    return sum(carry.steps for carry in carried) + _SETTLING_STEPS if carried else 0
