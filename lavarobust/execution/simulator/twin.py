"""The analog twin of a deployed model: its integer weights and biases, with ReLU for spikes (T = 0).

A population's activation stands for its spikes per step: the average over the window of the current that
constant activations drive, plus the bias, rectified, in thresholds. The leak of the potential, its reset
and that no neuron spikes more than once a step are left out; synaptic delays too. The conversion member of
Ozdenizci & Legenstein's ensemble (``TUG: attack/ensemble.py``); their thresholds are of the real network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from lavarobust.dynamics.population import STATE_UNIT, kept
from lavarobust.errors import BackendError
from lavarobust.execution.simulator.propagate import bias_of
from lavarobust.execution.simulator.stages import Stage
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.limits import GATE_UNITY
from lavarobust.netx.model import Conv, Input


def analog_scores(
    stages: tuple[Stage, ...], frames: torch.Tensor, steps: int, readout: ReadoutKind
) -> torch.Tensor:
    """``(N, *shape)`` scores of the last layer in the unit of the integer ones, differentiable.

    The last layer is not rectified: its potential at the window's end were nothing taken from it, or its
    average current in thresholds times the steps.

    Args:
        stages: a compiled model.
        frames: ``(F, N, *input_shape)`` what is sent; the twin sees their mean.
        steps: T, the window.
        readout: which of the two.

    Raises:
        BackendError: a recurrent layer, which has no twin.
    """
    *_, last = twin_layers(stages, frames, steps, lambda stage, activation: activation)
    return twin_scores(last, steps, readout)


@dataclass(frozen=True, eq=False)
class TwinLayer:
    """One layer of a twin.

    Attributes:
        stage: the spiking layer.
        arriving: ``(N, *input_shape)`` activations.
        beside: what its shortcuts bring, likewise.
        drive: ``(N, *shape)`` average current and bias of a step, in state units.
        sent: ``(N, *shape)`` its own activations.
    """

    stage: Stage
    arriving: torch.Tensor
    beside: tuple[torch.Tensor, ...]
    drive: torch.Tensor
    sent: torch.Tensor


def twin_layers(
    stages: tuple[Stage, ...],
    frames: torch.Tensor,
    steps: int,
    held: Callable[[Stage, torch.Tensor], torch.Tensor],
) -> Iterator[TwinLayer]:
    """The layers of a twin one after the other; arguments and errors as :func:`analog_scores`.

    Args:
        held: what a layer makes of the activations it would send.
    """
    activations: list[torch.Tensor] = []
    arriving, count = frames.mean(0), len(frames)
    for stage in stages:
        if stage.recurrent is not None:
            raise BackendError(f"{stage.name} is recurrent and has no analog twin. Use another gradient rule")
        beside = tuple(activations[path.source] for path in stage.joining)
        drive = _drive(stage, arriving, count, beside, steps)
        sent = held(stage, _sent(stage, drive))
        yield TwinLayer(stage, arriving, beside, drive, sent)
        arriving, count = sent, steps
        activations.append(sent)


def twin_scores(last: TwinLayer, steps: int, readout: ReadoutKind) -> torch.Tensor:
    """``(N, *shape)`` scores of a twin's last layer, which is not rectified."""
    stage, drive = last.stage, last.drive
    if stage.sum_shift is not None or readout == "spike_count":
        return steps * drive / _unit(stage)
    return drive * _total(kept(stage.neuron.voltage_decay), steps)


def _drive(
    stage: Stage, arriving: torch.Tensor, frames: int, beside: tuple[torch.Tensor, ...], steps: int
) -> torch.Tensor:
    """``(N, *shape)`` average current and bias of a step, state units; of a sum that is sent, that sum."""
    if isinstance(stage.layer, Input):
        driven = bias_of(stage, arriving.unsqueeze(0))
        assert driven is not None
        return driven
    total = _sums(stage, arriving)
    for path, one in zip(stage.joining, beside, strict=True):
        total = total + _sums(path.stage, one)
    if stage.sum_shift is not None:
        return total * (frames / steps)
    total = total * (STATE_UNIT * _lasting(kept(stage.neuron.current_decay), frames, steps))
    return total if stage.bias is None else total + stage.bias.to(total)


def _sent(stage: Stage, drive: torch.Tensor) -> torch.Tensor:
    if stage.sum_shift is not None:
        return drive / (1 << stage.sum_shift)
    activation = drive.relu() / _unit(stage)
    if stage.gate is None:
        return activation
    opening = torch.from_numpy(stage.gate.opening).to(activation) / GATE_UNITY
    return activation * opening.view(stage.shape)


def _unit(stage: Stage) -> float:
    if stage.sum_shift is not None:
        return float(1 << stage.sum_shift)
    return float(stage.neuron.threshold * STATE_UNIT) or 1.0


def _sums(stage: Stage, arriving: torch.Tensor) -> torch.Tensor:
    assert stage.synapse is not None
    layer, weight = stage.layer, stage.synapse.weight.to(arriving) / (1 << stage.synapse.shift)
    arriving = arriving.reshape(len(arriving), *stage.input_shape)
    if isinstance(layer, Conv):
        return F.conv2d(arriving, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    return F.linear(arriving, weight)


def _lasting(share: Any, frames: int, steps: int) -> Any:
    """Average current of a step where 1 arrives in each of the first frames and a step keeps a share."""
    reach: Any = 0.0
    total: Any = 0.0
    for step in reversed(range(steps)):
        reach = 1.0 + share * reach
        if step < frames:
            total = total + reach
    return total / steps


def _total(share: Any, steps: int) -> Any:
    """What a potential holds after steps of 1 each, where a step keeps a share of it."""
    total: Any = 0.0
    for _ in range(steps):
        total = 1.0 + share * total
    return total
