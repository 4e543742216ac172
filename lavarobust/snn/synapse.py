"""SLAYER's synapses with time folded into the batch: the same products, without its time-last strides."""

from __future__ import annotations

import torch

from lavarobust.compat import activate
from lavarobust.dynamics import conv_sums, dense_sums

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
            self.stride[:2],
            self.padding[:2],
            self.dilation[:2],
            self.groups,
        )
        return sums.unflatten(0, (steps, samples))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Sums ``(N, C', H', W', T)`` of ``(N, C, H, W, T)``, SLAYER's own layout."""
        return self.product(input.movedim(-1, 0), _hooked(self)).movedim(0, -1)


class FoldedDense(slayer.synapse.Dense):
    """A ``slayer.synapse.Dense`` that multiplies all steps as one batch of vectors."""

    def product(self, frames: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Sums ``(F, N, out)`` of frames ``(F, N, ...)``, flattened in (C, H, W) order."""
        return dense_sums(frames.flatten(2), weight.flatten(1))

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Sums ``(N, out, T)`` of ``(N, in, T)``, SLAYER's own layout."""
        return self.product(input.movedim(-1, 0), _hooked(self)).movedim(0, -1)


def _hooked(synapse: slayer.synapse.Conv | slayer.synapse.Dense) -> torch.Tensor:
    hook = synapse.pre_hook_fx
    return synapse.weight if hook is None else hook(synapse.weight)
