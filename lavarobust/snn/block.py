"""SLAYER blocks of a synapse and an integer neuron; what trains is the quantised, folded layer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from lavarobust.compat import activate
from lavarobust.draws import Keys
from lavarobust.dynamics import Trajectory
from lavarobust.netx.limits import DECAY_UNITY, READOUT_THRESHOLD, STATE_SHIFT
from lavarobust.snn.folding import (
    LayerParameters,
    batch_norm_factor,
    fold_batch_norm,
    layer_scale,
    quantise,
    unrounded,
)
from lavarobust.snn.gate import StochasticGate
from lavarobust.snn.neuron import IntegerNeuron
from lavarobust.snn.scalars import DeviceScalars, NeuronScalars
from lavarobust.snn.settings import BlockSettings
from lavarobust.snn.signal import PLAIN, Signal, Units, channelwise, sum_pool
from lavarobust.snn.synapse import FoldedConv, FoldedDense

activate()

from lava.lib.dl.slayer.block import base  # noqa: E402

BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.1
PEAK_DECAY = 0.99


class _FoldingBlock(torch.nn.Module):
    """What dense and conv blocks share: parameters, folding, quantisation, the forward pass."""

    synapse: FoldedConv | FoldedDense
    synapse_params: dict[str, Any]
    neuron: IntegerNeuron
    running_mean: torch.Tensor
    running_variance: torch.Tensor
    frozen_scale: torch.Tensor
    peak: torch.Tensor

    def _assemble(
        self,
        kind: type[FoldedConv | FoldedDense],
        settings: BlockSettings,
        generator: torch.Generator,
    ) -> None:
        self.settings = settings
        self.gate: StochasticGate | None = None
        self.synapse = synapse = kind(**self.synapse_params)
        self.neuron = IntegerNeuron(
            threshold=1 if settings.spiking else READOUT_THRESHOLD,
            current_decay=0 if settings.holds_input else DECAY_UNITY,
            voltage_decay=settings.voltage_decay,
            surrogate=settings.surrogate,
            reset=settings.neuron.reset if settings.spiking else "hard",
        )
        self.scalars = NeuronScalars(settings.neuron, settings.leak) if settings.spiking else None
        del self.neuron_params, self.synapse_params
        outputs = synapse.weight.shape[0]
        fan_in = synapse.weight[0].numel()
        with torch.no_grad():
            synapse.weight.copy_(
                torch.randn(synapse.weight.shape, generator=generator) * math.sqrt(2.0 / fan_in)
            )
        self.gain = torch.nn.Parameter(torch.ones(outputs)) if settings.batch_norm else None
        shifted = settings.batch_norm or settings.bias
        self.offset = torch.nn.Parameter(torch.zeros(outputs)) if shifted else None
        self.register_buffer("running_mean", torch.zeros(outputs))
        self.register_buffer("running_variance", torch.ones(outputs))
        self.register_buffer("frozen_scale", torch.zeros(()))
        self.register_buffer("peak", torch.zeros(()))

    @property
    def frozen(self) -> bool:
        """True once statistics and scale are fixed, so that training moves the deployed integers only."""
        return float(self.frozen_scale) > 0

    def forget_statistics(self) -> None:
        """Begin the batch-norm statistics and the largest states seen anew, as conversion does."""
        self.running_mean.zero_()
        self.running_variance.fill_(1.0)
        self.peak.zero_()

    def freeze(self, units: Units = PLAIN) -> None:
        """Fix the batch-norm statistics and the integer scale at their present values."""
        if not self.frozen:
            weight, bias = self._folded(self.running_mean, self.running_variance, units)
            self.frozen_scale.fill_(self._scale(weight, bias))

    def parameters_now(self, quantised: bool = True, units: Units = PLAIN) -> LayerParameters:
        """The layer with running statistics: what evaluation runs and deployment writes."""
        return self._layer_parameters(self.running_mean, self.running_variance, quantised, units)

    def sent_units(self, parameters: LayerParameters) -> float:
        """Integer units per real unit of what it sends with these parameters."""
        return 1.0

    def run(
        self,
        frames: torch.Tensor,
        steps: int,
        quantised: bool = True,
        keys: Keys | None = None,
        units: float = 1.0,
        beside: Signal | None = None,
    ) -> tuple[Trajectory, LayerParameters]:
        """Run the block over one window; the trajectory holds the spikes that are sent.

        Args:
            frames: ``(F, N, *shape)`` integer-valued inputs of the first F steps, time first.
            steps: T >= F.
            quantised: False runs the unrounded layer.
            keys: of a gate's draws; None for the samples' positions.
            units: integer units per real unit of ``frames``, where their sender has any.
            beside: what a shortcut brings, of a block that has one.
        """
        frames = self._pooled(frames)
        both = (units, 1.0 if beside is None else beside.units)
        statistics = self.running_mean, self.running_variance
        if self.training and self.gain is not None and not self.frozen:
            statistics = self._batch_statistics(self._real_drive(frames, units, beside))
        parameters = self._layer_parameters(*statistics, quantised, both)
        if self.scalars is not None:
            self.neuron.set_scalars(parameters.scalars.threshold, parameters.scalars.voltage_decay)
            self.neuron.surrogate = self.settings.surrogate.at(float(self.scalars.threshold.detach()))
        trajectory = self._integrate(frames, parameters, steps, beside)
        if self.training and not self.frozen:
            seen = max(trajectory.peak_current, trajectory.peak_potential) / (1 << STATE_SHIFT)
            self.peak.copy_(torch.maximum(self.peak * PEAK_DECAY, torch.tensor(seen / parameters.scale)))
        if self.gate is not None:
            keys = keys or Keys(np.arange(frames.shape[1]))
            trajectory = replace(trajectory, spikes=self.gate(trajectory.spikes, keys))
        return trajectory, parameters

    def rectify(self, values: torch.Tensor, beside: torch.Tensor | None = None) -> torch.Tensor:
        """The same layer without time or rounding: its rectified drive, or a readout's drive itself.

        Args:
            values: ``(N, *shape)`` in the units of the block's integer input (spikes have 1).
            beside: what a shortcut brings, likewise.
        """
        joining = None if beside is None else Signal(beside.unsqueeze(0))
        drive = self.drive(values.unsqueeze(0), beside=joining)[0]
        return torch.relu(drive) if self.settings.spiking else drive

    def drive(self, frames: torch.Tensor, units: float = 1.0, beside: Signal | None = None) -> torch.Tensor:
        """``(F, N, *shape)`` what the neurons are driven by in each step, unrounded, in real units.

        Args:
            frames, units, beside: as :meth:`run` has them; in ``train`` mode the batch norm takes their own
                statistics.
        """
        drive = self._real_drive(self._pooled(frames), units, beside)
        bias: torch.Tensor | None = self.offset
        if self.gain is not None:
            assert bias is not None
            statistics = self.running_mean, self.running_variance
            if self.training:
                statistics = self._batch_statistics(drive)
            factor, bias = batch_norm_factor(self.gain, bias, *statistics, BATCH_NORM_EPSILON)
            drive = drive * channelwise(factor, drive)
        return drive if bias is None else drive + channelwise(bias, drive)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes ``(N, *shape, T)`` of integer-valued ``(N, *shape, T)``, SLAYER's own layout."""
        return self.run(x.movedim(-1, 0), x.shape[-1])[0].spikes.movedim(0, -1)

    def _pooled(self, frames: torch.Tensor) -> torch.Tensor:
        return sum_pool(frames, self.settings.pool) if self.settings.pool > 1 else frames

    def _real_drive(self, frames: torch.Tensor, units: float, beside: Signal | None) -> torch.Tensor:
        """What pooled frames drive the neurons with before any batch norm, in real units."""
        return self.synapse.product(frames, self._weight) / (self._input_units * units)

    def _integrate(
        self, frames: torch.Tensor, parameters: LayerParameters, steps: int, beside: Signal | None
    ) -> Trajectory:
        """What the neurons do when pooled frames arrive."""
        return self.synapse.integrate(
            frames, parameters.weight, self.neuron, steps, self._bias(parameters), parameters.scalars
        )

    def _bias(self, parameters: LayerParameters) -> torch.Tensor | None:
        """State units that broadcast against the block's shape."""
        if parameters.bias is None:
            return None
        axes = 2 if isinstance(self.synapse, FoldedConv) else 0
        return (parameters.bias * (1 << STATE_SHIFT)).view(-1, *(1,) * axes)

    def _batch_statistics(self, drive: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        axes = [axis for axis in range(drive.dim()) if axis != 2]
        mean = drive.mean(axes)
        variance = drive.var(axes, unbiased=False)
        with torch.no_grad():
            self.running_mean.lerp_(mean, BATCH_NORM_MOMENTUM)
            self.running_variance.lerp_(variance, BATCH_NORM_MOMENTUM)
        return mean, variance

    def _folded(
        self, mean: torch.Tensor, variance: torch.Tensor, units: Units
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        weight = self._weight
        bias: torch.Tensor | None = self.offset
        if self.gain is not None:
            assert bias is not None
            weight, bias = fold_batch_norm(weight, self.gain, bias, mean, variance, BATCH_NORM_EPSILON)
        return weight / (self._input_units * units[0]), bias

    def _layer_parameters(
        self, mean: torch.Tensor, variance: torch.Tensor, quantised: bool, units: Units
    ) -> LayerParameters:
        weight, bias = self._folded(mean, variance, units)
        scale = float(self.frozen_scale) or self._scale(weight, bias)
        scalars = DeviceScalars(READOUT_THRESHOLD, self.settings.voltage_decay)
        if self.scalars is not None:
            scalars = self.scalars.on_device(scale)
        return (quantise if quantised else unrounded)(weight, bias, scalars, scale)

    def _scale(self, weight: torch.Tensor, bias: torch.Tensor | None) -> float:
        threshold = 1.0 if self.scalars is None else float(self.scalars.threshold.detach())
        return layer_scale(weight, bias, float(self.peak), threshold)

    @property
    def _weight(self) -> torch.Tensor:
        """Trained weights of its own synapse."""
        weight: torch.Tensor = self.synapse.weight
        return weight

    @property
    def _input_units(self) -> float:
        """Integer units per real unit of what the synapse multiplies: an average is a sum over pool**2."""
        return self.settings.input_units * self.settings.pool**2


class ConvBlock(_FoldingBlock, base.AbstractConv):
    """Convolution and integer neuron; arguments as SLAYER's block, plus :class:`BlockSettings`."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int,
        settings: BlockSettings,
        generator: torch.Generator,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        base.AbstractConv.__init__(
            self, None, in_features, out_features, kernel_size, stride, padding, dilation, groups,
            delay_shift=False,
        )  # fmt: skip
        self._assemble(FoldedConv, settings, generator)


class DenseBlock(_FoldingBlock, base.AbstractDense):
    """Dense synapse and integer neuron; arguments as SLAYER's block, plus :class:`BlockSettings`."""

    def __init__(
        self, in_neurons: int, out_neurons: int, settings: BlockSettings, generator: torch.Generator
    ) -> None:
        base.AbstractDense.__init__(self, None, in_neurons, out_neurons, delay_shift=False)
        self._assemble(FoldedDense, settings, generator)


Block = ConvBlock | DenseBlock
