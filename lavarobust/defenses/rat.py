"""RAT: training that bounds what a layer can enlarge (Ding, Bu, Yu, Huang & Liu, NeurIPS 2022, SNN-RAT).

Each update is followed by a step towards weights with orthonormal rows, one row per output channel, after
Parseval networks (Cisse et al. 2017): ``W <- (1 + b) W - b W W^T W``. As in the paper's code (``SNN-RAT:
utils.py``), a dense layer of 200 outputs or more takes the step for a random 30 % of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from lavarobust.errors import SettingsError
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.shortcut import ResidualBlock
from lavarobust.snn.synapse import FoldedConv, FoldedDense
from lavarobust.training.objective import Batch, Loss, Objective

MANY_ROWS = 200
SHARE_OF_MANY = 0.3


def parseval_step(weight: torch.Tensor, beta: float) -> torch.Tensor:
    """``(rows, inputs)`` one step nearer to orthonormal rows: ``(1 + b) W - b W W^T W``."""
    return (1 + beta) * weight - beta * (weight @ weight.T) @ weight


def simplex_projection(values: torch.Tensor) -> torch.Tensor:
    """The point of the simplex (no entry below 0, sum 1) nearest to ``(n,)`` values.

    Held, Wolfe & Crowder 1974, as in Parseval networks' Algorithm 1.
    """
    falling = values.sort(descending=True).values
    excess = (falling.cumsum(0) - 1) / torch.arange(1, len(values) + 1).to(values)
    supported = int((falling > excess).sum())
    return (values - excess[supported - 1]).clamp(min=0)


def lipschitz_penalty(network: SpikingNetwork) -> torch.Tensor:
    """Scalar: per layer, the largest sum of positive and the largest of negative weights of any neuron.

    No input of zeros and ones drives a neuron further than that; SNN-RAT's code offers it as an
    alternative to the projection (``arsnn_reg``).
    """
    total = torch.zeros(())
    for synapse in _trained_synapses(network):
        rows = synapse.weight.flatten(1)
        total = total + rows.clamp(min=0).sum(1).amax() + (-rows).clamp(min=0).sum(1).amax()
    return total


@torch.no_grad()
def project(network: SpikingNetwork, beta: float, generator: torch.Generator) -> None:
    """Take one Parseval step in every layer, and keep the shares of joining paths on the simplex.

    Args:
        beta: of the step.
        generator: draws the rows of large dense layers.
    """
    for synapse in _trained_synapses(network):
        weight = synapse.weight
        rows = torch.arange(len(weight))
        if isinstance(synapse, FoldedDense) and len(weight) >= MANY_ROWS:
            drawn = torch.randperm(len(weight), generator=generator)
            rows = drawn[: int(len(weight) * SHARE_OF_MANY)].to(weight.device)
        chosen = weight[rows]
        weight[rows] = parseval_step(chosen.flatten(1), beta).view_as(chosen)
    for block in network.stack:
        if isinstance(block, ResidualBlock) and block.shares is not None:
            block.shares.copy_(simplex_projection(block.shares))


def _trained_synapses(network: SpikingNetwork) -> list[FoldedConv | FoldedDense]:
    return [
        part
        for part in network.modules()
        if isinstance(part, (FoldedConv, FoldedDense)) and part.weight.requires_grad
    ]


@dataclass(frozen=True)
class Parseval(Objective):
    """Another objective, a Parseval step behind each of its updates; weight decay should be 0.

    Attributes:
        objective: whatever trains the weights.
        beta: of the step; 0.004 in SNN-RAT's published checkpoint.

    Raises:
        SettingsError: beta is not in 0 .. 1.
    """

    objective: Objective
    beta: float = 0.004

    def __post_init__(self) -> None:
        if not 0 <= self.beta <= 1:
            raise SettingsError(f"parseval: beta is {self.beta}. Give a number from 0 to 1")

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """The objective's losses; behind each, the projection."""
        for loss in self.objective.losses(network, batch):
            yield loss
            project(network, self.beta, batch.generator)

    def state(self) -> Mapping[str, torch.Tensor]:
        """The objective's."""
        return self.objective.state()

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from what :meth:`state` gave."""
        self.objective.restore(state)


@dataclass(frozen=True)
class Lipschitz(Objective):
    """Another objective with :func:`lipschitz_penalty` added to each of its losses.

    Attributes:
        objective: whatever trains the weights.
        weight: of the penalty.

    Raises:
        SettingsError: weight is not above 0.
    """

    objective: Objective
    weight: float

    def __post_init__(self) -> None:
        if not 0 < self.weight < float("inf"):
            raise SettingsError(f"lipschitz: weight is {self.weight}. Give a number above 0")

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """The objective's losses, each with the penalty."""
        for loss in self.objective.losses(network, batch):
            yield Loss(loss.value + self.weight * lipschitz_penalty(network), loss.logits)

    def state(self) -> Mapping[str, torch.Tensor]:
        """The objective's."""
        return self.objective.state()

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from what :meth:`state` gave."""
        self.objective.restore(state)
