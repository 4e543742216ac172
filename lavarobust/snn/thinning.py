"""Networks without gates in place of one with: stock neurons throughout, the same answer at every draw.

What a gate sends on average is ``p`` of a neuron's spikes. A dense layer behind it takes that into each
weight. A convolution shares its weights among the places of a channel, and takes the channel's mean
probability: an approximation wherever the gates of a channel differ, and the network should be
evaluated as one of its own. Batch-norm statistics stay valid, as they were taken behind the gates.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
import torch.nn.functional as F

from lavarobust.snn.block import Block
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.shortcut import ResidualBlock
from lavarobust.snn.synapse import FoldedConv, FoldedDense

Factor = Callable[[torch.Tensor], torch.Tensor]
Arriving = torch.Tensor | None


def thinned(network: SpikingNetwork) -> SpikingNetwork:
    """A copy whose gates are open for good, each weight behind them scaled by its input's probability."""
    return _without_gates(network, lambda probability: probability)


def masked(network: SpikingNetwork, level: float) -> SpikingNetwork:
    """A copy whose gates are frozen: open for good from a probability of ``level`` on, else closed.

    A closed neuron's weights become zero, behind a convolution those of channels below the level.
    """
    return _without_gates(network, lambda probability: (probability >= level).to(probability.dtype))


@torch.no_grad()
def _without_gates(network: SpikingNetwork, factor: Factor) -> SpikingNetwork:
    copy = deepcopy(network)

    def visit(block: Block, arriving: Arriving, beside: Arriving) -> Arriving:
        if arriving is not None:
            _scale_inputs(block.synapse, block.settings.pool, factor, arriving)
        if isinstance(block, ResidualBlock) and block.shortcut is not None and beside is not None:
            _scale_inputs(block.shortcut.synapse, block.shortcut.settings.pool, factor, beside)
        sent = None if block.gate is None else block.gate.probability.detach()
        block.gate = None
        return sent

    copy.walk(None, visit)
    return copy


def _scale_inputs(
    synapse: FoldedConv | FoldedDense, pool: int, factor: Factor, probability: torch.Tensor
) -> None:
    weight = synapse.weight
    if isinstance(synapse, FoldedConv):
        per_group = factor(probability.mean((1, 2))).view(synapse.groups, 1, -1, 1, 1, 1)
        weight.view(synapse.groups, -1, *weight.shape[1:]).mul_(per_group)
        return
    if probability.dim() == 3:
        # what arrives is a sum over pooled squares
        probability = F.avg_pool2d(probability, pool)
    weight.mul_(factor(probability).flatten().view(1, -1, *[1] * (weight.dim() - 2)))
