"""Blocks of residual networks: paths that join in one sum, and sums that go on as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from lavarobust.dynamics import Trajectory
from lavarobust.dynamics.graded import added, send_sums, unrounded_sums
from lavarobust.dynamics.unshared import are_whole, peak
from lavarobust.snn.block import (
    BATCH_NORM_EPSILON,
    ConvBlock,
)
from lavarobust.snn.folding import LayerParameters, batch_norm_factor, quantise_beside
from lavarobust.snn.settings import BlockSettings
from lavarobust.snn.signal import Signal, Units, sum_pool
from lavarobust.snn.synapse import FoldedConv


@dataclass(frozen=True)
class ShortcutSettings:
    """A path that joins a block's sums.

    Attributes:
        channels: of its source.
        stride: of its 1 x 1 convolution.
        pool: side of the average pool in front, 1 for none.
        identity: each channel as it is, in place of a trained 1 x 1 convolution.
        combined: a trained share of each path, 1/2 at first (ConvexCombination of
            ``TUG: models/WideResNet.py``).
    """

    channels: int
    stride: int = 1
    pool: int = 1
    identity: bool = False
    combined: bool = False


class Shortcut(torch.nn.Module):
    """The synapse of a shortcut: a 1 x 1 convolution, trained or the identity."""

    def __init__(self, settings: ShortcutSettings, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.settings = settings
        groups = channels if settings.identity else 1
        self.synapse = FoldedConv(settings.channels, channels, 1, settings.stride, groups=groups)
        with torch.no_grad():
            if settings.identity:
                self.synapse.weight.fill_(1.0)
            else:
                drawn = torch.randn(self.synapse.weight.shape, generator=generator)
                self.synapse.weight.copy_(drawn * math.sqrt(2.0 / settings.channels))
        self.synapse.weight.requires_grad_(not settings.identity)

    def product(self, signal: Signal, weight: torch.Tensor) -> torch.Tensor:
        """Sums ``(F, N, *shape)`` of what arrives."""
        frames = signal.frames
        if self.settings.pool > 1:
            frames = sum_pool(frames, self.settings.pool)
        return self.synapse.product(frames, weight)

    def input_units(self, units: float) -> float:
        """Integer units per real unit of what its synapse multiplies."""
        return units * self.settings.pool**2


class ResidualBlock(ConvBlock):
    """A convolution whose sums a shortcut joins, or go on as graded values, or both.

    Args:
        shortcut: what joins, or None.
        sends_sum: it has no neurons; what it sends is its sum, rounded to 32 to 64 units per real unit.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int,
        settings: BlockSettings,
        generator: torch.Generator,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        *,
        shortcut: ShortcutSettings | None = None,
        sends_sum: bool = False,
    ) -> None:
        if sends_sum:
            settings = replace(settings, spiking=False, batch_norm=False, bias=False)
        super().__init__(
            in_features, out_features, kernel_size, settings, generator, stride, padding, groups=groups
        )
        self.sends_sum = sends_sum
        self.shortcut = None if shortcut is None else Shortcut(shortcut, out_features, generator)
        combined = shortcut is not None and shortcut.combined
        self.shares = torch.nn.Parameter(torch.full((2,), 0.5)) if combined else None

    def sent_units(self, parameters: LayerParameters) -> float:
        """Integer units per real unit of the sums that it sends; 1 of spikes."""
        return parameters.scale / (1 << parameters.shift) if self.sends_sum else 1.0

    @property
    def _weight(self) -> torch.Tensor:
        weight: torch.Tensor = self.synapse.weight
        return weight if self.shares is None else weight * self.shares[1]

    @property
    def _shortcut_weight(self) -> torch.Tensor:
        assert self.shortcut is not None
        weight: torch.Tensor = self.shortcut.synapse.weight
        return weight if self.shares is None else weight * self.shares[0]

    def _real_drive(self, frames: torch.Tensor, units: float, beside: Signal | None) -> torch.Tensor:
        drive = super()._real_drive(frames, units, beside)
        if self.shortcut is None:
            return drive
        assert beside is not None
        joining = self.shortcut.product(beside, self._shortcut_weight)
        return drive + joining / self.shortcut.input_units(beside.units)

    def _layer_parameters(
        self, mean: torch.Tensor, variance: torch.Tensor, quantised: bool, units: Units
    ) -> LayerParameters:
        parameters = super()._layer_parameters(mean, variance, quantised, units)
        if self.shortcut is None:
            return parameters
        weight = self._shortcut_weight / self.shortcut.input_units(units[1])
        if self.gain is not None:
            assert self.offset is not None
            factor, _ = batch_norm_factor(self.gain, self.offset, mean, variance, BATCH_NORM_EPSILON)
            weight = weight * factor.view(-1, *(1,) * (weight.dim() - 1))
        scale = parameters.scale
        return replace(parameters, shortcut=quantise_beside(weight, scale) if quantised else weight * scale)

    def _integrate(
        self, frames: torch.Tensor, parameters: LayerParameters, steps: int, beside: Signal | None
    ) -> Trajectory:
        if self.shortcut is None and not self.sends_sum:
            return super()._integrate(frames, parameters, steps, beside)
        sums = self.synapse.product(frames, parameters.weight)
        if self.shortcut is not None:
            assert beside is not None and parameters.shortcut is not None
            sums = added([sums, self.shortcut.product(beside, parameters.shortcut)])
        if not self.sends_sum:
            return self.neuron.integrate(sums, steps, self._bias(parameters), parameters.scalars)
        if not are_whole(sums):  # of the float network
            return unrounded_sums(sums / (1 << parameters.shift), steps, peak(sums))
        return send_sums(sums, steps, parameters.shift)


class NormBlock(ConvBlock):
    """Neurons behind the batch norm of a graded value: a depthwise 1 x 1 convolution of ones, not trained."""

    def __init__(self, channels: int, settings: BlockSettings, generator: torch.Generator) -> None:
        super().__init__(channels, channels, 1, settings, generator, groups=channels)
        with torch.no_grad():
            self.synapse.weight.fill_(1.0)
        self.synapse.weight.requires_grad_(False)
