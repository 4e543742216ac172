"""From trained float parameters to the integers of one layer: batch norm folded in, one scale per layer.

A layer's real drive ``y = W x + b`` against threshold h becomes ``S y`` against ``S h``: the scale S is
free, so it is the largest that keeps weights in 8 bits, the threshold in 17, the bias mantissa in
13 and the states seen so far inside 24 bits with a factor 2 to spare.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from lavarobust.dynamics.unshared import nearest
from lavarobust.netx.limits import BIAS_MAX, SUM_LIMIT, THRESHOLD_MAX, WEIGHT_MAX, WEIGHT_STEP
from lavarobust.snn.scalars import DeviceScalars
from lavarobust.snn.straight import straight_through

HEADROOM = 2.0

GRADED_UNITS = 32.0
"""Of a graded value at least: finer ones would leave their receivers' weights too few bits."""

BESIDE_MAX = 127
"""Of a shortcut's weights, which share a power of two of their own."""


@dataclass(frozen=True, eq=False)
class LayerParameters:
    """What the synapse and the neuron of one layer use in a forward pass.

    Attributes:
        weight: in the synapse's shape; even integers in [-254, 254] when quantised.
        bias: ``(out,)`` mantissas, or None.
        scalars: threshold and leak of its neurons.
        scale: S, integer units per real unit of drive.
        shortcut: weight of the synapses beside it, or None.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    scalars: DeviceScalars
    scale: float
    shortcut: torch.Tensor | None = None

    @property
    def shift(self) -> int:
        """Bits that a graded sum rounds away: what it sends has 32 to 64 units per real unit, or fewer."""
        return max(0, math.floor(math.log2(max(self.scale, 1.0) / GRADED_UNITS)))


def fold_batch_norm(
    weight: torch.Tensor,
    gain: torch.Tensor,
    offset: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    epsilon: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias ``(out,)`` that equal batch norm behind ``weight`` (Jacob et al. 2018, Eq. 14)."""
    factor, bias = batch_norm_factor(gain, offset, mean, variance, epsilon)
    return weight * factor.view(-1, *(1,) * (weight.dim() - 1)), bias


def batch_norm_factor(
    gain: torch.Tensor,
    offset: torch.Tensor,
    mean: torch.Tensor,
    variance: torch.Tensor,
    epsilon: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """``(out,)`` twice: what a batch norm multiplies by, and what it then adds."""
    factor = gain / torch.sqrt(variance + epsilon)
    return factor, offset - mean * factor


def layer_scale(
    weight: torch.Tensor, bias: torch.Tensor | None, peak: float, threshold: float = 1.0
) -> float:
    """The largest S that every bit width allows.

    Args:
        weight: real weights per integer unit of input.
        bias: real bias or None.
        peak: largest real current or potential seen.
        threshold: in real units, like everything here.
    """
    largest_weight = max(float(weight.detach().abs().max()), 1e-12)
    limits = [WEIGHT_MAX / largest_weight, THRESHOLD_MAX / threshold]
    if bias is not None:
        limits.append(BIAS_MAX / max(float(bias.detach().abs().max()), 1e-12))
    if peak > 0:
        limits.append(SUM_LIMIT / (HEADROOM * peak))
    return min(limits)


def quantise(
    weight: torch.Tensor, bias: torch.Tensor | None, scalars: DeviceScalars, scale: float
) -> LayerParameters:
    """Round to the device's integers, straight through in the backward pass."""
    scaled = weight * scale
    even = nearest(scaled.detach() / WEIGHT_STEP).mul_(WEIGHT_STEP).clamp_(-WEIGHT_MAX, WEIGHT_MAX)
    mantissa = None
    if bias is not None:
        rounded = nearest(bias.detach() * scale).clamp_(-BIAS_MAX, BIAS_MAX)
        mantissa = straight_through(bias * scale, rounded)
    return LayerParameters(straight_through(scaled, even), mantissa, scalars, scale)


def quantise_beside(weight: torch.Tensor, scale: float) -> torch.Tensor:
    """A shortcut's weights on the scale of the layer they join, in 8 bits times a power of two of their own.

    The scale is chosen for the layer's own weights, and those of an identity are much larger.
    """
    scaled = weight * scale
    largest = float(scaled.detach().abs().max())
    step = 1 << max(0, math.ceil(math.log2(max(largest, 1.0) / BESIDE_MAX)))
    return straight_through(scaled, nearest(scaled.detach() / step).mul_(step))


def unrounded(
    weight: torch.Tensor, bias: torch.Tensor | None, scalars: DeviceScalars, scale: float
) -> LayerParameters:
    """The same layer in float: what the network would be without quantised weights and biases."""
    return LayerParameters(weight * scale, None if bias is None else bias * scale, scalars, scale)
