"""A stage made ready for the compiled loop: patches, neurons in (H, W, C) order, and its states' bounds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.patches import Patches, alike, conv_patches, dense_patches, no_patches
from lavarobust.execution.simulator.stages import Stage, Synapse
from lavarobust.execution.simulator.vectors import LANES
from lavarobust.execution.simulator.window import Neurons
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

_DENSE_GAIN = 2
"""Rows that a dense layer adds in the time of one row of a patch, at least."""

_MOST_INPUTS = 4096
"""Of a convolution that may be expanded: its weights, and what finds them, take their square."""


@dataclass(frozen=True)
class Plan:
    """How a window of a stage is run in 32-bit integers.

    Attributes:
        steps: T.
        wraps_sums: whether sums have to be cut to a convolution's 24 bits.
        cuts: whether a sum may lose bits, a current wrap or a potential be clipped.
    """

    steps: int
    wraps_sums: bool
    cuts: bool


@dataclass(frozen=True, eq=False)
class Prepared:
    """A stage for the compiled loop.

    Attributes:
        stage: what it is.
        patches: synapses from the population before; of no inputs where there are none.
        recurrent: synapses to itself, or None.
        neurons: its constants.
    """

    stage: Stage
    patches: Patches
    recurrent: Patches | None
    neurons: Neurons

    @property
    def by_reference(self) -> bool:
        """Whether no compiled loop runs it: sums of several sources, or sent as they are."""
        return self.stage.sum_shift is not None or bool(self.stage.joining)

    @property
    def dense(self) -> bool:
        """Whether it runs as a dense layer."""
        return self.patches.dense

    @property
    def _loses_bits(self) -> bool:
        """Whether sums are shifted right by more bits than all weights have to spare."""
        pairs = ((self.stage.synapse, self.patches), (self.stage.recurrent, self.recurrent))
        return any(synapse and patches and synapse.shift > patches.scale for synapse, patches in pairs)

    def plan(self, peak: int | None, frames: int, steps: int, largest_bias: int | None = None) -> Plan | None:
        """How to run a window whose inputs come in ``frames`` steps.

        Args:
            peak: magnitude within which graded inputs stay; None for spikes.
            largest_bias: state units; None for the stage's own biases.

        Returns:
            None where a sum or a state could leave the 32 bits in which Lava computes it.
        """
        arriving = self.patches.reach if peak is None else self.patches.signed_reach * peak
        wraps_sums = isinstance(self.stage.layer, Conv) and arriving >= _CONV_SUM_LIMIT
        sums = min(arriving, _CONV_SUM_LIMIT) if wraps_sums else _shifted(arriving, self.stage.synapse)
        if self.recurrent is not None:
            sums, frames = sums + _shifted(self.recurrent.reach, self.stage.recurrent), steps
        if largest_bias is None:
            largest_bias = int(np.abs(self.neurons.bias.astype(np.int64)).max(initial=0))
        drive = sums << STATE_SHIFT
        current = drive * frames if self.neurons.kept_u.any() else drive
        potential = (current + largest_bias) * (steps if self.neurons.kept_v.any() else 1)
        # a wrap brings a current back into 24 bits if no step adds more than 24, a clip every potential
        wrapped = STATE_HALF_RANGE + drive if drive <= 2 * STATE_HALF_RANGE else current
        if (
            max(peak or 0, arriving, min(current, wrapped) + STATE_HALF_RANGE + largest_bias)
            >= _INT32_HALF_RANGE
        ):
            return None
        cuts = wraps_sums or self._loses_bits or current >= STATE_HALF_RANGE or potential > POTENTIAL_LIMIT
        return Plan(steps, wraps_sums, cuts)


@lru_cache(maxsize=16)
def prepare(stages: tuple[Stage, ...], input_shape: Shape) -> tuple[Prepared, ...]:
    """All stages of a compiled model, whose samples are of ``input_shape``."""
    sources = (input_shape, *(stage.shape for stage in stages))
    return tuple(_prepare(stage, source) for stage, source in zip(stages, sources, strict=False))


def _prepare(stage: Stage, source: Shape) -> Prepared:
    layer, neuron = stage.layer, stage.neuron
    order = positions(stage.shape)
    recurrent = None
    if isinstance(layer, Input) or stage.joining or stage.sum_shift is not None:
        patches = no_patches(stage.shape)
    else:
        assert stage.synapse is not None and stage.fan_out is not None
        arriving = positions(source)
        weight = stage.synapse.weight.numpy().astype(np.int64)
        fan_out = stage.fan_out.numpy().astype(np.int64)[arriving]
        if isinstance(layer, Conv):
            patches = _conv_patches(layer, weight, stage, fan_out)
        else:
            patches = dense_patches(weight[:, arriving], fan_out)
    if isinstance(layer, Dense) and stage.recurrent is not None:
        assert stage.recurrent_fan_out is not None
        recurrent = dense_patches(
            stage.recurrent.weight.numpy().astype(np.int64), stage.recurrent_fan_out.numpy().astype(np.int64)
        )
        patches, recurrent = alike(patches, recurrent)
    neurons = Neurons(
        _rows(_each(stage.bias, stage.shape)[order], patches),
        _rows(DECAY_UNITY - _each(neuron.current_decay, stage.shape)[order], patches)[0],
        _rows(DECAY_UNITY - _each(neuron.voltage_decay, stage.shape)[order], patches)[0],
        neuron.threshold << STATE_SHIFT if neuron.spikes else POTENTIAL_LIMIT,
        -1 if neuron.reset == "soft" else 0,
        not _each(stage.bias, stage.shape).all(),
        _present(patches),
    )
    return Prepared(stage, patches, recurrent, neurons)


def _conv_patches(layer: Conv, weight: np.ndarray, stage: Stage, fan_out: np.ndarray) -> Patches:
    """As patches of a dense layer where that is less work: a few outputs, which most inputs reach."""
    geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
    patches = conv_patches(weight, stage.input_shape, stage.shape, *geometry, fan_out)
    outputs, inputs = prod(stage.shape), prod(stage.input_shape)
    per_event = (patches.places.rows * patches.places.blocks)[patches.places.phase].mean()
    if -(-outputs // LANES) > _DENSE_GAIN * per_event or inputs > _MOST_INPUTS:
        return patches
    one_each = torch.eye(inputs, dtype=torch.float64).view(inputs, *stage.input_shape)
    reached = F.conv2d(one_each, torch.from_numpy(weight).double(), None, *geometry)
    matrix = reached.flatten(1).T.numpy()[positions(stage.shape)][:, positions(stage.input_shape)]
    return dense_patches(matrix.astype(np.int64), fan_out)


def in_rows(values: np.ndarray, patches: Patches) -> np.ndarray:
    """``(N, K)`` of values ``(N, neurons)`` in (H, W, C) order: each line padded with zeros to whole rows."""
    lines, width = patches.places.lines, patches.places.width
    padded = np.zeros((len(values), lines, -(-width // LANES) * LANES), dtype=values.dtype)
    padded[:, :, :width] = values.reshape(-1, lines, width)
    return padded.reshape(len(values), -1)


def _present(patches: Patches) -> np.ndarray:
    """``(K / 32,)`` uint32: which of each row are neurons."""
    neurons = np.ones((1, patches.places.lines * patches.places.width), dtype=bool)
    rows = np.packbits(in_rows(neurons, patches).reshape(-1, LANES), axis=1, bitorder="little")
    return rows.view(np.uint32)[:, 0].copy()


def _rows(values: np.ndarray, patches: Patches) -> np.ndarray:
    """``(1, K)`` of values ``(neurons,)``; one row where they are all equal."""
    if (values == values[0]).all():
        return np.full((1, LANES), values[0])
    return in_rows(values[None], patches)


def _shifted(reach: int, synapse: Synapse | None) -> int:
    """What sums of this reach stay within after the synapse's shift, which rounds down."""
    return reach if synapse is None or synapse.shift == 0 else (reach >> synapse.shift) + 1


def _each(values: torch.Tensor | int | None, shape: Shape) -> np.ndarray:
    """``(neurons,)`` int32 of what broadcasts against the shape; zeros for None."""
    tensor = torch.as_tensor(0 if values is None else values)
    return tensor.expand(shape).reshape(-1).to(torch.int32).numpy()
