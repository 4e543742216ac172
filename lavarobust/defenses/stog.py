"""StoG: gate probabilities trained beside the weights (Ding, Yu, Huang & Liu, AAAI 2024).

The loss is ``L_task + gamma / 2 * sum p**2`` (Eq. 25; the paper's code takes the raw, unclamped p). Gates
have an optimiser of their own, without weight decay, and learn in the first epochs only; then they are
fixed. The paper steps the weights, adds the prior's gradient and steps the gates. One backward pass of
the sum gives the same bytes: no prior reaches a weight, and neither optimiser touches the other's
parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch

from lavarobust.errors import SettingsError
from lavarobust.snn.gate import StochasticGate, gates_of
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.checkpoint import optimiser_tensors, restore_optimiser
from lavarobust.training.objective import Batch, Loss, Objective


def gate_prior(gates: tuple[StochasticGate, ...]) -> torch.Tensor:
    """``sum p**2 / 2`` over all neurons' raw probabilities; scalar."""
    return 0.5 * torch.stack([gate.raw.square().sum() for gate in gates]).sum()


@dataclass(eq=False)
class StochasticGating(Objective):
    """Another objective on a network with gates, whose probabilities are trained along.

    Attributes:
        objective: whatever trains the weights.
        epochs: of the whole training, over which the gates' rate falls on a cosine, once an epoch.
        gate_epochs: the first so many train the gates (100 of 200 in the paper).
        gamma: weight of the prior, per update. The prior alone shrinks p by ``rate / (1 - momentum) *
            gamma`` an update, so that a training of fewer updates needs a larger one: with the paper's
            1e-5, batches and epochs this product leaves p = 0.53, and it reports a mean of about 0.52.
        learning_rate, momentum: of the gates' SGD.

    Raises:
        SettingsError: an impossible value; in training, a network without gates.
    """

    objective: Objective
    epochs: int
    gate_epochs: int
    gamma: float = 5e-6
    learning_rate: float = 0.1
    momentum: float = 0.9
    _optimiser: torch.optim.SGD | None = field(default=None, init=False, repr=False)
    _memory: Mapping[str, torch.Tensor] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.gate_epochs <= self.epochs:
            raise SettingsError(
                f"stog: gates train in {self.gate_epochs} of {self.epochs} epochs. Give 0 to {self.epochs}"
            )
        if not (0 <= self.gamma < math.inf and 0 < self.learning_rate < math.inf and 0 <= self.momentum < 1):
            raise SettingsError(
                f"stog: gamma is {self.gamma}, learning_rate {self.learning_rate} and momentum "
                f"{self.momentum}. Give at least 0, above 0, and from 0 to below 1"
            )

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """The objective's losses with the prior added; the gates step after each of the loop's updates."""
        gates = gates_of(network)
        if not gates:
            raise SettingsError("stog: the network has no gates to train. Give it some: network.gate")
        training = batch.epoch < self.gate_epochs
        for gate in gates:
            gate.requires_grad_(training)
        if not training:
            yield from self.objective.losses(network, batch)
            return
        optimiser = self._gate_optimiser(gates, batch.epoch)
        for loss in self.objective.losses(network, batch):
            optimiser.zero_grad(set_to_none=True)
            yield Loss(loss.value + self.gamma * gate_prior(gates), loss.logits)
            optimiser.step()

    def state(self) -> Mapping[str, torch.Tensor]:
        """The gates' momentum, and the objective's own state."""
        memory = optimiser_tensors(self._optimiser) if self._optimiser is not None else self._memory
        named = {f"gates/{name}": tensor for name, tensor in memory.items()}
        return named | {f"objective/{name}": tensor for name, tensor in self.objective.state().items()}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from what :meth:`state` gave."""
        self._optimiser, self._memory = None, _below(state, "gates/")
        self.objective.restore(_below(state, "objective/"))

    def _gate_optimiser(self, gates: tuple[StochasticGate, ...], epoch: int) -> torch.optim.SGD:
        if self._optimiser is None:
            raw = [gate.raw for gate in gates]
            self._optimiser = torch.optim.SGD(raw, self.learning_rate, momentum=self.momentum)
            restore_optimiser(self._optimiser, self._memory, "gates")
        rate = self.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        return self._optimiser


def _below(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
