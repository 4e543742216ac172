"""SLAYER's synapses with time folded into the batch: the same products, without its time-last strides."""

from __future__ import annotations

import torch

from lavarobust.compat import activate
from lavarobust.dynamics import Convolution, Trajectory, conv_sums, dense_sums
from lavarobust.snn.neuron import IntegerNeuron
from lavarobust.snn.scalars import DeviceScalars

activate()

from lava.lib.dl import slayer  # noqa: E402


class FoldedConv(slayer.synapse.Conv):
    """A ``slayer.synapse.Conv`` that multiplies all steps as one batch of images."""

    def product(self, frames: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Sums ``(F, N, C', H', W')`` of frames ``(F, N, C, H, W)`` and weight ``(C', C/g, kH, kW, 1)``."""
        steps, samples = frames.shape[:2]
        sums = conv_sums(
            frames.flatten(0, 1),
            weight.squeeze(-1),
            self.convolution.stride,
            self.convolution.padding,
            self.convolution.dilation,
            self.groups,
        )
        return sums.unflatten(0, (steps, samples))

    @property
    def convolution(self) -> Convolution:
        """How its kernel moves."""
        stride, padding, dilation = (tuple(pair[:2]) for pair in (self.stride, self.padding, self.dilation))
        return Convolution(stride, padding, dilation, self.groups)

    def integrate(
        self,
        frames: torch.Tensor,
        weight: torch.Tensor,
        neuron: IntegerNeuron,
        steps: int,
        bias: torch.Tensor | None,
        scalars: DeviceScalars | None = None,
    ) -> Trajectory:
        """What a population does behind this synapse, as :meth:`product` feeds it."""
        return neuron.integrate_conv(frames, weight.squeeze(-1), self.convolution, steps, bias, scalars)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Sums ``(N, C', H', W', T)`` of ``(N, C, H, W, T)``, SLAYER's own layout."""
        return self.product(input.movedim(-1, 0), _hooked(self)).movedim(0, -1)


class FoldedDense(slayer.synapse.Dense):
    """A ``slayer.synapse.Dense`` that multiplies all steps as one batch of vectors."""

    def product(self, frames: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Sums ``(F, N, out)`` of frames ``(F, N, ...)``, flattened in (C, H, W) order."""
        return dense_sums(frames, weight.flatten(1))

    def integrate(
        self,
        frames: torch.Tensor,
        weight: torch.Tensor,
        neuron: IntegerNeuron,
        steps: int,
        bias: torch.Tensor | None,
        scalars: DeviceScalars | None = None,
    ) -> Trajectory:
        """What a population does behind this synapse, as :meth:`product` feeds it."""
        return neuron.integrate(self.product(frames, weight), steps, bias, scalars)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Sums ``(N, out, T)`` of ``(N, in, T)``, SLAYER's own layout."""
        return self.product(input.movedim(-1, 0), _hooked(self)).movedim(0, -1)


def _hooked(synapse: slayer.synapse.Conv | slayer.synapse.Dense) -> torch.Tensor:
    hook = synapse.pre_hook_fx
    return synapse.weight if hook is None else hook(synapse.weight)
