"""A stage made ready for the compiled loop: patches, neurons in (H, W, C) order, and its states' bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from lavarobust.dynamics.integer_row import RowNeurons
from lavarobust.dynamics.kernels import CLEARED, HELD, LEAKING
from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.patches import Patches, conv_patches, dense_patches, no_patches
from lavarobust.execution.simulator.stages import Stage
from lavarobust.netx.limits import (
    CONV_SUM_BITS,
    DECAY_UNITY,
    POTENTIAL_LIMIT,
    STATE_HALF_RANGE,
    STATE_SHIFT,
)
from lavarobust.netx.model import Conv, Dense, Input, Shape

_INT32_HALF_RANGE = 1 << 31
_CONV_SUM_LIMIT = 1 << (CONV_SUM_BITS - 1)


@dataclass(frozen=True, eq=False)
class Plan:
    """How a window of a stage is run in 32-bit integers.

    Attributes:
        neurons: constants, with what its states can reach.
        steps: T.
        wraps_sums: whether sums have to be cut to a convolution's 24 bits.
    """

    neurons: RowNeurons
    steps: int
    wraps_sums: bool


@dataclass(frozen=True, eq=False)
class Prepared:
    """A stage for the compiled loop.

    Attributes:
        stage: what it is.
        patches: synapses from the population before; of no inputs where there are none.
        recurrent: synapses to itself, or None.
        bias: ``(neurons,)`` int32 state units.
        kept_u, kept_v: ``(neurons,)`` int32 shares of 4096 that a step leaves.
    """

    stage: Stage
    patches: Patches
    recurrent: Patches | None
    bias: np.ndarray
    kept_u: np.ndarray
    kept_v: np.ndarray

    @property
    def shift(self) -> int:
        return 0 if self.stage.synapse is None else self.stage.synapse.shift

    def plan(self, peak: int, frames: int, steps: int, largest_bias: int | None = None) -> Plan | None:
        """How to run a window whose inputs stay within ``peak`` in magnitude and come in ``frames`` steps.

        Args:
            largest_bias: state units; None for the stage's own biases.

        Returns:
            None where a sum or a state could leave the 32 bits in which Lava computes it.
        """
        arriving = self.patches.reach * peak
        wraps_sums = isinstance(self.stage.layer, Conv) and arriving >= _CONV_SUM_LIMIT
        sums = min(arriving, _CONV_SUM_LIMIT) if wraps_sums else arriving
        if self.recurrent is not None:
            sums, frames = sums + self.recurrent.reach, steps
        if largest_bias is None:
            largest_bias = int(np.abs(self.bias.astype(np.int64)).max(initial=0))
        drive, mode_u, mode_v = sums << STATE_SHIFT, _mode(self.kept_u), _mode(self.kept_v)
        current = drive if mode_u == CLEARED else drive * frames
        potential = (current + largest_bias) * (1 if mode_v == CLEARED else steps)
        # a wrap brings a current back into 24 bits if no step adds more than 24, a clip every potential
        wrapped = STATE_HALF_RANGE + drive if drive <= 2 * STATE_HALF_RANGE else current
        if max(peak, arriving, min(current, wrapped) + STATE_HALF_RANGE + largest_bias) >= _INT32_HALF_RANGE:
            return None
        neuron = self.stage.neuron
        neurons = RowNeurons(
            mode_u,
            mode_v,
            self.kept_u if mode_u == LEAKING else self.kept_u[:0],
            self.kept_v if mode_v == LEAKING else self.kept_v[:0],
            neuron.threshold << STATE_SHIFT,
            neuron.spikes,
            current >= STATE_HALF_RANGE,
            potential > POTENTIAL_LIMIT,
        )
        return Plan(neurons, steps, wraps_sums)


@lru_cache(maxsize=16)
def prepare(stages: tuple[Stage, ...], input_shape: Shape) -> tuple[Prepared, ...]:
    """All stages of a compiled model, whose samples are of ``input_shape``."""
    sources = (input_shape, *(stage.shape for stage in stages))
    return tuple(_prepare(stage, source) for stage, source in zip(stages, sources, strict=False))


def _prepare(stage: Stage, source: Shape) -> Prepared:
    layer, neuron = stage.layer, stage.neuron
    order = positions(stage.shape)
    recurrent = None
    if isinstance(layer, Input):
        patches = no_patches(stage.shape)
    else:
        assert stage.synapse is not None and stage.fan_out is not None
        arriving = positions(source)
        weight = stage.synapse.weight.numpy().astype(np.int64)
        fan_out = stage.fan_out.numpy().astype(np.int64)[arriving]
        if isinstance(layer, Conv):
            geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
            patches = conv_patches(weight, stage.input_shape, stage.shape, *geometry, fan_out)
        else:
            patches = dense_patches(weight[:, arriving], fan_out)
    if isinstance(layer, Dense) and stage.recurrent is not None:
        assert stage.recurrent_fan_out is not None
        recurrent = dense_patches(
            stage.recurrent.weight.numpy().astype(np.int64), stage.recurrent_fan_out.numpy().astype(np.int64)
        )
    return Prepared(
        stage,
        patches,
        recurrent,
        _each(stage.bias, stage.shape)[order],
        DECAY_UNITY - _each(neuron.current_decay, stage.shape)[order],
        DECAY_UNITY - _each(neuron.voltage_decay, stage.shape)[order],
    )


def _each(values: torch.Tensor | int | None, shape: Shape) -> np.ndarray:
    """``(neurons,)`` int32 of what broadcasts against the shape; zeros for None."""
    tensor = torch.as_tensor(0 if values is None else values)
    return tensor.expand(shape).reshape(-1).to(torch.int32).numpy()


def _mode(kept: np.ndarray) -> int:
    if not kept.any():
        return CLEARED
    return HELD if (kept == DECAY_UNITY).all() else LEAKING
