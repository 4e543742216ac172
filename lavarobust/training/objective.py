"""What training minimises: one small protocol, and the cross-entropy on images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.snn.network import SpikingNetwork

_DRAWS_OF_AN_EPOCH = 1 << 20


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step of training is made of.

    Attributes:
        images: ``(N, C, H, W)`` in [0, 1].
        labels: ``(N,)`` int64.
        indices: ``(N,)`` each image's index in its data set, the key of an encoder's or a gate's draws.
        generator: of this epoch's other draws.
        epoch: from 0.
    """

    images: torch.Tensor
    labels: torch.Tensor
    indices: np.ndarray
    generator: torch.Generator
    epoch: int

    def draw(self, repetition: int = 0) -> int:
        """Which draw of encoder and gates a forward pass takes: another in every epoch and repetition.

        Draw 0 stays with evaluation, so that no epoch trains on the very spikes it is judged on.
        """
        return (self.epoch + 1) * _DRAWS_OF_AN_EPOCH + repetition


@dataclass(frozen=True, eq=False)
class Loss:
    """What one update minimises.

    Attributes:
        value: scalar, differentiable in the network's parameters.
        logits: ``(N, classes)`` that the progress report counts as right or wrong.
    """

    value: torch.Tensor
    logits: torch.Tensor


class Objective(Protocol):
    """What a batch asks of the network: one update of its parameters per loss.

    :meth:`losses` yields; the loop goes back through the loss, updates, and asks for the next one, so
    what stands behind a ``yield`` runs after the update, with the gradients still readable. An
    objective may run the network as often as it likes, in ``eval`` mode for an inner attack. What it
    needs of past batches (HIRE-SNN's noise) is :meth:`state`, which a checkpoint keeps.
    """

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """The losses of one batch; the network comes in ``train`` mode and must be left so at each yield."""
        ...

    def state(self) -> Mapping[str, torch.Tensor]:
        """What the next batch needs of the past ones, by name."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue from what :meth:`state` gave."""
        return


class CrossEntropy(Objective):
    """Cross-entropy of the logits, by backpropagation through time with the surrogate gradient.

    What it is taken on is :meth:`perturbed`: defences that add to it find the same images there.
    """

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """``(N, C, H, W)`` images in [0, 1] to train on, in place of the batch's own."""
        return batch.images

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss, on the perturbed images."""
        logits = network(self.perturbed(network, batch), batch.indices, batch.draw())
        yield Loss(F.cross_entropy(logits, batch.labels), logits)


@dataclass(frozen=True)
class Vanilla(CrossEntropy):
    """The images as they are."""
